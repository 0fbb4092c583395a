"""Answers PSK_EXCHANGE (libspdm `library/spdm_responder_lib/libspdm_rsp_psk_exchange_rsp.c`)."""

from collections.abc import Callable
from functools import partial

from emulator.answer import opening
from emulator.answer.challenge import summary
from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import handles
from emulator.errors import InvalidRequest, Unspecified
from emulator.spdm.capabilities import PSK_ANY, Cap
from emulator.spdm.key_schedule import Direction
from emulator.spdm.messages import PskExchange, PskExchangeRsp
from emulator.spdm.session import Session

MAX_HINT = 32
"""libspdm's bound on a hint, bytes (`LIBSPDM_PSK_MAX_HINT_LENGTH`)."""

CONTEXT_SIZE = 32
"""Bytes of the device's context: the least the standard allows."""


def _key(exchange: Exchange, hint: bytes) -> bytes:
    """The pre-shared key of a hint. Raises SpdmError where there is none."""
    if len(hint) > MAX_HINT:
        raise InvalidRequest(f"a hint of {len(hint)} bytes, {MAX_HINT} are the most")
    key = exchange.device.pre_shared(hint)
    if key is None:
        raise Unspecified(f"no pre-shared key has the hint {hint!r}")
    return key


@handles(PskExchange, needs=PSK_ANY, peer=Cap.PSK)
def psk_exchange(exchange: Exchange, request: PskExchange) -> Outcome:
    """Begin a session with a pre-shared key.

    A device without a context of its own expects no PSK_FINISH: the session is established.
    """
    opening.check(exchange, request.session_policy)
    summarised = summary(exchange, request.summary_type)
    key = _key(exchange, request.hint)
    opaque = opening.select(exchange, request.opaque)
    session = opening.make(exchange, request)
    connection = exchange.connection
    contextual = Cap.PSK_WITH_CONTEXT in connection.local_capabilities
    own = exchange.entropy.bytes(CONTEXT_SIZE, label="PSK context") if contextual else b""
    effects: list[Callable[[], None]] = [partial(opening.begin, exchange, session)]
    if not contextual:
        effects.append(partial(_establish, exchange, session))
    return Outcome(
        reply=PskExchangeRsp(
            version=request.version,
            heartbeat_period=session.heartbeat,
            session_id=session.half,
            summary=summarised,
            context=own,
            opaque=opaque,
        ),
        shape=connection.shape(summary=bool(summarised)),
        closing=partial(_prove, exchange, session, key),
        effects=tuple(effects),
        session=session,
    )


def _prove(
    exchange: Exchange,
    session: Session,
    key: bytes,
    request: bytes,
    reply: bytes,
    signature: bytes,
) -> bytes:
    """Start the handshake; the verify data."""
    del signature
    transcript = session.transcript
    transcript.exchange(request, reply)
    th1 = transcript.digest(exchange.hash().name)
    session.secrets.begin(bytearray(key), th1, psk=True)
    verify_data = session.secrets.verify_data(Direction.RESPONSE, th1)
    transcript.verify_exchange(verify_data)
    return verify_data


def _establish(exchange: Exchange, session: Session) -> None:
    th2 = session.transcript.digest(exchange.hash().name)
    session.establish(session.transcript, th2, exchange.now)
