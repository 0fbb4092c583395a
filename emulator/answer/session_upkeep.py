"""Answers HEARTBEAT, KEY_UPDATE and END_SESSION.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_heartbeat.c`,
`libspdm_rsp_key_update_ack.c` and `libspdm_rsp_end_session_ack.c`.
"""

from functools import partial

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import handles
from emulator.errors import InvalidRequest, SessionRequired, UnexpectedRequest
from emulator.spdm.capabilities import PSK_ANY, Cap
from emulator.spdm.messages import (
    EndSession,
    EndSessionAck,
    Heartbeat,
    HeartbeatAck,
    KeyUpdate,
    KeyUpdateAck,
)
from emulator.spdm.messages.session import EndAttributes, KeyOperation
from emulator.spdm.session import Phase, Session

_UPDATES = (KeyOperation.UPDATE_KEY, KeyOperation.UPDATE_ALL_KEYS)


def _session(exchange: Exchange) -> Session:
    if exchange.session is None:
        raise SessionRequired("a request about a session outside of one")
    return exchange.session


@handles(Heartbeat, needs=Cap.HBEAT, peer=Cap.HBEAT, where=Phase.ESTABLISHED)
def heartbeat(exchange: Exchange, request: Heartbeat) -> Outcome:
    """Both are still there."""
    if not _session(exchange).heartbeat:
        raise UnexpectedRequest("HEARTBEAT where the period is 0")
    reply = HeartbeatAck(version=request.version)
    return Outcome(reply=reply, shape=exchange.connection.shape())


@handles(KeyUpdate, needs=Cap.KEY_UPD, peer=Cap.KEY_UPD, where=Phase.ESTABLISHED)
def key_update(exchange: Exchange, request: KeyUpdate) -> Outcome:
    """Take new keys, or the proof of the requester's."""
    session = _session(exchange)
    if request.operation == KeyOperation.VERIFY_NEW_KEY:
        if session.updating is None:
            raise InvalidRequest("VERIFY_NEW_KEY without a new key")
        if session.outdated:
            raise InvalidRequest("VERIFY_NEW_KEY under the old key")
    elif request.operation not in _UPDATES:
        raise InvalidRequest(f"key operation {request.operation}")
    elif session.updating is not None:
        raise InvalidRequest("another new key while the last is not verified")
    return Outcome(
        reply=KeyUpdateAck(version=request.version, operation=request.operation, tag=request.tag),
        shape=exchange.connection.shape(),
        closing=partial(_turn, session, KeyOperation(request.operation)),
        session=session,
    )


def _turn(session: Session, operation: KeyOperation, *_: bytes) -> bytes:
    """Before the reply is sealed, which is under the device's new key already."""
    if operation is KeyOperation.VERIFY_NEW_KEY:
        session.verified()
    else:
        session.update(operation)
    return b""


@handles(EndSession, needs=Cap.KEY_EX | PSK_ANY, where=Phase.ESTABLISHED)
def end_session(exchange: Exchange, request: EndSession) -> Outcome:
    """End the session; what the device keeps of the negotiation (CACHE) may go with it."""
    device, connection = exchange.device, exchange.connection
    session = _session(exchange)

    def forget() -> None:
        device.cached = None

    clears = EndAttributes.CLEAR_NEGOTIATED_STATE in request.attributes
    return Outcome(
        reply=EndSessionAck(version=request.version),
        shape=connection.shape(),
        effects=(partial(connection.end, session), *((forget,) if clears else ())),
    )
