"""Answers FINISH and PSK_FINISH.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_finish_rsp.c`,
`libspdm_rsp_psk_finish_rsp.c`.
"""

from dataclasses import dataclass
from functools import partial

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.mutual import signer
from emulator.answer.place import misplaced
from emulator.answer.registry import handles
from emulator.ask.chain import Signer
from emulator.ask.verify import verify
from emulator.errors import DecryptError, InvalidRequest, UnexpectedRequest
from emulator.spdm import signing
from emulator.spdm.capabilities import Cap
from emulator.spdm.connection import Connection
from emulator.spdm.doctor import Case, Signature, UnprovenError, VerifyData
from emulator.spdm.key_schedule import Direction
from emulator.spdm.messages import Error, Finish, FinishRsp, PskFinish, PskFinishRsp
from emulator.spdm.messages.key_exchange import SIGNATURE_INCLUDED
from emulator.spdm.session import Phase, Session
from emulator.spdm.session_transcript import SessionTranscript


@handles(Finish, needs=Cap.KEY_EX, peer=Cap.KEY_EX, where=Phase.CLEAR | Phase.HANDSHAKE)
def finish(exchange: Exchange, request: Finish) -> Outcome:
    """End the handshake of a key exchange, where it is agreed to be: in the clear, or inside."""
    connection = exchange.connection
    in_the_clear = connection.both(Cap.HANDSHAKE_IN_THE_CLEAR)
    session = exchange.session
    if (session is None) != in_the_clear:
        agreed = "in the clear" if in_the_clear else "encrypted"
        raise misplaced(request.version, f"FINISH where the handshake is {agreed}")
    if session is None:
        session = connection.sessions.get(connection.latest)
    if session is None:
        raise misplaced(request.version, "FINISH and no session was begun")
    if session.psk or session.phase is not Phase.HANDSHAKE:
        raise UnexpectedRequest("FINISH for a session that is not in its handshake")
    signed = bool(request.attributes & SIGNATURE_INCLUDED)
    if signed != bool(session.mutual):
        stands = "is signed, and it was not asked to be" if signed else "is not signed"
        raise InvalidRequest(f"FINISH {stands}")
    if signed and request.requester_slot != session.requester_slot:
        slot = f"slot {request.requester_slot} where {session.requester_slot} is to be used"
        raise InvalidRequest(f"FINISH with {slot}")
    return _end_handshake(exchange, session, request)


@handles(PskFinish, needs=Cap.PSK_WITH_CONTEXT, peer=Cap.PSK, where=Phase.HANDSHAKE)
def psk_finish(exchange: Exchange, request: PskFinish) -> Outcome:
    """End the handshake of a pre-shared key."""
    session = exchange.session
    if session is None or not session.psk:
        raise UnexpectedRequest("PSK_FINISH for a session of a key exchange")
    return _end_handshake(exchange, session, request)


@dataclass(slots=True)
class _Ending:
    """The end of a handshake under way.

    Attributes:
        exchange: the exchange that brings it.
        session: the session.
        transcript: its transcript, of which it is not sure yet that it stands.
        proves: the reply carries verify data.
    """

    exchange: Exchange
    session: Session
    transcript: SessionTranscript
    proves: bool

    def close(self, request: bytes, reply: bytes, signature: bytes) -> bytes:
        """The verify data of the reply."""
        del request, signature
        self.transcript.finish(reply)
        if not self.proves:
            return b""
        secrets = self.session.secrets
        verify_data = secrets.verify_data(Direction.RESPONSE, self.digest())
        self.transcript.verify_finish(verify_data)
        return verify_data

    def digest(self) -> bytes:
        """The hash of the transcript up to now; in the end TH2."""
        return self.transcript.digest(self.exchange.hash().name)

    def establish(self) -> None:
        """The reply is sealed, still by the handshake's keys."""
        self.session.establish(self.transcript, self.digest(), self.exchange.now)


def _unproven(ending: _Ending, request: Finish | PskFinish) -> DecryptError | None:
    """What is wrong with the requester's signature, where there is one, or its verify data."""
    exchange, session, transcript = ending.exchange, ending.session, ending.transcript
    end = exchange.size - len(request.verify_data)
    signature, who = b"", None
    if session.mutual and isinstance(request, Finish):
        signature = request.signature
        who = signer(exchange, session.requester_slot, session.requester_chain)
        if who is None:
            return DecryptError("FINISH is signed, and no chain of the requester's was accepted")
        transcript.authenticate(who.digest, digests=session.requester_digests)
    transcript.finish(exchange.raw[: end - len(signature)])
    if who is not None:
        around = exchange.connection.turn()
        verified = verify(around, who, signing.FINISH, transcript.view, signature)
        if verified.problem:
            return _unsigned(session, around, who, transcript, signature, verified.problem)
        transcript.sign_finish(signature)
    if not session.secrets.verifies(Direction.REQUEST, ending.digest(), request.verify_data):
        case = Case(session, VerifyData(request.verify_data), transcript.view)
        return UnprovenError("the requester's verify data is wrong", case)
    return None


def _unsigned(
    session: Session,
    around: Connection,
    who: Signer,
    transcript: SessionTranscript,
    signature: bytes,
    problem: str,
) -> DecryptError:
    """Why a signature of the requester's does not prove it, with the case where there is a key."""
    reason = f"the requester's signature: {problem}"
    asym = around.algorithms.asym
    key = None if asym is None else who.key(asym.name)
    if key is None:
        return DecryptError(reason)
    return UnprovenError(reason, Case(session, Signature(signature, key), transcript.view))


def _end_handshake(exchange: Exchange, session: Session, request: Finish | PskFinish) -> Outcome:
    """Check what the requester proves; where it is wrong, the session ends."""
    connection = exchange.connection
    ending = _Ending(exchange, session, session.transcript.copy(), exchange.session is None)
    error = _unproven(ending, request)
    if error is not None:
        return Outcome(
            reply=Error(version=request.version, error_code=error.code),
            shape=connection.shape(),
            refused=error,
            effects=(partial(connection.end, session),),
        )
    ending.transcript.verify_finish(request.verify_data)
    reply = FinishRsp if isinstance(request, Finish) else PskFinishRsp
    return Outcome(
        reply=reply(version=request.version),
        shape=connection.shape(),
        closing=ending.close,
        effects=(ending.establish,),
        session=session,
    )
