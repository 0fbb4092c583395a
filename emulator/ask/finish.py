"""FINISH and PSK_FINISH: the end of a session's handshake.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_finish.c`, `libspdm_req_psk_finish.c`.
"""

from emulator.ask.opaque import check_opaque
from emulator.ask.request import Request
from emulator.ask.verify import check_verify_data
from emulator.errors import EmulatorError
from emulator.spdm.capabilities import PSK_ANY, Cap
from emulator.spdm.connection import Connection
from emulator.spdm.key_schedule import Direction
from emulator.spdm.messages import Finish, FinishRsp, PskFinish, PskFinishRsp
from emulator.spdm.session import Phase, Session
from emulator.wire import encode


class _FinishingRequest(Request[bytes]):
    """What both have in common; the reply is TH2's hash."""

    def __init__(
        self, session: Session, connection: Connection, layout: type[Finish] | type[PskFinish]
    ) -> None:
        """Prove our finished key to the peer of `connection`.

        Raises EmulatorError for a session that is not in its handshake.
        """
        if session.phase is not Phase.HANDSHAKE:
            stands = "is established" if session.live else "is over"
            raise EmulatorError(f"session {session.id:08x} {stands}")
        self._session = session
        self._hash = connection.algorithms.hash.name if connection.algorithms.hash else ""
        self._transcript = session.transcript.copy()
        unproven = layout(version=connection.version)
        self._transcript.finish(encode(unproven, connection.shape()))
        digest = self._transcript.digest(self._hash)
        verify_data = session.secrets.verify_data(Direction.REQUEST, digest)
        self._transcript.verify_finish(verify_data)
        message = layout(version=connection.version, verify_data=verify_data)
        super().__init__(connection, message, connection.shape(verify=True))

    def _conclude(self, raw: bytes) -> bytes:
        """Record the exchange, of which `transcript` holds all: the handshake is over."""
        self._record(None, raw)
        th2 = self._transcript.digest(self._hash)
        # A requester keeps no clock: it may let a heartbeat be late, and sees what comes of it.
        self._session.establish(self._transcript, th2, 0.0)
        return th2


class FinishRequest(_FinishingRequest):
    """Ends the handshake of a key exchange, in the clear or inside of the session."""

    needs = Cap.KEY_EX

    def __init__(self, session: Session, connection: Connection) -> None:
        """`connection`: the one around the session where the handshake is in the clear."""
        self._clear = connection.both(Cap.HANDSHAKE_IN_THE_CLEAR)
        super().__init__(session, connection, Finish)

    def _accept(self, reply: bytes) -> bytes:
        shape = self.connection.shape(verify=self._clear)
        theirs, raw = self._read(FinishRsp, reply, shape)
        check_opaque(self.connection, "FINISH_RSP", theirs.opaque)
        self._transcript.finish(raw[: len(raw) - shape.verify])
        if self._clear:
            digest = self._transcript.digest(self._hash)
            check_verify_data(self._session, "FINISH_RSP", digest, theirs.verify_data)
            self._transcript.verify_finish(theirs.verify_data)
        return self._conclude(raw)


class PskFinishRequest(_FinishingRequest):
    """Ends the handshake of a pre-shared key, always inside of the session."""

    needs = PSK_ANY

    def __init__(self, session: Session) -> None:
        super().__init__(session, session.context, PskFinish)

    def _accept(self, reply: bytes) -> bytes:
        theirs, raw = self._read(PskFinishRsp, reply, self.connection.shape())
        check_opaque(self.connection, "PSK_FINISH_RSP", theirs.opaque)
        self._transcript.finish(raw)
        return self._conclude(raw)
