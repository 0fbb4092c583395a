"""Stage sign: what is signed, and by which key. The transcript itself stays as it is."""

from dataclasses import replace
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from emulator.crypto.keys import SigningKey
from emulator.faults.effect import Effect, Hit, Stage, effect
from emulator.faults.when import MessageName, slot_of
from emulator.forms import Line, Vocabulary, choice, refusal, unique
from emulator.spdm import signing
from emulator.spdm.algorithms import SIGNATURES
from emulator.spdm.codes import Code
from emulator.spdm.messages.certificates import SLOT_COUNT
from emulator.spdm.signing import PREFIX_SIZE, ToSign
from emulator.spdm.transcript import View
from emulator.spdm.versions import rules

SIGNED = frozenset({Code.CHALLENGE_AUTH, Code.MEASUREMENTS, Code.KEY_EXCHANGE_RSP})
"""The replies that may be signed."""

_MAX_CONTEXT = PREFIX_SIZE - 64  # what the words before it leave
_ASYM = Vocabulary(tuple(row.name for row in SIGNATURES if row.offered))

AsymName = Annotated[str, AfterValidator(_ASYM.check), choice(_ASYM)]


def key_of(hit: Hit, slot: int, scheme: str) -> SigningKey | None:
    """The key of a slot for a signature algorithm."""
    held = hit.device.slots.get(slot)
    chain = None if held is None else held.chain(scheme, hit.device.measurements)
    return None if chain is None else chain.key


@effect("sign-slot", Stage.SIGN)
class SignSlot(Effect):
    """The key of another slot signs; nothing happens where it has none for the algorithm."""

    FOR = SIGNED

    slot: Annotated[int, Field(ge=0, le=SLOT_COUNT - 1)] | None = Field(
        default=None, description="The slot; null: the first with another key."
    )

    def on_sign(self, hit: Hit, to_sign: ToSign, key: SigningKey) -> tuple[ToSign, SigningKey]:
        """The same, by the other key."""
        for slot in range(SLOT_COUNT) if self.slot is None else (self.slot,):
            other = key_of(hit, slot, key.scheme)
            if other is not None and other.public.spki != key.public.spki:
                hit.note(f"signed by the key of slot {slot}")
                return to_sign, other
        return to_sign, key


@effect("sign-algorithm", Stage.SIGN)
class SignAlgorithm(Effect):
    """Another algorithm than the agreed one signs, by the slot's own key for it.

    Its signature may have another size. Nothing happens where the slot has no such key.
    """

    FOR = SIGNED

    asym: AsymName | None = Field(
        default=None, description="The algorithm; null: the first other one there is a key for."
    )

    def on_sign(self, hit: Hit, to_sign: ToSign, key: SigningKey) -> tuple[ToSign, SigningKey]:
        """The same, by the key for the other algorithm."""
        for scheme in _ASYM.offered if self.asym is None else (self.asym,):
            if scheme == key.scheme:
                continue
            other = key_of(hit, slot_of(hit.situation.request) or 0, scheme)
            if other is None and scheme in key.public.schemes:
                other = key.under(scheme)
            if other is not None:
                hit.note(f"signed with {scheme}")
                return to_sign, other
        return to_sign, key


def _context(text: str) -> str:
    if not text.isascii() or len(text) > _MAX_CONTEXT:
        raise refusal(f"at most {_MAX_CONTEXT} ASCII characters")
    return text


@effect("sign-context", Stage.SIGN)
class SignContext(Effect):
    """The signature is made in another context; before 1.2 there is none, and nothing happens."""

    FOR = SIGNED

    context: Annotated[Line, AfterValidator(_context)] | None = Field(
        default=None,
        description="The signing context; null: that of another signed message.",
    )

    def on_sign(self, hit: Hit, to_sign: ToSign, key: SigningKey) -> tuple[ToSign, SigningKey]:
        """The same, in the other context."""
        context = self.context
        if context is None:
            challenged = to_sign.context == signing.CHALLENGE_AUTH
            context = signing.MEASUREMENTS if challenged else signing.CHALLENGE_AUTH
        if context == to_sign.context or not rules(to_sign.version).signing_prefix:
            return to_sign, key
        hit.note(f"signed in the context {context}")
        return replace(to_sign, context=context), key


@effect("transcript", Stage.SIGN)
class Transcript(Effect):
    """What is signed lacks a message, has one twice, or two of them in each other's place.

    It is the first of its name that is meant; nothing happens where there is none.
    """

    FOR = SIGNED

    drop: MessageName | None = Field(default=None, description="The message that is left out.")
    double: MessageName | None = Field(default=None, description="The one that stands twice.")
    swap: Annotated[list[MessageName], AfterValidator(unique)] | None = Field(
        default=None, min_length=2, max_length=2, description="The two that change places."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [one for one in (self.drop, self.double, self.swap) if one is not None]
        if len(given) != 1:
            raise refusal("exactly one of drop, double and swap", f"{len(given)} of them")
        return self

    def on_sign(self, hit: Hit, to_sign: ToSign, key: SigningKey) -> tuple[ToSign, SigningKey]:
        """Another view, by the same key."""
        view = self._edited(to_sign.view, hit)
        return (to_sign if view is None else replace(to_sign, view=view)), key

    def _edited(self, view: View, hit: Hit) -> View | None:
        found = {entry.name: at for at, entry in reversed(tuple(enumerate(view)))}
        if self.drop in found:
            at = found[self.drop]
            hit.note(f"signed without {self.drop}")
            return (*view[:at], *view[at + 1 :])
        if self.double in found:
            at = found[self.double]
            hit.note(f"signed with {self.double} twice")
            return (*view[: at + 1], *view[at:])
        if self.swap is not None and all(name in found for name in self.swap):
            one, other = (found[name] for name in self.swap)
            made = list(view)
            made[one], made[other] = view[other], view[one]
            hit.note(f"signed with {' and '.join(self.swap)} swapped")
            return tuple(made)
        return None
