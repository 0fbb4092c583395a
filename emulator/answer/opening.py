"""What KEY_EXCHANGE and PSK_EXCHANGE have in common: whether a session may be, and making one.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_key_exchange.c`,
`libspdm_rsp_psk_exchange_rsp.c` and `libspdm_rsp_common.c`.
"""

from functools import partial

from emulator.answer.exchange import Exchange
from emulator.device.sessions import Sessions
from emulator.errors import InvalidRequest, SessionLimitExceeded, WireError
from emulator.spdm.algorithms import OPAQUE_FORMAT_MASK, Algorithm, OpaqueFormat
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_schedule import KeySchedule
from emulator.spdm.keylog import identifier
from emulator.spdm.messages import KeyExchange, PskExchange
from emulator.spdm.messages.events import EventType
from emulator.spdm.messages.key_exchange import SessionPolicy
from emulator.spdm.notices import Notices
from emulator.spdm.secured_versions import choose, offered, selection
from emulator.spdm.session import Session, responder_half, session_id
from emulator.spdm.session_secrets import Secrets
from emulator.spdm.session_transcript import SessionTranscript
from emulator.spdm.transcript import Part
from emulator.spdm.versions import rules

_HALF = 2


def check(exchange: Exchange, policy: SessionPolicy) -> None:
    """Raise InvalidRequest where what was negotiated makes no session of this policy.

    Encryption without authentication is none, and since 1.2 opaque data has to have format 1.
    """
    connection = exchange.connection
    allowed = rules(connection.version)
    if not connection.both(Cap.MAC):
        raise InvalidRequest("a session, and not both sides have MAC")
    if allowed.opaque_negotiated:
        agreed = connection.algorithms.other_params & OPAQUE_FORMAT_MASK
        if agreed != OpaqueFormat.FORMAT_1:
            raise InvalidRequest("a session without opaque data of format 1")
    events = allowed.events and SessionPolicy.EVENT_ALL in policy
    if events and Cap.EVENT not in connection.local_capabilities:
        raise InvalidRequest("all events are asked for, and EVENT is not offered")


def negotiated(exchange: Exchange, name: str) -> Algorithm:
    """What was negotiated of a family. Raises InvalidRequest for nothing."""
    chosen: Algorithm | None = getattr(exchange.connection.algorithms, name)
    if chosen is None:
        raise InvalidRequest(f"a session, and no {name} was negotiated")
    return chosen


def select(exchange: Exchange, opaque: bytes) -> bytes:
    """The opaque data that selects a version of secured messages.

    A requester that sends no opaque data is told none. Raises InvalidRequest where what it offers
    is broken, or nothing of it is in common.
    """
    if not opaque:
        return b""
    version = exchange.connection.version
    try:
        theirs = offered(version, opaque)
    except WireError as error:
        raise InvalidRequest(str(error)) from error
    chosen = choose(exchange.device.sessions.versions, theirs)
    if chosen is None:
        told = ", ".join(f"0x{one:02x}" for one in theirs)
        raise InvalidRequest(f"no version of secured messages in common with {told}")
    return selection(version, chosen)


def make(
    exchange: Exchange, request: KeyExchange | PskExchange, chain_hash: bytes | None = None
) -> Session:
    """A new session, which nobody knows yet; of a pre-shared key without `chain_hash`.

    Our half of its id is drawn: no two sessions of a connection have the same, and none has 0
    (libspdm's `libspdm_allocate_rsp_session_id` counts down instead). Raises SessionLimitExceeded.
    """
    device, connection = exchange.device, exchange.connection
    hash_name, aead = negotiated(exchange, "hash").name, negotiated(exchange, "aead").name
    negotiated(exchange, "key_schedule")
    sessions = device.sessions
    if sessions.full:
        raise SessionLimitExceeded(f"there are {sessions.limit} sessions already")
    taken = {0, *map(responder_half, connection.sessions)}
    half = 0
    while half in taken:
        half = int.from_bytes(exchange.entropy.bytes(_HALF, label="session id"), "little")
    number = session_id(request.session_id, half)
    transcript = connection.transcript
    # Part D is empty unless the device may use several keys on the connection.
    digests = () if chain_hash is None else transcript.part(Part.D)
    return Session(
        id=number,
        psk=chain_hash is None,
        context=connection.inside(),
        secrets=Secrets(
            KeySchedule(connection.version, hash_name),
            aead,
            limit=sessions.sequence_limit,
            listener=partial(_tell, sessions, identifier(request)),
            keep=sessions.doctor,
        ),
        transcript=SessionTranscript(
            transcript.part(Part.A), digests=digests, chain_hash=chain_hash
        ),
        encrypted=connection.both(Cap.ENCRYPT),
        hint=request.hint if isinstance(request, PskExchange) else b"",
        heartbeat=sessions.heartbeat if connection.both(Cap.HBEAT) else 0,
        outlasts_updates=not rules(connection.version).session_policy
        or SessionPolicy.TERMINATION in request.session_policy,
        notices=_notices(exchange, request),
    )


def _notices(exchange: Exchange, request: KeyExchange | PskExchange) -> Notices | None:
    """A session that has subscribed to all events from its beginning has a queue of them."""
    told = rules(exchange.connection.version).events
    if not told or SessionPolicy.EVENT_ALL not in request.session_policy:
        return None
    notices = Notices(exchange.device.sessions.event_limit)
    notices.subscribe(frozenset(EventType))
    return notices


def _tell(sessions: Sessions, session: bytes, label: str, secret: bytes) -> None:
    sessions.key_log(label, session, secret)


def begin(exchange: Exchange, session: Session) -> None:
    """The reply to the exchange is on its way: there is a session."""
    exchange.connection.open(session)
    exchange.device.sessions.add(session)
