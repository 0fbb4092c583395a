"""Answers KEY_EXCHANGE (libspdm `library/spdm_responder_lib/libspdm_rsp_key_exchange.c`)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from emulator.answer import asking, opening
from emulator.answer.challenge import identity, summary
from emulator.answer.exchange import Exchange, Outcome, Signing
from emulator.answer.mutual import asked_in_key_exchange, known_requester
from emulator.answer.registry import handles
from emulator.crypto import dhe
from emulator.crypto.keys import SigningKey
from emulator.errors import InvalidRequest
from emulator.spdm import signing
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_pairs import KeyUsage
from emulator.spdm.key_schedule import Direction
from emulator.spdm.messages import KeyExchange, KeyExchangeRsp
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.messages.challenge import NONCE_SIZE
from emulator.spdm.messages.key_exchange import MutualAuth
from emulator.spdm.questions import Asking, IdentityQuestion
from emulator.spdm.session import Session
from emulator.spdm.session_transcript import digest
from emulator.spdm.work import Path, Work

Agreed = tuple[bytes, bytearray] | tuple[InvalidRequest]
"""Our public value and the shared secret; or why there is none."""


@handles(KeyExchange, needs=Cap.KEY_EX, peer=Cap.KEY_EX)
def key_exchange(exchange: Exchange, request: KeyExchange) -> Outcome | Path[Outcome]:
    """Agree on a shared secret, signed with the slot's key or the provisioned one."""
    opening.check(exchange, request.session_policy)
    summarised = summary(exchange, request.summary_type)
    chain_hash, _, key = identity(exchange, request.slot, KeyUsage.KEY_EX)
    group = dhe.GROUPS[opening.negotiated(exchange, "dhe").name]
    opaque = opening.select(exchange, request.opaque)
    mutual, requester_slot = asked_in_key_exchange(exchange)
    session = opening.make(exchange, request, chain_hash)
    session.mutual, session.requester_slot = mutual, requester_slot
    if mutual == MutualAuth.REQUESTED:
        session.requester_chain = known_requester(exchange, requester_slot)
    drawn = exchange.entropy.bytes(group.drawn, label="key exchange")
    begun = _Begun(exchange, request, session, key, summarised, opaque)
    agree = partial(_agree, group, drawn, request.exchange_data)
    if group.slow:
        return _later(begun, Work(f"the {group.name} key exchange", agree))
    return begun.outcome(agree())


def _agree(group: dhe.Group, drawn: bytes, theirs: bytes) -> Agreed:
    pair = group.pair(drawn)
    try:
        return pair.public, pair.shared(theirs)
    except InvalidRequest as error:
        return (error,)


def _later(begun: "_Begun", work: Work) -> Path[Outcome]:
    return begun.outcome((yield work))


@dataclass(frozen=True, slots=True)
class _Begun:
    """A key exchange that is well but for the peer's public value.

    Attributes:
        exchange: the exchange.
        request: its request.
        session: the session to be.
        key: what signs the reply.
        summary: the measurement summary hash asked for.
        opaque: the opaque data of the reply.
    """

    exchange: Exchange
    request: KeyExchange
    session: Session
    key: SigningKey
    summary: bytes
    opaque: bytes

    def outcome(self, agreed: Agreed) -> Outcome:
        """What it comes to. Raises InvalidRequest where the public value is none."""
        if len(agreed) == 1:
            raise agreed[0]
        public, shared = agreed
        exchange, session = self.exchange, self.session
        version = self.request.version
        return Outcome(
            reply=KeyExchangeRsp(
                version=version,
                heartbeat_period=session.heartbeat,
                session_id=session.half,
                mutual_auth=session.mutual,
                requester_slot=_told_slot(session),
                random=exchange.entropy.bytes(NONCE_SIZE, label="KEY_EXCHANGE_RSP random"),
                exchange_data=public,
                summary=self.summary,
                opaque=self.opaque,
            ),
            shape=exchange.connection.shape(signature=True, summary=bool(self.summary)),
            signing=Signing(signing.KEY_EXCHANGE_RSP, (), self.key, session.transcript.view),
            closing=partial(_prove, exchange, session, shared),
            changes=exchange.shown(self.request.slot),
            effects=(
                partial(opening.begin, exchange, session),
                *self._asking(),
            ),
            session=session,
        )

    def _asking(self) -> tuple[Callable[[], None], ...]:
        """The requester's chain is fetched where FINISH will come: inside, or in the clear.

        The first request may be implied in the reply.
        """
        exchange, session = self.exchange, self.session
        if session.mutual not in (MutualAuth.ENCAPSULATED, MutualAuth.GET_DIGESTS):
            return ()
        question = IdentityQuestion(session.requester_slot, session=session.id, urgent=True)
        waiting = Asking((question,))
        if session.mutual == MutualAuth.GET_DIGESTS:
            waiting = Asking(step=asking.begin(exchange, question))
        clear = exchange.connection.both(Cap.HANDSHAKE_IN_THE_CLEAR)
        state = exchange.connection if clear else session.context
        return (partial(state.change, {"asking": waiting}),)


def _told_slot(session: Session) -> int:
    """ReqSlotIDParam: what is fetched is told by ENCAPSULATED_RESPONSE_ACK instead."""
    return session.requester_slot & SLOT_MASK if session.mutual == MutualAuth.REQUESTED else 0


def _prove(
    exchange: Exchange,
    session: Session,
    shared: bytearray,
    request: bytes,
    reply: bytes,
    signature: bytes,
) -> bytes:
    """Start the handshake; the verify data unless it is in the clear."""
    transcript = session.transcript
    transcript.exchange(request, reply)
    transcript.sign_exchange(signature)
    th1 = digest(exchange.hash().name, transcript.view)
    session.secrets.begin(shared, th1)
    if exchange.connection.both(Cap.HANDSHAKE_IN_THE_CLEAR):
        return b""
    verify_data = session.secrets.verify_data(Direction.RESPONSE, th1)
    transcript.verify_exchange(verify_data)
    return verify_data
