"""Answers GET_ENCAPSULATED_REQUEST and DELIVER_ENCAPSULATED_RESPONSE: the device asks in its turn.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_encap_response.c`.
"""

from dataclasses import replace

from emulator.answer import asking
from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import handles
from emulator.errors import (
    InvalidRequest,
    InvalidResponseCode,
    NoPendingRequests,
    PeerError,
    PeerErrorReply,
    SpdmError,
    UnexpectedRequest,
    UnsupportedRequest,
)
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code, ErrorCode
from emulator.spdm.messages import (
    DeliverEncapsulatedResponse,
    EncapsulatedRequest,
    EncapsulatedResponseAck,
    Error,
    GetEncapsulatedRequest,
)
from emulator.spdm.messages.encapsulated import AckPayload
from emulator.spdm.questions import (
    IDLE,
    IDS,
    Asking,
    EventsQuestion,
    NewKeyQuestion,
    Progress,
    encapsulates,
)
from emulator.spdm.session import ANYWHERE, Phase
from emulator.spdm.versions import Version

_EITHER = Cap.ENCAP | Cap.MUT_AUTH
_HEADER = 4


def _check_agreed(exchange: Exchange) -> None:
    connection = exchange.connection
    for side in (connection.local_capabilities, connection.peer_capabilities):
        if not encapsulates(connection.version, side):
            name = Code(exchange.code).name
            raise UnsupportedRequest(f"{name} without ENCAP", data=exchange.code)


def _next(exchange: Exchange, waiting: Asking) -> Asking:
    """The next question's first request; `IDLE` where there is none."""
    queue = waiting.queue
    while queue:
        first, queue = queue[0], queue[1:]
        step = asking.begin(exchange, first)
        if step is not None:
            return Asking(queue, step, 1)
    return IDLE


def _waiting(exchange: Exchange) -> Asking:
    """What is to be asked, with what falls due by itself."""
    waiting = exchange.connection.asking
    session, after = exchange.session, exchange.device.sessions.key_update_after
    if session is not None and session.notices is not None and session.notices.waiting:
        waiting = waiting.also(EventsQuestion())
    if session is not None and session.phase is Phase.ESTABLISHED and after:
        used = session.records_sent
        return waiting.also(NewKeyQuestion()) if used >= after else waiting
    return waiting


@handles(GetEncapsulatedRequest, needs=_EITHER, peer=_EITHER, where=ANYWHERE)
def get_encapsulated_request(exchange: Exchange, request: GetEncapsulatedRequest) -> Outcome:
    """What the device asks; the same again where its answer is due already."""
    _check_agreed(exchange)
    waiting = _waiting(exchange)
    if waiting.step is None:
        waiting = _next(exchange, waiting)
    if waiting.step is None:
        named = request.version >= Version.V1_3
        raise (NoPendingRequests if named else UnexpectedRequest)("nothing is to be asked")
    return Outcome(
        reply=EncapsulatedRequest(
            version=request.version, request_id=waiting.number, request=waiting.step.request
        ),
        shape=exchange.connection.shape(),
        changes={"asking": waiting},
    )


@handles(DeliverEncapsulatedResponse, needs=_EITHER, peer=_EITHER, where=ANYWHERE)
def deliver_encapsulated_response(
    exchange: Exchange, request: DeliverEncapsulatedResponse
) -> Outcome:
    """What was answered; and what is asked next.

    An answer that is none ends the question, and so does one that is not ready.
    """
    _check_agreed(exchange)
    connection = exchange.connection
    asked = connection.asking
    if asked.step is None:
        raise UnexpectedRequest("an answer, and nothing was asked")
    if request.request_id != asked.number:
        raise InvalidRequest(f"answer {request.request_id} where {asked.number} was asked")
    if len(request.response) < _HEADER:
        raise InvalidRequest(f"an answer of {len(request.response)} bytes")
    try:
        progress = asked.step.accept(exchange, request.response)
    except PeerErrorReply as error:
        if error.code == ErrorCode.RESPONSE_NOT_READY:
            return _acknowledged(exchange, request, asked, Progress())
        return _refused(exchange, asked, error)
    except PeerError as error:
        return _refused(exchange, asked, error)
    return _acknowledged(exchange, request, asked, progress)


def _refused(exchange: Exchange, asked: Asking, why: PeerError) -> Outcome:
    """ERROR InvalidResponseCode: the question is given up.

    A requester that could not open our record has lost the session.
    """
    error: SpdmError = InvalidResponseCode(str(why))
    connection, session = exchange.connection, exchange.session
    lost = isinstance(why, PeerErrorReply) and why.code == ErrorCode.DECRYPT_ERROR
    ends = (lambda: connection.end(session),) if lost and session is not None else ()
    return Outcome(
        reply=Error(version=connection.version, error_code=error.code),
        shape=connection.shape(),
        refused=error,
        changes={"asking": replace(asked, step=None, number=0)},
        effects=ends,
    )


def _acknowledged(
    exchange: Exchange, request: DeliverEncapsulatedResponse, asked: Asking, progress: Progress
) -> Outcome:
    """ENCAPSULATED_RESPONSE_ACK with what is asked next, or with the slot to be used."""
    after = Asking(asked.queue, progress.next, (asked.number + 1) % IDS)
    kind, payload = AckPayload.ABSENT, b""
    if progress.next is None:
        after = replace(after, number=0)
        if progress.slot:
            kind, payload = AckPayload.SLOT_NUMBER, bytes((progress.slot,))
        elif progress.slot is None:
            after = _next(exchange, after)
    if after.step is not None:
        kind, payload = AckPayload.REQUEST, after.step.request
    closing = progress.closing

    def close(*_: bytes) -> bytes:
        if closing is not None:
            closing()
        return b""

    return Outcome(
        reply=EncapsulatedResponseAck(
            version=request.version,
            request_id=after.number,
            payload_type=kind,
            ack_request_id=request.request_id,
            payload=payload,
        ),
        shape=exchange.connection.shape(),
        closing=close,
        changes={"asking": after},
        effects=progress.effects,
        session=None if closing is None else exchange.session,
    )
