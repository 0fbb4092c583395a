"""Stage delivery: when a frame leaves, in which pieces, and what becomes of the connection.

Each effect takes up where the one before it in the rule left. None is silent for ever: what is
dropped has a deadline, and the endpoint ends a connection that is out of step once the peer asks
nothing any more.
"""

from dataclasses import replace
from typing import Literal

from pydantic import ConfigDict, Field

from emulator.faults.effect import Effect, Hit, Stage, effect
from emulator.faults.effects.frame import no_response
from emulator.faults.effects.raw import MAX_BYTES
from emulator.forms import Delay
from emulator.forms.fields import MAX_DELAY
from emulator.forms.words import counted
from emulator.spdm.stages import Delivery

MAX_PIECES = 8192
"""The most pieces a frame is cut into; what is left goes in the last one."""

When = Literal["before", "during", "after"]
"""When a connection ends: before the frame, after half of it, or after all of it."""


def _pieces(data: bytes, size: int, most: int = MAX_PIECES) -> tuple[bytes, ...]:
    """`data` in at most so many pieces of `size` bytes; the last one has the rest."""
    count = max(1, min(most, -(-len(data) // size)))
    cuts = [index * size for index in range(count)]
    ends = [*cuts[1:], len(data)]
    return tuple(data[begin:end] for begin, end in zip(cuts, ends, strict=True) if begin < end)


def _first(pieces: tuple[bytes, ...], size: int) -> tuple[bytes, ...]:
    """The pieces that hold the first `size` bytes."""
    kept: list[bytes] = []
    for piece in pieces:
        if size <= 0:
            break
        kept.append(piece[:size])
        size -= len(piece)
    return tuple(kept)


@effect("delay", Stage.DELIVERY)
class HoldBack(Effect):
    """The reply leaves later. QEMU stands still meanwhile, its monitor too."""

    model_config = ConfigDict(serialize_by_alias=True)

    time: Delay = Field(default=1.0, alias="for", description="How much later.")

    def on_delivery(self, hit: Hit, delivery: Delivery) -> Delivery:
        """The same, later."""
        if not self.time:
            return delivery
        hit.note(f"{self.time:g} s late")
        return replace(delivery, delay=delivery.delay + self.time)


@effect("drip", Stage.DELIVERY)
class Drip(Effect):
    """The frame leaves a little at a time. After 600 s in all, what is left goes at once."""

    bytes: int = Field(default=1, ge=1, le=MAX_BYTES, description="Bytes at a time.")
    every: Delay = Field(default=0.005, description="From one time to the next.")

    def on_delivery(self, hit: Hit, delivery: Delivery) -> Delivery:
        """The frame in pieces, with time between them."""
        lasts = MAX_PIECES * self.every > MAX_DELAY
        most = 1 + int(MAX_DELAY / self.every) if lasts else MAX_PIECES
        pieces = _pieces(b"".join(delivery.pieces), self.bytes, most)
        if len(pieces) <= 1:
            return delivery
        hit.note(f"{len(pieces)} pieces, one every {self.every:g} s")
        return replace(delivery, pieces=pieces, interval=self.every)


@effect("split", Stage.DELIVERY)
class Split(Effect):
    """The frame leaves in pieces, each written by itself, at once."""

    at: int = Field(default=1, ge=1, le=MAX_BYTES, description="Bytes of a piece.")

    def on_delivery(self, hit: Hit, delivery: Delivery) -> Delivery:
        """The frame in pieces."""
        pieces = _pieces(b"".join(delivery.pieces), self.at)
        if len(pieces) <= 1:
            return delivery
        hit.note(f"{len(pieces)} pieces")
        return replace(delivery, pieces=pieces)


@effect("cut", Stage.DELIVERY)
class Cut(Effect):
    """The frame ends too early, and then the connection."""

    after: int | None = Field(
        default=None,
        ge=-MAX_BYTES,
        le=MAX_BYTES,
        description="How many bytes leave; negative: how many do not. Null: half of them leave.",
    )
    close: bool = Field(
        default=True,
        description="Close the connection then. Otherwise the peer is left waiting; the connection"
        " ends once it has asked nothing for 30 s.",
    )

    def on_delivery(self, hit: Hit, delivery: Delivery) -> Delivery:
        """The beginning of the frame."""
        size = sum(map(len, delivery.pieces))
        left = size // 2 if self.after is None else self.after
        left = max(0, size + left) if left < 0 else left
        if left >= size:
            return delivery
        hit.note(f"{left} of {counted(size, 'byte')}")
        pieces = _first(delivery.pieces, left)
        return replace(delivery, pieces=pieces, close=self.close or delivery.close)


@effect("drop", Stage.DELIVERY)
class Drop(Effect):
    """The reply is lost. QEMU stands still until the deadline.

    Where TCP messages go alone there is no frame for 'no response': the connection is closed.
    """

    deadline: Delay = Field(default=2.0, description="When the silence ends.")
    then: Literal["no-response", "close"] = Field(
        default="no-response",
        description="How it ends: by a frame of size 0, which keeps the stream in step, or by the"
        " end of the connection.",
    )

    def on_delivery(self, hit: Hit, delivery: Delivery) -> Delivery:
        """Nothing until the deadline."""
        closes = self.then == "close" or not hit.situation.framed
        end = "close" if closes else self.then
        hit.note(f"nothing for {self.deadline:g} s, then {end}")
        delay = delivery.delay + self.deadline
        if closes:
            return Delivery((), delay=delay, close=True, reset=delivery.reset)
        return replace(delivery, pieces=(no_response(hit),), delay=delay)


def _until(delivery: Delivery, when: When) -> tuple[bytes, ...]:
    """What leaves before the connection ends."""
    if when == "after":
        return delivery.pieces
    size = sum(map(len, delivery.pieces))
    return _first(delivery.pieces, size // 2 if when == "during" else 0)


@effect("close", Stage.DELIVERY)
class CloseConnection(Effect):
    """The device closes the connection."""

    when: When = Field(
        default="before", description="Before the reply, after half of it, or after all of it."
    )

    def on_delivery(self, hit: Hit, delivery: Delivery) -> Delivery:
        """What leaves before, then the close."""
        hit.note(f"closed {self.when} the reply")
        return replace(delivery, pieces=_until(delivery, self.when), close=True)


@effect("reset", Stage.DELIVERY)
class ResetConnection(Effect):
    """The device resets the connection (TCP's RST); a Unix socket is closed at once."""

    when: When = Field(
        default="before", description="Before the reply, after half of it, or after all of it."
    )

    def on_delivery(self, hit: Hit, delivery: Delivery) -> Delivery:
        """What leaves before, then the reset."""
        hit.note(f"reset {self.when} the reply")
        return replace(delivery, pieces=_until(delivery, self.when), close=True, reset=True)
