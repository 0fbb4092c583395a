"""What an endpoint wants done: written, closed, computed. A shell (`serve/`) does it."""

from dataclasses import dataclass
from typing import ClassVar

from emulator.spdm.stages import Delivery
from emulator.spdm.work import Work


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes in one piece, not before the given time (the clock `now` comes from)."""

    data: bytes
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection once everything before is written; by a reset, without waiting."""

    reason: str
    not_before: float = 0.0
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Compute:
    """Carry out the work, and give `Endpoint.complete` its result; always the last action.

    Nothing else the peer sends is answered until then, so a shell does better not to read it. It
    waits for nothing, least of all for the time of actions before it.
    """

    token: int
    work: Work
    not_before: ClassVar[float] = 0.0


Action = Send | Close | Compute


def deliver(delivery: Delivery, now: float) -> list[Action]:
    """The pieces of a frame, each at its time; 0 for at once."""
    held = delivery.delay or delivery.interval
    return [
        Send(piece, now + delivery.delay + index * delivery.interval if held else 0.0)
        for index, piece in enumerate(delivery.pieces)
    ]
