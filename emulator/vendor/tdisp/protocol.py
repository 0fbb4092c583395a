"""TDISP on the device's side: an object of it in, the object that answers out.

Order of checks: in a session (PCI Express Base Specification 6.2, section 11.2.2: outside of one
there is no response), known request, length, version, interface, state, and then what the request
is about; as libspdm's responder has them (spdm-emu `library/pci_tdisp_responder_lib`).
"""

from emulator.device.tdi import TRANSITIONS, Interface, Interfaces, Request
from emulator.errors import SessionRequired, WireError
from emulator.vendor.registry import VendorExchange
from emulator.vendor.tdisp import codes
from emulator.vendor.tdisp.codes import ErrorCode
from emulator.vendor.tdisp.handlers import HANDLERS, Asked, Refused
from emulator.vendor.tdisp.messages import HEADER_SIZE, LAYOUTS, SHAPE, Tdisp, TdispError
from emulator.wire import encode, parse

_CODE_AT, _FUNCTION = 1, slice(4, 8)


class TdispProtocol:
    """The protocol; what it knows is the device's (`Device.tdi`)."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes | None:
        """The object that answers; None outside of a session."""
        interfaces = exchange.device.tdi
        if exchange.session is None or interfaces is None:
            exchange.refusals.append(SessionRequired("TDISP outside of a session"))
            return None
        try:
            answer = _answer(payload, exchange, interfaces)
        except Refused as refused:
            function = int.from_bytes(payload[_FUNCTION], "little")
            answer = TdispError(
                version=codes.VERSION,
                function=function,
                error_code=refused.code,
                error_data=refused.data,
                extended=refused.extended,
            )
        return encode(answer, SHAPE)


def _answer(payload: bytes, exchange: VendorExchange, interfaces: Interfaces) -> Tdisp:
    """The answer to a request. Raises Refused."""
    if len(payload) < HEADER_SIZE:
        raise Refused(ErrorCode.INVALID_REQUEST)
    code = payload[_CODE_AT]
    if code not in interfaces.supported():
        raise Refused(ErrorCode.UNSUPPORTED_REQUEST, data=code)
    request = Request(code)
    try:
        message, _ = parse(LAYOUTS[request], payload, SHAPE)
    except WireError:
        raise Refused(ErrorCode.INVALID_REQUEST) from None
    _check_version(request, message.version)
    interface = interfaces.find(message.function)
    if interface is None:
        raise Refused(ErrorCode.INVALID_INTERFACE)
    _check_refusals(request, interface, exchange)
    if interface.state not in TRANSITIONS[request].legal:
        raise Refused(ErrorCode.INVALID_INTERFACE_STATE)
    return HANDLERS[request](Asked(interface, interfaces, exchange), message)


def _check_version(request: Request, version: int) -> None:
    """GET_TDISP_VERSION may come in any minor version (section 11.3.4)."""
    if request is Request.GET_TDISP_VERSION:
        version = version & codes.MAJOR | codes.VERSION & ~codes.MAJOR
    if version != codes.VERSION:
        raise Refused(ErrorCode.VERSION_MISMATCH)


def _check_refusals(request: Request, interface: Interface, exchange: VendorExchange) -> None:
    """What the interface refuses on purpose; a refusal counts once it is said."""
    for refusal in interface.refusals:
        if refusal.request is request and refusal.times != 0:
            exchange.effects.append(refusal.given)
            raise Refused(refusal.error)
