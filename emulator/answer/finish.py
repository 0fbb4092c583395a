"""Answers FINISH and PSK_FINISH.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_finish_rsp.c`,
`libspdm_rsp_psk_finish_rsp.c`.
"""

from dataclasses import dataclass
from functools import partial

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.place import misplaced
from emulator.answer.registry import handles
from emulator.errors import InvalidRequest, UnexpectedRequest
from emulator.spdm.capabilities import Cap
from emulator.spdm.doctor import Case, UnprovenError, VerifyData
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
    if request.attributes & SIGNATURE_INCLUDED:
        raise InvalidRequest("FINISH is signed, and no chain was asked for")
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


def _end_handshake(exchange: Exchange, session: Session, request: Finish | PskFinish) -> Outcome:
    """Check the requester's verify data; where it is wrong, the session ends."""
    connection = exchange.connection
    end = exchange.size - len(request.verify_data)
    ending = _Ending(exchange, session, session.transcript.copy(), exchange.session is None)
    ending.transcript.finish(exchange.raw[:end])
    if not session.secrets.verifies(Direction.REQUEST, ending.digest(), request.verify_data):
        evidence = VerifyData(request.verify_data)
        case = Case(session, evidence, ending.transcript.view)
        error = UnprovenError("the requester's verify data is wrong", case)
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
