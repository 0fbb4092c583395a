"""What KEY_EXCHANGE and PSK_EXCHANGE have in common: whether a session may be, and making one.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_key_exchange.c`,
`libspdm_req_psk_exchange.c` and `library/spdm_common_lib/libspdm_com_opaque_data.c`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from emulator.ask.opaque import check_opaque
from emulator.errors import BrokenReply, PeerError, UnsupportedByPeer, WireError
from emulator.spdm.algorithms import OPAQUE_FORMAT_MASK, OpaqueFormat
from emulator.spdm.capabilities import Cap
from emulator.spdm.connection import Connection
from emulator.spdm.key_schedule import KeySchedule
from emulator.spdm.messages import KeyExchangeRsp, PskExchangeRsp
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.messages.key_exchange import SessionPolicy
from emulator.spdm.secured_versions import SecuredVersion, selected
from emulator.spdm.session import Session
from emulator.spdm.session_secrets import Listener, Secrets
from emulator.spdm.session_transcript import SessionTranscript
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version, rules


def unheard(label: str, secret: bytes) -> None:
    """The listener of secrets that nobody wants to know."""
    del label, secret


@dataclass(frozen=True)
class Opened:
    """A session whose exchange was accepted.

    Attributes:
        session: the session; its handshake is not over unless it is of a pre-shared key without
            a context.
        reply: the message that opened it.
        summary_type: which measurements `reply.summary` covers.
        secured_version: the version of secured messages that the peer selected.
        transcript_hash: the hash of what is signed; empty for a pre-shared key.
    """

    session: Session
    reply: KeyExchangeRsp | PskExchangeRsp
    summary_type: SummaryType
    secured_version: SecuredVersion
    transcript_hash: bytes = b""


def check_agreed(connection: Connection, capabilities: Cap, *families: str) -> None:
    """Raise UnsupportedByPeer where what was negotiated makes no session.

    Args:
        connection: the connection around it.
        capabilities: our own that the exchange needs beside the peer's.
        families: the families of algorithms that must have been negotiated.
    """
    if not connection.local_capabilities & capabilities:
        raise UnsupportedByPeer(f"a session needs {capabilities.name}, which was not offered")
    if not connection.both(Cap.MAC):
        raise UnsupportedByPeer("a session needs MAC on both sides")
    for family in families:
        if getattr(connection.algorithms, family) is None:
            raise UnsupportedByPeer(f"a session needs {family}, of which nothing was agreed")
    if rules(connection.version).opaque_negotiated:
        agreed = connection.algorithms.other_params & OPAQUE_FORMAT_MASK
        if agreed != OpaqueFormat.FORMAT_1:
            raise UnsupportedByPeer("a session needs opaque data of format 1, which was not agreed")


def policy_for(connection: Connection, policy: SessionPolicy) -> SessionPolicy:
    """The policy to send on this connection: none before 1.2."""
    return policy if connection.version >= Version.V1_2 else SessionPolicy(0)


def read_selection(
    connection: Connection, message: str, opaque: bytes, offered: Sequence[SecuredVersion]
) -> SecuredVersion:
    """The version of secured messages that the opaque data of `message` selects.

    Raises BrokenReply where there is none, or none of those that were offered.
    """
    check_opaque(connection, message, opaque)
    expected = f"one of the versions {', '.join(f'{one:x}' for one in offered)} (hexadecimal)"
    try:
        found = selected(connection.version, opaque)
    except WireError as error:
        raise BrokenReply(message, "opaque", found=error, expected=expected) from error
    if found not in offered:
        raise BrokenReply(message, "opaque", found=f"version {found:x}", expected=expected)
    return SecuredVersion(found)


def check_heartbeat(connection: Connection, message: str, period: int) -> None:
    """Raise BrokenReply for a heartbeat that was not agreed."""
    if period and not connection.both(Cap.HBEAT):
        expected = "0, as not both sides have HBEAT"
        raise BrokenReply(message, "heartbeat_period", found=period, expected=expected)


def make(
    connection: Connection,
    number: int,
    *,
    chain_hash: bytes | None,
    heartbeat: int,
    listener: Listener,
) -> Session:
    """The session with this id, which nobody knows yet; of a pre-shared key without a chain.

    What was negotiated must have passed `check_agreed`.
    """
    chosen = connection.algorithms
    return Session(
        id=number,
        psk=chain_hash is None,
        context=connection.inside(),
        secrets=Secrets(
            KeySchedule(connection.version, chosen.hash.name if chosen.hash else ""),
            chosen.aead.name if chosen.aead else "",
            listener=listener,
        ),
        transcript=SessionTranscript(
            connection.transcript.part(Part.A),
            digests=() if chain_hash is None else connection.transcript.part(Part.D),
            chain_hash=chain_hash,
        ),
        encrypted=connection.both(Cap.ENCRYPT),
        heartbeat=heartbeat,
    )


@contextmanager
def unless_broken(session: Session) -> Iterator[None]:
    """End the session, which nobody else knows of yet, where its exchange is not accepted."""
    try:
        yield
    except PeerError:
        session.end()
        raise
