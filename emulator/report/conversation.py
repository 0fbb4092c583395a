"""Following a conversation: what each message is, which layout it has, and what it means.

How a reply is laid out depends on what was agreed and asked before, so messages are told in order.
Nothing here judges: what cannot be read is said to be so.
"""

from dataclasses import dataclass
from typing import Any

from emulator.errors import WireError
from emulator.report.meaning import meaning, reported
from emulator.report.shapes import Shapes
from emulator.requester import Direction
from emulator.spdm import codes
from emulator.spdm.messages import LAYOUTS, Measurements
from emulator.wire import Message, Shape, decode

_HEADER = 4


@dataclass(frozen=True)
class Told:
    """One message of a conversation.

    Attributes:
        direction: which way it went.
        name: its name, or the hex of its code.
        size: its bytes, padding of the transport included.
        meaning: one line.
        layout: its layout, or None where nobody knows it.
        shape: the shape it has.
        raw: its bytes.
        measurements: those it reports, as `evidence.measurement` has them.
    """

    direction: Direction
    name: str
    size: int
    meaning: str
    layout: type[Message] | None
    shape: Shape
    raw: bytes
    measurements: tuple[dict[str, Any], ...] = ()


class Conversation:
    """One conversation so far."""

    def __init__(self) -> None:
        self._shapes = Shapes()

    def tell(self, direction: Direction, raw: bytes) -> Told:
        """Take the next message."""
        name = codes.name(raw[1]) if len(raw) >= _HEADER else "(no message)"
        layout = LAYOUTS.get(raw[1]) if len(raw) >= _HEADER else None
        shape = self._shapes.of(layout, raw[0] if raw else 0)
        if layout is None:
            return Told(direction, name, len(raw), raw.hex(), None, shape, raw)
        try:
            message, _ = decode(layout, raw, shape)
        except WireError as error:
            return Told(direction, name, len(raw), str(error), layout, shape, raw)
        self._shapes.learn(message, request=direction is Direction.REQUEST)
        measured = tuple(reported(message.record)) if isinstance(message, Measurements) else ()
        return Told(direction, name, len(raw), meaning(message), layout, shape, raw, measured)
