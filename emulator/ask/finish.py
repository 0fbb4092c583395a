"""FINISH and PSK_FINISH: the end of a session's handshake.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_finish.c`, `libspdm_req_psk_finish.c`.
"""

from dataclasses import dataclass
from typing import Any

from emulator.ask.opaque import check_opaque
from emulator.ask.request import Request
from emulator.ask.verify import check_verify_data
from emulator.crypto.keys import SigningKey
from emulator.errors import EmulatorError
from emulator.spdm import signing
from emulator.spdm.capabilities import PSK_ANY, Cap
from emulator.spdm.connection import Connection
from emulator.spdm.key_schedule import Direction
from emulator.spdm.messages import Finish, FinishRsp, PskFinish, PskFinishRsp
from emulator.spdm.messages.key_exchange import SIGNATURE_INCLUDED
from emulator.spdm.session import Phase, Session
from emulator.spdm.signing import ToSign
from emulator.spdm.transcript import View
from emulator.wire import encode


@dataclass(frozen=True)
class OwnProof:
    """What we prove who we are by.

    Attributes:
        slot: our slot, or NO_SLOT for a key that the peer was given beforehand.
        digest: the hash of its chain, or of the key.
        key: what signs.
        digests: our DIGESTS as the peer has fetched them, where we may use several keys.
    """

    slot: int
    digest: bytes
    key: SigningKey
    digests: View = ()


class _FinishingRequest(Request[bytes]):
    """What both have in common; the reply is TH2's hash."""

    def __init__(
        self,
        session: Session,
        connection: Connection,
        layout: type[Finish] | type[PskFinish],
        proof: OwnProof | None = None,
    ) -> None:
        """Prove our finished key to the peer of `connection`, and by `proof` who we are.

        Raises EmulatorError for a session that is not in its handshake.
        """
        if session.phase is not Phase.HANDSHAKE:
            stands = "is established" if session.live else "is over"
            raise EmulatorError(f"session {session.id:08x} {stands}")
        self._session = session
        self._hash = connection.algorithms.hash.name if connection.algorithms.hash else ""
        self._transcript = session.transcript.copy()
        signed: dict[str, Any] = {}
        if proof is not None:
            self._transcript.authenticate(proof.digest, digests=proof.digests)
            signed = {"attributes": SIGNATURE_INCLUDED, "requester_slot": proof.slot}
        unproven = layout(version=connection.version, **signed)
        self._transcript.finish(encode(unproven, connection.shape()))
        if proof is not None:
            view = self._transcript.view
            to_sign = ToSign(connection.version, signing.FINISH, self._hash, view)
            signed["signature"] = proof.key.sign(to_sign)
            self._transcript.sign_finish(signed["signature"])
        digest = self._transcript.digest(self._hash)
        verify_data = session.secrets.verify_data(Direction.REQUEST, digest)
        self._transcript.verify_finish(verify_data)
        message = layout(version=connection.version, verify_data=verify_data, **signed)
        super().__init__(connection, message, connection.shape(verify=True, by_requester=True))

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

    def __init__(
        self, session: Session, connection: Connection, proof: OwnProof | None = None
    ) -> None:
        """End the handshake of `session`.

        Args:
            session: the session.
            connection: the one around it where the handshake is in the clear.
            proof: what we prove who we are by, where the peer asked for that.
        """
        self._clear = connection.both(Cap.HANDSHAKE_IN_THE_CLEAR)
        super().__init__(session, connection, Finish, proof)

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
