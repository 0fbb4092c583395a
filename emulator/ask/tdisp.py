"""TDISP: the messages a host asks with, and what it holds against the replies.

A reply must have the version and the function of its request, and be exactly as long as its kind
(libspdm-based requesters check the same: spdm-emu `library/pci_tdisp_requester_lib`).
"""

from dataclasses import dataclass
from typing import TypeVar

from emulator.device.tdi import Request, TdiState
from emulator.errors import BrokenReply, TdispRefused, WireError
from emulator.vendor.pci import PciProtocol
from emulator.vendor.tdisp import codes, messages
from emulator.vendor.tdisp.codes import ErrorCode, Response
from emulator.vendor.tdisp.messages import SHAPE, Capabilities, Report, Tdisp
from emulator.wire import encode, parse

MAX_REPORT = 0xFFFF
"""The largest report, bytes: an offset has 16 bits."""

_M = TypeVar("_M", bound=Tdisp)
_CODE_AT = 2  # behind the number of the protocol, and the version


@dataclass(frozen=True)
class Portion:
    """A portion of a report, and how many bytes are left."""

    data: bytes
    left: int


def request(message: Tdisp) -> bytes:
    """The payload that asks."""
    return bytes((PciProtocol.TDISP,)) + encode(message, SHAPE)


def read(layout: type[_M], asked: Tdisp, payload: bytes) -> _M:
    """The response in a payload. Raises TdispRefused for an error, BrokenReply for a broken one."""
    name = Response(layout.CODE).name
    if payload[:1] != bytes((PciProtocol.TDISP,)):
        found = payload[0] if payload else "no byte"
        raise BrokenReply(name, "protocol", found=found, expected=int(PciProtocol.TDISP))
    code = payload[_CODE_AT] if len(payload) > _CODE_AT else None
    refused = code == Response.TDISP_ERROR
    if code != layout.CODE and not refused:
        found = "no byte" if code is None else f"{code:#04x}"
        raise BrokenReply(name, "message type", found=found, expected=f"{layout.CODE:#04x}")
    if refused:
        error = _parsed(messages.TdispError, asked, payload)
        known = error.error_code in set(ErrorCode)
        told = ErrorCode(error.error_code).name if known else "an unknown error"
        raise TdispRefused(Request(asked.CODE).name, error.error_code, told, error.error_data)
    return _parsed(layout, asked, payload)


def _parsed(layout: type[_M], asked: Tdisp, payload: bytes) -> _M:
    """A message that answers `asked`. Raises BrokenReply."""
    name = Response(layout.CODE).name
    try:
        said, _ = parse(layout, payload[1:], SHAPE)
    except WireError as error:
        raise BrokenReply(
            name, error.field or "size", found=error.reason, expected="a whole message"
        ) from error
    if said.version != codes.VERSION:
        raise BrokenReply(name, "version", found=said.version, expected=codes.VERSION)
    if said.function != asked.function:
        found, expected = f"{said.function:#x}", f"{asked.function:#x}"
        raise BrokenReply(name, "function", found=found, expected=expected)
    return said


def read_versions(asked: Tdisp, payload: bytes) -> tuple[int, ...]:
    """The versions of TDISP_VERSION; 1.0, which is spoken here, must be among them."""
    said = read(messages.Versions, asked, payload)
    if codes.VERSION not in said.entries:
        found = said.entries.hex(" ") or "none"
        raise BrokenReply("TDISP_VERSION", "entries", found=found, expected="10, for 1.0")
    return tuple(said.entries)


def read_capabilities(asked: Tdisp, payload: bytes) -> Capabilities:
    """TDISP_CAPABILITIES; what all devices must support, they must say."""
    said = read(Capabilities, asked, payload)
    bits = int.from_bytes(said.messages_supported, "little")
    lacking = [one.name for one in Request if one <= Request.STOP_INTERFACE and not _has(bits, one)]
    if lacking:
        found = f"no {', '.join(lacking)}"
        raise BrokenReply(
            "TDISP_CAPABILITIES",
            "messages_supported",
            found=found,
            expected="all but optional ones",
        )
    return said


def _has(bits: int, request: Request) -> bool:
    return bool(bits >> (request & 0x7F) & 1)


def supported(capabilities: Capabilities) -> tuple[Request, ...]:
    """The requests that capabilities name."""
    bits = int.from_bytes(capabilities.messages_supported, "little")
    return tuple(one for one in Request if _has(bits, one))


def read_state(asked: Tdisp, payload: bytes) -> TdiState:
    """The state of DEVICE_INTERFACE_STATE."""
    said = read(messages.StateResponse, asked, payload)
    if said.state not in set(TdiState):
        raise BrokenReply("DEVICE_INTERFACE_STATE", "state", found=said.state, expected="0 to 3")
    return TdiState(said.state)


def read_portion(asked: messages.GetReport, payload: bytes, total: int | None) -> Portion:
    """A portion of a report, of which the first has said that it is `total` bytes long."""
    name = "DEVICE_INTERFACE_REPORT"
    said = read(messages.ReportPortion, asked, payload)
    size = len(said.portion)
    if not 1 <= size <= asked.length:
        raise BrokenReply(name, "portion_length", found=size, expected=f"1 to {asked.length}")
    whole = asked.offset + size + said.remainder_length
    if whole > MAX_REPORT:
        found, expected = said.remainder_length, MAX_REPORT - asked.offset - size
        raise BrokenReply(name, "remainder_length", found=found, expected=f"up to {expected}")
    if total is not None and whole != total:
        expected = total - asked.offset - size
        found = said.remainder_length
        raise BrokenReply(name, "remainder_length", found=found, expected=expected)
    return Portion(said.portion, said.remainder_length)


def read_report(data: bytes) -> Report:
    """The report that its portions make together. Raises BrokenReply."""
    try:
        made, _ = parse(Report, data, SHAPE)
    except WireError as error:
        raise BrokenReply(
            "report", error.field or "size", found=error.reason, expected="a whole report"
        ) from error
    return made
