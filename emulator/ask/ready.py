"""A peer that is not ready: how long to wait, and asking again with RESPOND_IF_READY.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_handle_error_response.c`. The ERROR and
RESPOND_IF_READY stay out of every transcript: the original request and the reply stand there.
"""

from typing import Any

from emulator.ask.request import Request
from emulator.errors import BrokenReply, PeerErrorReply, WireError
from emulator.spdm.codes import Code, ErrorCode
from emulator.spdm.messages import NotReady, RespondIfReady
from emulator.spdm.messages.ready import MAX_RDT_EXPONENT
from emulator.wire import Shape, decode, encode

BUSY_WAIT = 0.01
"""Seconds to wait before a request is sent again to a peer that is busy."""

_ERROR_SIZE = 4
_MICROSECOND = 1e-6
_ANY_SHAPE = Shape()


def respond_if_ready(request: Request[Any], error: PeerErrorReply) -> bytes:
    """The RESPOND_IF_READY that follows a ResponseNotReady to `request`.

    Raises BrokenReply where the extended data of the ERROR break a rule.
    """
    try:
        told, _ = decode(NotReady, error.extended, _ANY_SHAPE)
    except WireError as wrong:
        found = f"{len(error.extended)} bytes"
        raise BrokenReply("ERROR", "extended", found=found, expected="4 bytes") from wrong
    if told.request_code != request.code:
        found, expected = (f"0x{code:02x}" for code in (told.request_code, request.code))
        raise BrokenReply("ERROR", "request_code", found=found, expected=expected)
    if told.rdtm <= 1:
        raise BrokenReply("ERROR", "rdtm", found=told.rdtm, expected="2 or more")
    if told.rdt_exponent > MAX_RDT_EXPONENT:
        raise BrokenReply(
            "ERROR", "rdt_exponent", found=told.rdt_exponent, expected=f"at most {MAX_RDT_EXPONENT}"
        )
    again = RespondIfReady(
        version=request.message.version, request_code=told.request_code, token=told.token
    )
    return encode(again, Shape(again.version))


def wait_asked(reply: bytes) -> float:
    """Seconds to wait after `reply` before the next request: 0 unless it is busy or not ready."""
    if len(reply) < _ERROR_SIZE or reply[1] != Code.ERROR:
        return 0.0
    if reply[2] == ErrorCode.BUSY:
        return BUSY_WAIT
    if reply[2] == ErrorCode.RESPONSE_NOT_READY and len(reply) > _ERROR_SIZE:
        return float(_MICROSECOND * (1 << min(reply[_ERROR_SIZE], MAX_RDT_EXPONENT)))
    return 0.0
