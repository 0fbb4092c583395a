"""HEARTBEAT, KEY_UPDATE and END_SESSION.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_heartbeat.c`, `libspdm_req_key_update.c`,
`libspdm_req_end_session.c`.
"""

from emulator.ask.request import Request
from emulator.errors import BrokenReply, EmulatorError
from emulator.spdm.capabilities import PSK_ANY, Cap
from emulator.spdm.connection import Connection
from emulator.spdm.key_schedule import Direction
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
from emulator.wire import Message


class _SessionRequest(Request[None]):
    """A request about the session it is sent in."""

    def __init__(self, session: Session, message: Message) -> None:
        """Raises EmulatorError for a session whose handshake is not over."""
        if session.phase is not Phase.ESTABLISHED:
            stands = "is in its handshake" if session.live else "is over"
            raise EmulatorError(f"session {session.id:08x} {stands}")
        self._session = session
        super().__init__(session.context, message)


class HeartbeatRequest(_SessionRequest):
    """Says that we are still there."""

    needs = Cap.HBEAT

    def __init__(self, session: Session) -> None:
        """Raises EmulatorError where the peer asked for no heartbeat."""
        if not session.heartbeat:
            raise EmulatorError(f"session {session.id:08x} has no heartbeat: its period is 0")
        super().__init__(session, Heartbeat(version=session.context.version))

    def _accept(self, reply: bytes) -> None:
        _, raw = self._read(HeartbeatAck, reply, self.connection.shape())
        self._record(None, raw)


class KeyUpdateRequest(_SessionRequest):
    """Asks for new keys, or proves ours.

    The peer answers UPDATE_ALL_KEYS under its new key, so that one is made with the request, and
    `Session.secrets` keeps the old one until the reply was accepted. Ours is made then, and kept
    beside the old one until VERIFY_NEW_KEY was answered.
    """

    needs = Cap.KEY_UPD

    def __init__(self, session: Session, operation: KeyOperation, tag: int) -> None:
        """`tag`: one byte, which the reply repeats."""
        self._operation = operation
        self._tag = tag
        message = KeyUpdate(version=session.context.version, operation=operation, tag=tag)
        super().__init__(session, message)
        if operation is KeyOperation.UPDATE_ALL_KEYS:
            session.secrets.update(Direction.RESPONSE)

    def _accept(self, reply: bytes) -> None:
        theirs, raw = self._read(KeyUpdateAck, reply, self.connection.shape())
        _check_repeated(theirs, self._operation, self._tag)
        if self._session.outdated:
            raise BrokenReply(
                "KEY_UPDATE_ACK", "record", found="the old key", expected="the responder's new key"
            )
        self._record(None, raw)
        secrets = self._session.secrets
        if self._operation is KeyOperation.VERIFY_NEW_KEY:
            secrets.confirm(Direction.REQUEST)
            self._session.updating = None
            return
        secrets.confirm(Direction.RESPONSE)
        secrets.update(Direction.REQUEST)
        self._session.updating = self._operation


class OwnKeyRequest(Request[None]):
    """Asks, as a responder does, to take our new key, or to prove that it was taken."""

    needs = Cap.KEY_UPD

    def __init__(self, connection: Connection, operation: KeyOperation, tag: int) -> None:
        """`tag`: one byte, which the reply repeats."""
        self._operation, self._tag = operation, tag
        message = KeyUpdate(version=connection.version, operation=operation, tag=tag)
        super().__init__(connection, message)

    def _accept(self, reply: bytes) -> None:
        theirs, _ = self._read(KeyUpdateAck, reply, self.connection.shape())
        _check_repeated(theirs, self._operation, self._tag)


def _check_repeated(theirs: KeyUpdateAck, operation: KeyOperation, tag: int) -> None:
    """Raise BrokenReply for an acknowledgement of something else."""
    for field, found, expected in (
        ("operation", theirs.operation, operation),
        ("tag", theirs.tag, tag),
    ):
        if found != expected:
            raise BrokenReply("KEY_UPDATE_ACK", field, found=int(found), expected=int(expected))


class EndSessionRequest(_SessionRequest):
    """Ends the session; the peer may be asked to forget what it keeps of the negotiation."""

    needs = Cap.KEY_EX | PSK_ANY

    def __init__(self, session: Session, *, forget: bool = False) -> None:
        """`forget` is said to a peer that keeps negotiations (CACHE), and to no other."""
        context = session.context
        clears = forget and Cap.CACHE in context.peer_capabilities
        attributes = EndAttributes.CLEAR_NEGOTIATED_STATE if clears else EndAttributes(0)
        super().__init__(session, EndSession(version=context.version, attributes=attributes))

    def _accept(self, reply: bytes) -> None:
        _, raw = self._read(EndSessionAck, reply, self.connection.shape())
        self._record(None, raw)
