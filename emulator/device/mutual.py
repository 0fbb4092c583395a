"""What a device asks of requesters that authenticate themselves, and whom it believes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from emulator.crypto.keys import VerifyingKey
from emulator.spdm.messages.key_exchange import NOT_REQUESTED, MutualAuth

_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class KnownChain:
    """A requester's chain that was provisioned.

    Attributes:
        certificates: DER, from the root (or the first below it) to the leaf.
        root: the root's DER.
    """

    certificates: tuple[bytes, ...]
    root: bytes


@dataclass(frozen=True, kw_only=True)
class MutualAuthentication:
    """How requesters are to authenticate themselves.

    Attributes:
        challenge: CHALLENGE_AUTH asks for it (basic mutual authentication).
        key_exchange: how KEY_EXCHANGE_RSP asks for it; 0: not at all.
        slot: the requester's slot that is used, 0 to 7.
        anchors: the roots that are trusted, DER.
        chains: the chains that are known without being fetched, by signature algorithm.
        keys: the public keys of requesters that have no certificates, likewise.
        at: when chains are judged.
        lenient: a chain that is not trusted is accepted all the same, and that is told.
        mandatory: there is no session with a requester that cannot.
    """

    challenge: bool = False
    key_exchange: MutualAuth = NOT_REQUESTED
    slot: int = 0
    anchors: tuple[bytes, ...] = ()
    chains: Mapping[str, KnownChain] = field(default_factory=dict)
    keys: Mapping[str, VerifyingKey] = field(default_factory=dict)
    at: datetime = _EPOCH
    lenient: bool = False
    mandatory: bool = False
