"""What a member of a shared fleet wants done."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.control.mqtt.handover import Claim


@dataclass(frozen=True)
class Announce:
    """Publish the emulator's own status, retained: its room has changed, or it was forgotten."""


@dataclass(frozen=True)
class Beat:
    """Publish a sign of life."""


@dataclass(frozen=True)
class Hear:
    """Subscribe to offers, or no more."""

    offers: bool


@dataclass(frozen=True)
class Offer:
    """Offer a device under a new term; `last`: the emulator that had it, if one had."""

    device: str
    term: int
    last: str | None


@dataclass(frozen=True)
class Own:
    """Publish a claim, retained."""

    device: str
    claim: "Claim"


@dataclass(frozen=True)
class Start:
    """Serve a device."""

    device: str


@dataclass(frozen=True)
class Stop:
    """Serve a device no more: it is another's."""

    device: str


@dataclass(frozen=True)
class Lost:
    """Publish that an emulator is gone, in its place: the broker does not know."""

    emulator: str
    id: str


Action = Announce | Beat | Hear | Offer | Own | Start | Stop | Lost
