"""What an effect is: a few values a file gives, and what it does with what passes its stage.

One file a stage in `effects/`. An effect's name is unique, and names the stage it belongs to; those
on raw bytes belong to several.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from pydantic import SerializerFunctionWrapHandler, model_serializer

from emulator.crypto.keys import SigningKey
from emulator.device import CertificateChain, Device
from emulator.entropy import Entropy
from emulator.faults.schedule import BentSchedule
from emulator.faults.when import On
from emulator.forms import Part
from emulator.spdm import codes
from emulator.spdm.connection import Loss
from emulator.spdm.pending import Readiness
from emulator.spdm.sealing import Sealing
from emulator.spdm.secured import Traffic
from emulator.spdm.session import Session
from emulator.spdm.signing import ToSign
from emulator.spdm.stages import Delivery, Situation
from emulator.wire import Message

Variants = Callable[[str, int, str], CertificateChain | None]
"""The chain of a kind (`effects/chain.py`) in place of a slot's own for a signature algorithm; None
where there is none: `(kind, slot, scheme)`."""
KEPT_REPLIES = 16
"""How many replies of each kind are kept for effects that recall them."""

Problem = tuple[tuple[str | int, ...], str, str]
"""The way to a value, what is expected there, what was found ('' for the value itself)."""


class Stage(StrEnum):
    """Where a fault may reach in, in the order a reply passes them."""

    REQUEST = "request"
    CHAIN = "chain"
    READY = "ready"
    MESSAGE = "message"
    CHUNK = "chunk"
    SIGN = "sign"
    SECRETS = "secrets"
    SIGNED = "signed"
    PLAINTEXT = "plaintext"
    RECORD = "record"
    FRAME = "frame"
    DELIVERY = "delivery"
    DEVICE = "device"


class Former(StrEnum):
    """A key that the device's records of a session were under before."""

    HANDSHAKE = "handshake"
    BEFORE_UPDATE = "before-update"


@dataclass(frozen=True, slots=True)
class Kept:
    """A former key.

    Attributes:
        traffic: what was under it, whose number still counts.
        iv: its IV, which was wiped since.
    """

    traffic: Traffic
    iv: bytes

    def again(self) -> Traffic:
        """The key with its next number."""
        return replace(self.traffic, iv=bytearray(self.iv))


