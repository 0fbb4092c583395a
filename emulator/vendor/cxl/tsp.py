"""CXL TSP on the device's side, as far as a target's configuration and its lock go.

Rules: CXL Specification 3.1, section 11.5.5; libspdm's sample (spdm-emu
`library/cxl_tsp_responder_lib`, `library/cxl_tsp_device_lib_sample`), whose first session that asks
for the version is the primary one.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from emulator.device.cxl import Configuration, Target, TspState
from emulator.device.cxl.tsp import SECONDARY_KEY_SIZE, hint_of
from emulator.errors import SessionRequired, WireError
from emulator.spdm.session import Session
from emulator.vendor.cxl import tsp_messages as messages
from emulator.vendor.cxl.tsp_messages import HEADER_SIZE, SHAPE, VERSION, Opcode, TspErrorCode
from emulator.vendor.cxl.tsp_rules import possible, secondary_sessions
from emulator.vendor.registry import VendorExchange
from emulator.wire import Message, encode, parse

_SETTINGS = (
    "encryption",
    "algorithm",
    "access",
    "out_of_band_granularity",
    "features",
    "ckid_base",
    "ckids",
    "granularities",
)
_CAPABILITIES = (
    "encryption_supported",
    "algorithms_supported",
    "range_based_keys",
    "access_supported",
    "out_of_band_granularity_supported",
    "in_band_granularity_supported",
    "features_supported",
    "ckids",
    "secondary_sessions",
)
_PORTION = 0x200
"""The most of a report in one portion (`LIBCXLTSP_CONFIGURATION_REPORT_PORTION_LEN`)."""
_MAX_RANGES = 32
_STRUCTURES_SIZE = 0x3C + 0x20 + 0x38 + 0x10 + 0x10
"""The registers that a report has between its first DWORD and the CXL IDE structure, bytes; there
is no HDM decoder."""


class _Refused(Exception):
    """A request is answered with an error."""

    def __init__(self, code: TspErrorCode) -> None:
        super().__init__(code)
        self.code = code


class CxlTsp:
    """The protocol; what it knows is the device's (`Device.cxl`)."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes | None:
        """The message that answers; None outside of a session."""
        cxl, session = exchange.device.cxl, exchange.session
        if cxl is None or cxl.target is None or session is None:
            exchange.refusals.append(SessionRequired("CXL TSP outside of a session"))
            return None
        registers = b"".join(
            one.to_bytes(4, "little")
            for port in (cxl.ide.port(0),)
            if port
            for one in port.registers()
        )
        try:
            answer = _Asked(cxl.target, session, exchange, registers).answer(payload)
        except _Refused as refused:
            answer = messages.TspError(version=VERSION, error_code=refused.code)
        return encode(answer, SHAPE)


