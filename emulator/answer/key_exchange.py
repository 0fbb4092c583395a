"""Answers KEY_EXCHANGE (libspdm `library/spdm_responder_lib/libspdm_rsp_key_exchange.c`)."""

from functools import partial

from emulator.answer import opening
from emulator.answer.challenge import identity, summary
from emulator.answer.exchange import Exchange, Outcome, Signing
from emulator.answer.registry import handles
from emulator.crypto import dhe
from emulator.spdm import signing
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_schedule import Direction
from emulator.spdm.messages import KeyExchange, KeyExchangeRsp
from emulator.spdm.messages.challenge import NONCE_SIZE
from emulator.spdm.session import Session
from emulator.spdm.session_transcript import digest


@handles(KeyExchange, needs=Cap.KEY_EX, peer=Cap.KEY_EX)
def key_exchange(exchange: Exchange, request: KeyExchange) -> Outcome:
    """Agree on a shared secret, signed with the slot's key or the provisioned one."""
    opening.check(exchange, request.session_policy)
    summarised = summary(exchange, request.summary_type)
    chain_hash, _, key = identity(exchange, request.slot)
    group = dhe.GROUPS[opening.negotiated(exchange, "dhe").name]
    opaque = opening.select(exchange, request.opaque)
    session = opening.make(exchange, request, chain_hash)
    pair = group.pair(exchange.entropy.bytes(group.drawn, label="key exchange"))
    shared = pair.shared(request.exchange_data)
    connection = exchange.connection
    return Outcome(
        reply=KeyExchangeRsp(
            version=request.version,
            heartbeat_period=session.heartbeat,
            session_id=session.half,
            random=exchange.entropy.bytes(NONCE_SIZE, label="KEY_EXCHANGE_RSP random"),
            exchange_data=pair.public,
            summary=summarised,
            opaque=opaque,
        ),
        shape=connection.shape(signature=True, summary=bool(summarised)),
        signing=Signing(signing.KEY_EXCHANGE_RSP, (), key, session.transcript.view),
        closing=partial(_prove, exchange, session, shared),
        changes=exchange.shown(request.slot),
        effects=(partial(opening.begin, exchange, session),),
    )


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