@dataclass(slots=True)
class Hit:
    """One time a rule reached in, and what an effect may look at and draw from.

    Attributes:
        situation: the exchange.
        device: the device.
        entropy: the rule's own source of randomness.
        replies: this connection's replies so far, oldest first, by the request's code; only for
            effects with RECALLS.
        others: likewise, of each other connection of the device.
        variants: chains in place of the device's own.
        lost: how the connection forgets its state before the next request; None: it does not.
        kept: keys that sessions of this connection had before; only for effects with KEEPS.
        forgotten: a session that is over before the next request, and what answers its records
            from then on, in the clear (None: nothing).
        notes: what was done, in a few words each, for the log.
    """

    situation: Situation
    device: Device
    entropy: Entropy
    replies: dict[int, list[bytes]]
    others: list[dict[int, list[bytes]]]
    variants: Variants | None = None
    lost: Loss | None = None
    kept: Mapping[tuple[Session, Former], Kept] = field(default_factory=dict)
    forgotten: list[tuple[Session, bytes | None]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Tell what was done."""
        self.notes.append(what)

    @property
    def session(self) -> Session | None:
        """The session it came in, or is about; outside of sessions the last one, if it lives."""
        at = self.situation
        last = at.connection.sessions.get(at.connection.latest)
        found = at.session or at.about or last
        return found if found is not None and found.live else None

    def variant(self, kind: str, slot: int) -> CertificateChain | None:
        """The chain of this kind for `slot` and the negotiated signature algorithm, if any."""
        asym = self.situation.connection.algorithms.asym
        if self.variants is None or asym is None:
            return None
        return self.variants(kind, slot, asym.name)


class Effect(Part):
    """Base of all effects: each overrides the method of its stage.

    An effect that does not apply to what passes returns it unchanged and notes nothing: then the
    rule has not fired.
    """

    NAME: ClassVar[str] = ""
    STAGES: ClassVar[tuple[Stage, ...]] = ()
    RECALLS: ClassVar[bool] = False
    """It looks at earlier replies, which are kept only for such."""
    KEEPS: ClassVar[bool] = False
    """It seals with former keys, which are kept only for such."""
    FOR: ClassVar[frozenset[int]] = frozenset()
    """The codes of the replies it has something to do with; empty: any."""

    def problems(self, on: On) -> Iterator[Problem]:
        """What it may not be on the exchanges of its rule."""
        answers = on.answers()
        if self.FOR and answers is not None and not answers & self.FOR:
            told = " or ".join(codes.name(code) for code in sorted(self.FOR))
            yield (), f"{told} in on.message, which it is for", ", ".join(on.message or ())

    @model_serializer(mode="wrap")
    def _by_name(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As a file has it: what it is given stands under its name."""
        names = {name: field.alias or name for name, field in type(self).model_fields.items()}
        return {self.NAME: {names.get(name, name): value for name, value in handler(self).items()}}

    def on_request(self, hit: Hit) -> bytes | None:
        """An answer before anything happened, or None to go on."""
        del hit
        return None

    def on_chain(self, hit: Hit, slot: int, chain: CertificateChain) -> CertificateChain:
        """The chain a slot is said to hold."""
        del hit, slot
        return chain

    def on_ready(self, hit: Hit, policy: Readiness | None) -> Readiness | None:
        """How the requester is told to wait."""
        del hit
        return policy

    def on_message(self, hit: Hit, reply: Message) -> Message:
        """The typed reply, before it is encoded and signed."""
        del hit
        return reply

    def on_sign(self, hit: Hit, to_sign: ToSign, key: SigningKey) -> tuple[ToSign, SigningKey]:
        """What is signed, and by which key."""
        del hit
        return to_sign, key

    def on_secrets(self, hit: Hit, session: Session, schedule: BentSchedule) -> BentSchedule:
        """How the secrets of a session follow from each other in this exchange."""
        del hit, session
        return schedule

    def on_bytes(self, hit: Hit, data: bytes) -> bytes:
        """Bytes: the whole SPDM message (signed), what a record carries, it, or the frame."""
        del hit
        return data

    def on_plaintext(self, hit: Hit, sealing: Sealing) -> Sealing:
        """What goes into a record: its bytes, unless an effect knows more of it."""
        inner = self.on_bytes(hit, sealing.inner)
        return sealing if inner == sealing.inner else replace(sealing, inner=inner)

    def on_sealing(self, hit: Hit, sealing: Sealing) -> Sealing:
        """How a record is sealed."""
        del hit
        return sealing

    def on_record(self, hit: Hit, sealing: Sealing, record: bytes) -> bytes:
        """The record, once it is sealed as `sealing` says, or the message in its place."""
        del sealing
        return self.on_bytes(hit, record)

    def on_clear(self, hit: Hit) -> Session | None:
        """The session in whose record a reply in the clear goes; None: in none."""
        del hit
        return None

    def on_delivery(self, hit: Hit, delivery: Delivery) -> Delivery:
        """How the frame leaves."""
        del hit
        return delivery

    def on_device(self, hit: Hit) -> None:
        """What happens to the device, after the reply was made."""
        del hit


EFFECTS: dict[str, type[Effect]] = {}
"""All effects by their names; filled when `effects` is imported."""

_E = TypeVar("_E", bound=type[Effect])


def effect(name: str, *stages: Stage) -> Callable[[_E], _E]:
    """Register an effect; its first stage is the one it works at unless a rule says otherwise."""

    def register(cls: _E) -> _E:
        cls.NAME, cls.STAGES = name, stages
        EFFECTS[name] = cls
        return cls

    return register