class _Asked:
    """One request."""

    def __init__(
        self, target: Target, session: Session, exchange: VendorExchange, registers: bytes
    ) -> None:
        self.target = target
        self.session = session
        self.exchange = exchange
        self.registers = registers

    def answer(self, payload: bytes) -> Message:
        """The answer. Raises _Refused."""
        if len(payload) < HEADER_SIZE:
            raise _Refused(TspErrorCode.INVALID_REQUEST)
        if payload[1] not in _HANDLERS:
            raise _Refused(TspErrorCode.UNSUPPORTED_REQUEST)
        opcode = Opcode(payload[1])
        if payload[0] != VERSION:
            raise _Refused(TspErrorCode.VERSION_MISMATCH)
        handler, primary_only = _HANDLERS[opcode]
        if primary_only is not None:
            self._check_privilege(primary_only=primary_only)
        try:
            request, _ = parse(messages.LAYOUTS[opcode], payload, SHAPE)
        except WireError:
            raise _Refused(TspErrorCode.INVALID_REQUEST) from None
        return handler(self, request)

    def _check_privilege(self, *, primary_only: bool) -> None:
        primary = self.target.primary is self.session
        secondary = not primary_only and self.target.index_of(self.session) is not None
        if not primary and not secondary:
            raise _Refused(TspErrorCode.NO_PRIVILEGE)

    def _check_state(self, *states: TspState) -> None:
        if self.target.state not in states:
            raise _Refused(TspErrorCode.INVALID_SECURITY_STATE)

    def version(self, request: messages.GetTspVersion) -> Message:
        """GET_TARGET_TSP_VERSION: who asks first has the primary session."""
        del request
        if self.target.index_of(self.session) is None:
            self.exchange.effects.append(partial(self.target.begin, self.session))
        return messages.TspVersions(version=VERSION, entries=bytes((VERSION,)))

    def capabilities(self, request: messages.GetTargetCapabilities) -> Message:
        """GET_TARGET_CAPABILITIES."""
        del request
        able = self.target.capabilities
        told = {name: getattr(able, name) for name in _CAPABILITIES}
        return messages.TargetCapabilitiesResponse(version=VERSION, **told)

    def configure(self, request: messages.SetTargetConfiguration) -> Message:
        """SET_TARGET_CONFIGURATION."""
        self._check_state(TspState.CONFIG_UNLOCKED)
        able = self.target.capabilities
        wanted = Configuration(**{name: getattr(request, name) for name in _SETTINGS})
        count = secondary_sessions(request.validity, able)
        if count is None or not possible(wanted, able):
            raise _Refused(TspErrorCode.INVALID_REQUEST)
        size = SECONDARY_KEY_SIZE
        keys = {
            hint_of(index): request.key_material[index * size : (index + 1) * size]
            for index in range(count)
        }
        self.exchange.effects.append(partial(self.target.configure, wanted, keys))
        return messages.SetTargetConfigurationResponse(version=VERSION)

    def configuration(self, request: messages.GetTargetConfiguration) -> Message:
        """GET_TARGET_CONFIGURATION."""
        del request
        self._check_state(TspState.CONFIG_UNLOCKED, TspState.CONFIG_LOCKED)
        told = {name: getattr(self.target.configuration, name) for name in _SETTINGS}
        return messages.TargetConfigurationResponse(
            version=VERSION, state=self.target.state, **told
        )

    def report(self, request: messages.GetTargetReport) -> Message:
        """GET_TARGET_CONFIGURATION_REPORT: the registers of CXL IDE are those there are."""
        self._check_state(TspState.CONFIG_UNLOCKED, TspState.CONFIG_LOCKED)
        whole = b"\x01\0\0\0" + bytes(_STRUCTURES_SIZE) + self.registers
        if not request.length or request.offset >= len(whole):
            raise _Refused(TspErrorCode.INVALID_REQUEST)
        end = request.offset + min(request.length, _PORTION)
        portion = whole[request.offset : end]
        left = len(whole) - request.offset - len(portion)
        return messages.TargetReportPortion(version=VERSION, remainder_length=left, portion=portion)

    def lock(self, request: messages.LockTarget) -> Message:
        """LOCK_TARGET_CONFIGURATION."""
        del request
        if self.target.state is TspState.CONFIG_LOCKED:
            raise _Refused(TspErrorCode.ALREADY_LOCKED)
        self._check_state(TspState.CONFIG_UNLOCKED)
        self.exchange.effects.append(self.target.lock)
        return messages.LockTargetResponse(version=VERSION)

    def te_state(self, request: messages.SetTeState) -> Message:
        """SET_TARGET_TE_STATE; with out-of-band changes enabled, ranges have their granularity."""
        self._check_state(TspState.CONFIG_LOCKED)
        granularity = self.target.configuration.out_of_band_granularity << 6 or 1
        if request.te_state > 1 or not 1 <= request.count <= _MAX_RANGES:
            raise _Refused(TspErrorCode.INVALID_REQUEST)
        for one in request.ranges:
            if not one.length or one.start % granularity or one.length % granularity:
                raise _Refused(TspErrorCode.INVALID_REQUEST)
        return messages.SetTeStateResponse(version=VERSION)


_HANDLERS: dict[int, tuple[Callable[[_Asked, Any], Message], bool | None]] = {
    Opcode.GET_TARGET_TSP_VERSION: (_Asked.version, None),
    Opcode.GET_TARGET_CAPABILITIES: (_Asked.capabilities, None),
    Opcode.SET_TARGET_CONFIGURATION: (_Asked.configure, True),
    Opcode.GET_TARGET_CONFIGURATION: (_Asked.configuration, False),
    Opcode.GET_TARGET_CONFIGURATION_REPORT: (_Asked.report, False),
    Opcode.LOCK_TARGET_CONFIGURATION: (_Asked.lock, True),
    Opcode.SET_TARGET_TE_STATE: (_Asked.te_state, False),
}
"""What answers each request, and whether it takes the primary session; None: any session does."""
