"""What peers have changed about a device for good: certificates they installed, and key pairs.

What lasts is one value, `Lasting`: whoever changes it makes another. `Provisioning` holds it, and
works out what the slots hold by it. Where it is kept when the device is switched off is the
business of `keep`: nothing here knows files.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from emulator.crypto.certificate import Certificate
from emulator.crypto.keys import SigningKey, VerifyingKey
from emulator.device.key_pairs import MAX_PAIRS, KeyPair
from emulator.device.slots import Slot
from emulator.spdm.chain import CertificateChain
from emulator.spdm.key_pairs import CertificateModel


@dataclass(frozen=True)
class Policy:
    """What a device lets its peers do.

    Attributes:
        writable: the slots that SET_CERTIFICATE may write.
        trusted: the surroundings are secure: slots above 0 may be written outside of sessions.
        authority: the roots, DER, of which an installed chain must come; none: any root.
        check_key: a chain that is installed must be for the key of its slot.
        real_keys: operations on key pairs change keys; otherwise only what is told of them.
        when_read: a connection goes on with the chain it was shown until it reads the slot again.
    """

    writable: frozenset[int] = frozenset()
    trusted: bool = False
    authority: tuple[bytes, ...] = ()
    check_key: bool = True
    real_keys: bool = True
    when_read: bool = False


@dataclass(frozen=True)
class Written:
    """What SET_CERTIFICATE has left in a slot.

    Attributes:
        chains: certificates, DER, from the root to the leaf, by the kind of the leaf's key.
        model: what kind of certificate the leaf is.
        alone: nothing of what the profile has there is left: the slot was erased.
    """

    chains: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    model: CertificateModel = CertificateModel.DEVICE
    alone: bool = False

    def installed(
        self, key_type: str, certificates: tuple[bytes, ...], model: CertificateModel
    ) -> Self:
        """With this chain besides."""
        return replace(self, chains={**self.chains, key_type: certificates}, model=model)


@dataclass(frozen=True)
class AskedCsr:
    """A GET_CSR that waits for a reset, or (`ready`) has waited; `request`: its bytes."""

    request: bytes
    ready: bool = False


@dataclass(frozen=True)
class AskedPair:
    """A SET_KEY_PAIR_INFO that waits for a reset, or (`done`) has waited.

    Attributes:
        request: its bytes.
        number: the KeyPairID.
        becomes: what the key pair will be.
        done: it was done.
    """

    request: bytes
    number: int
    becomes: KeyPair
    done: bool = False


@dataclass(frozen=True)
class Lasting:
    """All that outlives the device's being switched off.

    Attributes:
        pairs: the key pairs; KeyPairID 1 is the first.
        written: what was left in slots.
        installing: what will be in slots once the device was reset.
        csrs: requests for a CSR that had or have to wait for a reset, by their tag.
        changing: the last change of a key pair that had or has to.
    """

    pairs: tuple[KeyPair, ...] = ()
    written: Mapping[int, Written] = field(default_factory=dict)
    installing: Mapping[int, Written] = field(default_factory=dict)
    csrs: Mapping[int, AskedCsr] = field(default_factory=dict)
    changing: AskedPair | None = None

    def with_pair(self, number: int, pair: KeyPair) -> Self:
        """With another key pair of this KeyPairID."""
        pairs = list(self.pairs)
        pairs[number - 1] = pair
        return replace(self, pairs=tuple(pairs))

    def after_reset(self) -> Self:
        """Once the device was reset: what waited for that is done."""
        state = replace(
            self,
            written={**self.written, **self.installing},
            installing={},
            csrs={tag: replace(one, ready=True) for tag, one in self.csrs.items()},
        )
        waits = self.changing
        if waits is not None and not waits.done:
            state = replace(state, changing=replace(waits, done=True))
            state = state.with_pair(waits.number, waits.becomes)
        return state


Settle = Callable[[], None]
"""Makes what was prepared last from now on, at once."""

Keep = Callable[[Lasting], Settle]
"""Prepares a state for lasting. Raises OSError where there is no place to keep it."""


class Provisioning:
    """What peers may change about a device for good, and what they have.

    Attributes:
        policy: what they may do.
        state: what they have done.
        keep: keeps the state; None: it is lost with the process.
        busy: a change is being kept.
        over: another device has taken this one's place, and its state.
        initial: the key pairs that the profile gives it.
    """

    def __init__(
        self, policy: Policy, slots: Mapping[int, Slot], pairs: tuple[KeyPair, ...]
    ) -> None:
        """`slots`: what the profile has in them; `pairs`: the key pairs at first."""
        self.policy = policy
        self.state = Lasting(pairs)
        self.keep: Keep | None = None
        self.busy = False
        self.over = False
        self.initial = pairs
        self._slots = dict(slots)
        self._keys = pairs  # where operations change only what is told of keys
        self._set: set[int] = set()  # slots that something else was put into than the profile has

    @property
    def real_pairs(self) -> tuple[KeyPair, ...]:
        """The key pairs whose keys there are; those told of may be others."""
        return self.state.pairs if self.policy.real_keys else self._keys

    @property
    def changed(self) -> bool:
        """Whether anything is not as the profile has it."""
        return self.state != Lasting(self.initial)

    @property
    def slot_mask(self) -> int:
        """The slots there are, whether they hold something or not."""
        return sum(1 << number for number in {*self._slots, *self.policy.writable})

    def pair_of(self, key: VerifyingKey) -> tuple[int, KeyPair | None]:
        """The KeyPairID of a key, and its pair; 0 where it is in none."""
        for number, pair in enumerate(self.real_pairs, 1):
            if pair.is_for(key.spki):
                return number, pair
        return 0, None

    def key_of(self, slot: int, key_type: str) -> SigningKey | None:
        """The key of this kind that certificates in a slot are for."""
        for pair in self.real_pairs:
            if pair.slots >> slot & 1 and pair.key_type == key_type:
                return pair.key
        return None

    def slots(self) -> dict[int, Slot]:
        """What all slots hold: what was installed, before what the profile has there.

        A chain whose key is not associated with its slot any more cannot be served.
        """
        made: dict[int, Slot] = {}
        for number in sorted({*self._slots, *self.state.written}):
            profile = self._slots.get(number)
            written = self.state.written.get(number)
            chains: dict[str, CertificateChain] = {}
            if profile is not None and not (written and written.alone):
                chains = {
                    scheme: chain
                    for scheme, chain in profile.chains.items()
                    if self._backed(number, chain)
                }
            if written is None:
                if profile is not None and chains:
                    whole = len(chains) == len(profile.chains)
                    made[number] = profile if whole else replace(profile, chains=chains)
                continue
            chains |= {chain.key.scheme: chain for chain in self._installed(number, written)}
            if chains:
                made[number] = Slot(chains, model=written.model)
        return made

    def _backed(self, number: int, chain: CertificateChain) -> bool:
        """Whether the key of a chain of the profile's is associated with its slot."""
        _, pair = self.pair_of(chain.key.public)
        return pair is not None and bool(pair.slots >> number & 1)

    def _installed(self, number: int, written: Written) -> Iterator[CertificateChain]:
        """The chains that were installed in a slot, under each signature algorithm they serve."""
        for key_type, certificates in written.chains.items():
            leaf = Certificate.parse(certificates[-1]).key
            key = self.key_of(number, key_type)
            if leaf is None or key is None:
                continue
            if self.policy.check_key and key.public.spki != leaf.spki:
                continue
            for scheme in key.public.schemes:
                yield CertificateChain(certificates, certificates[0], key.under(scheme))

    def rebase(self, held: Mapping[int, Slot | None]) -> None:
        """Slots hold something else, whoever says so; what peers installed there is gone."""
        slots = {**self._slots, **held}
        self._slots = {number: slot for number, slot in slots.items() if slot is not None}
        gone = sum(1 << number for number in held)
        pairs = [replace(pair, slots=pair.slots & ~gone) for pair in self.state.pairs]
        for number, slot in held.items():
            for chain in slot.chains.values() if slot is not None else ():
                pairs = _associated(pairs, number, chain.key)
        written = {n: one for n, one in self.state.written.items() if n not in held}
        self._keys = tuple(pairs)
        self._set |= held.keys()
        self.state = replace(self.state, pairs=tuple(pairs), written=written)

    def lasting(self, state: Lasting) -> Lasting:
        """`state` as it is to be kept: what control put into slots lasts no longer than itself."""
        if not self._set:
            return state
        controlled = sum(1 << number for number in self._set)
        own = {pair.key.public.spki: pair.slots for pair in self.initial if pair.key is not None}
        pairs = [
            replace(
                pair,
                slots=pair.slots & ~controlled
                | (own.get(pair.key.public.spki, 0) & controlled if pair.key is not None else 0),
            )
            for pair in state.pairs
        ]
        return replace(state, pairs=tuple(pairs))

    def adopt(self, state: Lasting, new: Iterable[KeyPair]) -> None:
        """Go on from a state; `new`: the key pairs that the profile has got since."""
        self.state = replace(state, pairs=(*state.pairs, *new)[:MAX_PAIRS])

    def take_over(self, old: "Provisioning") -> None:
        """Go on from the state of a device whose place this one's takes, if it was changed."""
        if old.changed:
            known = {pair.key.public.spki for pair in old.initial if pair.key is not None}
            new = [pair for pair in self.initial if pair.key and pair.key.public.spki not in known]
            self.adopt(old.state, new)
        self.keep, old.keep, old.over = old.keep, None, True


def _associated(pairs: list[KeyPair], number: int, key: SigningKey) -> list[KeyPair]:
    """The pairs, that of `key` associated with a slot; there is one more where it had none."""
    made = [
        replace(pair, slots=pair.slots | 1 << number) if pair.is_for(key.public.spki) else pair
        for pair in pairs
    ]
    if not any(pair.is_for(key.public.spki) for pair in pairs):
        kind = key.public.key_type
        made.append(KeyPair(key, kind, 1 << number, key_types=(kind,)))
    return made
