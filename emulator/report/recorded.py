"""Telling a recorded conversation."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emulator.record import Content, Kind, LinkType, Packet, Session, content
from emulator.report.conversation import Conversation, Told
from emulator.requester import Direction
from emulator.spdm.keylog import KeyLog
from emulator.spdm.messages import Measurements
from emulator.spdm.secured import DOE, MCTP, Format
from emulator.wire import Shape, Span, annotate

_BILLION = 10**9
_DISCOVERY_REPLY = 4
_FORMATS: dict[int, Format] = {LinkType.PCI_DOE: DOE, LinkType.MCTP: MCTP}


@dataclass(frozen=True)
class Entry:
    """One packet of a conversation.

    Attributes:
        packet: the packet.
        told: what it says, or None where it has comments alone.
    """

    packet: Packet
    told: Told | None


def entries(session: Session, keylog: KeyLog | None = None) -> Iterator[Entry]:
    """The packets of a conversation in order, each told in the light of those before.

    With a key log also what was said in the sessions it knows.
    """
    conversation = Conversation(keylog)
    for packet in session.packets:
        told = None if packet.direction is None else tell(conversation, packet.direction, packet)
        yield Entry(packet, told)


def tell(conversation: Conversation, direction: Direction, packet: Packet) -> Told:
    """The next message of a conversation, or what passed instead of one."""
    carried = content(packet)
    if carried.kind is Kind.SPDM:
        return conversation.tell(direction, carried.data)
    if carried.kind is Kind.SECURED:
        return conversation.tell_secured(direction, carried.data, _FORMATS[packet.link])
    name, meaning = _other(direction, carried)
    return Told(direction, name, len(carried.data), meaning, None, Shape(), carried.data)


def _other(direction: Direction, carried: Content) -> tuple[str, str]:
    """The name and the meaning of what is no SPDM message."""
    data = carried.data
    if carried.kind is Kind.DISCOVERY:
        if direction is Direction.REQUEST:
            return "DISCOVERY", f"index {data[0]}" if data else "no index"
        if len(data) < _DISCOVERY_REPLY:
            return "DISCOVERY", data.hex()
        vendor = int.from_bytes(data[:2], "little")
        return "DISCOVERY", f"vendor 0x{vendor:04x}, type {data[2]}; next index {data[3]}"
    if carried.kind is Kind.NOTHING:
        return "(nothing)", "no response" if direction is Direction.REPLY else "no data"
    return "(no message)", carried.reason


def entry_json(entry: Entry) -> dict[str, Any]:
    """One packet for a script; docs/how-to/recordings.md describes it."""
    packet, told = entry.packet, entry.told
    result: dict[str, Any] = {
        "time": _time(packet.time),
        "offset": packet.offset,
        "comments": list(packet.comments),
    }
    if told is not None:
        result |= message_json(told)
    return result


def message_json(told: Told) -> dict[str, Any]:
    """One message for a script."""
    spans = annotate(told.layout, told.raw, told.shape) if told.layout is not None else []
    result: dict[str, Any] = {
        "direction": told.direction.value,
        "name": told.name,
        "size": told.size,
        "meaning": told.meaning,
        "raw": told.raw.hex(),
        "fields": [_field(span) for span in spans],
    }
    if told.session is not None:
        result["session"] = f"{told.session:08x}"
    if told.layout is Measurements:
        result["measurements"] = list(told.measurements)
    return result


def _field(span: Span) -> dict[str, Any]:
    value = span.value.hex() if isinstance(span.value, bytes) else int(span.value)
    return {
        "name": span.name,
        "start": span.start,
        "end": span.end,
        "value": value,
        "text": span.text,
    }


def _time(nanoseconds: int) -> str:
    """A moment as ISO 8601 has it, to the nanosecond; what no calendar has is told as it is."""
    seconds, rest = divmod(nanoseconds, _BILLION)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{seconds}.{rest:09} s"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
