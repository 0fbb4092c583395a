"""RESPOND_IF_READY: asking again for a reply that was not ready.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_handle_error_response.c`. The ERROR and this
request stay out of every transcript: the original request and the reply stand there.
"""

from dataclasses import dataclass

from emulator.ask.request import Request
from emulator.errors import BrokenReply, PeerErrorReply
from emulator.spdm.codes import Code, ErrorCode
from emulator.wire import U8, Message, Shape, Structure, encode, message, parse, structure, wire

MAX_EXPONENT = 31
"""libspdm's bound on RDTExponent (`LIBSPDM_MAX_RDT_EXPONENT`)."""


@structure
class NotReady(Structure):
    """The extended data of ERROR ResponseNotReady.

    The reply is ready after 2^`rdt_exponent` microseconds, and kept for `rdtm` times as long.
    """

    rdt_exponent: int = wire(U8())
    request_code: int = wire(U8())
    token: int = wire(U8())
    rdtm: int = wire(U8())


@message(Code.RESPOND_IF_READY)
class RespondIfReady(Message):
    """Asks for the reply to an earlier request, named by its code and the token of the ERROR."""

    request_code: int = wire(U8())
    token: int = wire(U8())


@dataclass(frozen=True)
class ReadyRequest:
    """The request to send once the reply should be ready.

    Attributes:
        raw: its bytes.
        wait: microseconds the peer asks us to wait first.
    """

    raw: bytes
    wait: int


def not_ready(request: Request[object], error: PeerErrorReply) -> ReadyRequest | None:
    """How to ask again, where `error` is a legal ResponseNotReady for `request`; else None.

    Raises BrokenReply where its extended data break a rule.
    """
    if error.code != ErrorCode.RESPONSE_NOT_READY:
        return None
    try:
        told = _read(request, error)
    except BrokenReply:
        raise
    message = RespondIfReady(
        version=request.message.version, request_code=told.request_code, token=told.token
    )
    return ReadyRequest(encode(message, Shape(message.version)), 1 << told.rdt_exponent)
