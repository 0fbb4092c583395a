"""Following a conversation: what each message is, which layout it has, and what it means.

How a reply is laid out depends on what was agreed and asked before, so messages are told in order.
Nothing here judges: what cannot be read is said to be so.
"""

from dataclasses import dataclass, replace
from typing import Any

from emulator.errors import DecryptError, WireError
from emulator.report.meaning import meaning, reported
from emulator.report.opened import Opener
from emulator.report.shapes import Shapes
from emulator.requester import Direction
from emulator.spdm import codes
from emulator.spdm.key_schedule import Direction as Way
from emulator.spdm.keylog import KeyLog
from emulator.spdm.messages import LAYOUTS, Measurements
from emulator.spdm.secured import Format
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
        session: the id of the session it was said in, where it could be read there.
    """

    direction: Direction
    name: str
    size: int
    meaning: str
    layout: type[Message] | None
    shape: Shape
    raw: bytes
    measurements: tuple[dict[str, Any], ...] = ()
    session: int | None = None


class Conversation:
    """One conversation so far."""

    def __init__(self, keylog: KeyLog | None = None) -> None:
        """With a key log, what was said in the sessions it knows can be told too."""
        self._shapes = Shapes()
        self._opener = Opener(keylog) if keylog is not None else None

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
        if self._opener is not None:
            self._opener.learn(message, self._shapes)
        measured = tuple(reported(message.record)) if isinstance(message, Measurements) else ()
        return Told(direction, name, len(raw), meaning(message), layout, shape, raw, measured)

    def tell_secured(self, direction: Direction, record: bytes, form: Format) -> Told:
        """Take the next message, which is a record, and tell what is in it if that can be read."""
        size = f"secured message, {len(record)} bytes"
        if self._opener is None:
            return _unread(direction, record, size)
        way = Way.REQUEST if direction is Direction.REQUEST else Way.RESPONSE
        try:
            session, inner = self._opener.open(way, record, form)
        except DecryptError as error:
            return _unread(direction, record, f"{size}: {error}")
        message = form.message(inner)
        if message is not None:
            return self.tell_inside(direction, message, session)
        told = _unread(direction, inner, f"application message, {len(inner)} bytes")
        return _inside(replace(told, name="(application)"), session)

    def tell_inside(self, direction: Direction, message: bytes, session: int) -> Told:
        """Take the next message, which was said in the session of this id."""
        return _inside(self.tell(direction, message), session)


def _unread(direction: Direction, data: bytes, meaning: str) -> Told:
    return Told(direction, "(secured)", len(data), meaning, None, Shape(), data)


def _inside(told: Told, session: int) -> Told:
    return replace(told, session=session, meaning=f"in session {session:08x}: {told.meaning}")
