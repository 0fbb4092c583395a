"""Key pairs: what a device signs with, and what may be done to it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from emulator.crypto.keys import SigningKey
from emulator.device.slots import Slot
from emulator.spdm.key_pairs import (
    ALL_CAPABILITIES,
    ASYM_BITS,
    RESPONDER_USES,
    KeyPairCap,
    KeyUsage,
)

MAX_PAIRS = 0xFF
"""KeyPairID has eight bits, and 0 names none."""


@dataclass(frozen=True)
class KeyPair:
    """One key pair.

    Attributes:
        key: its private key; None: there is none, or none any more.
        key_type: the kind of its key, or of the one to be generated; empty: none was chosen.
        usage: what its key may be used for.
        slots: the mask of slots whose certificates are for its key.
        key_types: the kinds its key may be of.
        uses: what its key can be made to be used for.
        capabilities: what SET_KEY_PAIR_INFO may do to it.
    """

    key: SigningKey | None
    key_type: str
    slots: int = 0
    usage: KeyUsage = RESPONDER_USES
    key_types: tuple[str, ...] = ()
    uses: KeyUsage = RESPONDER_USES
    capabilities: KeyPairCap = ALL_CAPABILITIES

    @property
    def asym(self) -> int:
        """CurrentAsymAlgo."""
        return ASYM_BITS.get(self.key_type, 0)

    @property
    def asym_capabilities(self) -> int:
        """AsymAlgoCapabilities: the kinds it may be of, its own among them."""
        return sum(ASYM_BITS[name] for name in {*self.key_types, self.key_type} if name)

    def is_for(self, key: bytes) -> bool:
        """Whether its public key is this SubjectPublicKeyInfo."""
        return self.key is not None and self.key.public.spki == key

    def erased(self) -> Self:
        """Without a key, a use or a slot."""
        return replace(self, key=None, key_type="", usage=KeyUsage(0), slots=0)


def pairs_of(
    slots: Mapping[int, Slot],
    more: Iterable[tuple[int, SigningKey]] = (),
    *,
    schemes: Iterable[str],
    spare: int = 0,
    capabilities: KeyPairCap = ALL_CAPABILITIES,
) -> tuple[KeyPair, ...]:
    """The key pairs of a device, from the keys that its slots hold.

    They are numbered by the order of `schemes`, and of slots in each; slots that share a key share
    its pair.

    Args:
        slots: its slots.
        more: keys for slots that hold no certificate yet.
        schemes: the signature algorithms it offers.
        spare: how many pairs without a key it has besides.
        capabilities: what may be done to each.
    """
    order = list(schemes)
    kinds: dict[str, None] = {}
    held: dict[bytes, tuple[SigningKey, int]] = {}
    found = [
        (order.index(scheme), number, chain.key)
        for number, slot in slots.items()
        for scheme, chain in slot.chains.items()
        if scheme in order
    ]
    found += [(order.index(key.scheme), number, key) for number, key in more]
    for _, number, key in sorted(found, key=lambda one: one[:2]):
        kinds.setdefault(key.public.key_type)
        known, mask = held.get(key.public.spki, (key, 0))
        held[key.public.spki] = known, mask | 1 << number
    types = tuple(kinds)
    pairs = [
        KeyPair(key, key.public.key_type, mask, key_types=types, capabilities=capabilities)
        for key, mask in held.values()
    ]
    empty = KeyPair(None, "", usage=KeyUsage(0), key_types=types, capabilities=capabilities)
    return tuple([*pairs, *[empty] * spare][:MAX_PAIRS])
