"""Two conversations beside each other: which messages and which fields differ.

What is random in every run is left out: nonces, signatures and contexts count as different only
where their sizes are. Messages are aligned by what they are said to mean, in the gaps between by
their names, and then compared field by field.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

from emulator.errors import WireError
from emulator.report.conversation import Told
from emulator.report.fields import text
from emulator.requester import Direction
from emulator.spdm.messages import MeasurementBlock, Measurements
from emulator.transport.doe import PADDING
from emulator.wire import Shape, Span, annotate, decode

RANDOM = frozenset({"nonce", "context", "signature"})
"""The fields whose values are drawn anew, or follow from what is, in every run."""

_SHOWN = 16
_VERSION = "version"


@dataclass(frozen=True)
class FieldDifference:
    """A field that is not the same.

    Attributes:
        name: the field's path; `(bytes)` where the message has no layout.
        left: its value for a reader, or None where the left message does not have it.
        right: likewise.
        at: the first byte that differs in a long value, counted from the field's start, or None.
    """

    name: str
    left: str | None
    right: str | None
    at: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The difference for a script."""
        return {"name": self.name, "left": self.left, "right": self.right, "at": self.at}


@dataclass(frozen=True)
class Row:
    """Two messages that belong together, or one that has no counterpart."""

    left: Told | None
    right: Told | None
    fields: tuple[FieldDifference, ...] = ()

    @property
    def same(self) -> bool:
        """Whether both are there and say the same."""
        return self.left is not None and self.right is not None and not self.fields

    def to_json(self) -> dict[str, Any]:
        """The row for a script."""
        told = self.left or self.right
        return {
            "direction": told.direction.value if told else None,
            "name": told.name if told else None,
            "left": self.left is not None,
            "right": self.right is not None,
            "fields": [field.to_json() for field in self.fields],
        }


def compare(left: Sequence[Told], right: Sequence[Told]) -> list[Row]:
    """The rows of two conversations.

    Where they speak different versions, that is told with the first message it shows in.
    """
    pairs = _aligned(left, right, (_closely, _by_name))
    rows = [
        Row(one, two, differences(one, two) if one is not None and two is not None else ())
        for one, two in pairs
    ]
    return list(_version_once(rows))


def _closely(told: Told) -> tuple[Direction, str, str]:
    return told.direction, told.name, told.meaning


def _by_name(told: Told) -> tuple[Direction, str]:
    return told.direction, told.name


def _aligned(
    left: Sequence[Told], right: Sequence[Told], keys: Sequence[Callable[[Told], Hashable]]
) -> Iterator[tuple[Told | None, Told | None]]:
    """Pairs of messages that are alike by the first key, and in the gaps between by the others."""
    if not keys:
        yield from ((one, None) for one in left)
        yield from ((None, two) for two in right)
        return
    key, *others = keys
    ours, theirs = ([key(told) for told in side] for side in (left, right))
    matcher = SequenceMatcher(a=ours, b=theirs, autojunk=False)
    for tag, at, end, other, other_end in matcher.get_opcodes():
        if tag == "equal":
            yield from zip(left[at:end], right[other:other_end], strict=True)
        else:
            yield from _aligned(left[at:end], right[other:other_end], others)


def _version_once(rows: Sequence[Row]) -> Iterator[Row]:
    seen: set[FieldDifference] = set()
    for row in rows:
        told = tuple(one for one in row.fields if one.name != _VERSION or one not in seen)
        seen.update(one for one in row.fields if one.name == _VERSION)
        yield replace(row, fields=told)


def differences(left: Told, right: Told) -> tuple[FieldDifference, ...]:
    """The fields in which two messages differ, or `(message)` where they have other names."""
    if left.name != right.name:
        ours, theirs = (f"{one.name} {one.meaning}".rstrip() for one in (left, right))
        return (FieldDifference("(message)", ours, theirs),)
    return _field_differences(left, right)


def _field_differences(left: Told, right: Told) -> tuple[FieldDifference, ...]:
    ours, theirs = _fields(left), _fields(right)
    names = [*ours, *(name for name in theirs if name not in ours)]
    found = (_difference(name, ours.get(name), theirs.get(name)) for name in names)
    return tuple(one for one in found if one is not None)


def _fields(told: Told) -> Mapping[str, Span]:
    """The fields of a message by their names; those of a measurement record one by one."""
    if told.layout is None:
        return {"(bytes)": Span("(bytes)", 0, len(told.raw), told.raw)}
    spans = annotate(told.layout, told.raw, told.shape)
    last = spans[-1]  # every layout has fields
    if last.name == "(trailing)" and len(last.value) <= PADDING and not any(last.value):
        spans.pop()
    fields: dict[str, Span] = {}
    for span in spans:
        if told.layout is Measurements and span.name == "record":
            fields.update((one.name, one) for one in _record(span, told.shape))
        else:
            fields[span.name] = span
    return fields


def _record(record: Span, shape: Shape) -> Iterator[Span]:
    """The blocks of a measurement record by their indices, and what follows them."""
    at = 0
    data: bytes = record.value
    while at < len(data):
        try:
            block, size = decode(MeasurementBlock, data[at:], shape)
        except WireError:
            yield Span("record (rest)", record.start + at, record.end, data[at:])
            return
        start = record.start + at
        yield Span(f"record[index {block.index}]", start, start + size, data[at : at + size])
        at += size


def _difference(name: str, left: Span | None, right: Span | None) -> FieldDifference | None:
    if left is None or right is None:
        if not any(span and span.end - span.start for span in (left, right)):
            return None  # An empty field is as good as none.
        return FieldDifference(name, text(left) if left else None, text(right) if right else None)
    if name in RANDOM:
        ours, theirs = (span.end - span.start for span in (left, right))
        return None if ours == theirs else FieldDifference(name, f"{ours} bytes", f"{theirs} bytes")
    if left.value == right.value:
        return None
    at = None
    if isinstance(left.value, bytes) and isinstance(right.value, bytes):
        at = _first(left.value, right.value)
        if max(len(left.value), len(right.value)) <= _SHOWN:
            at = None
    return FieldDifference(name, text(left), text(right), at)


def _first(left: bytes, right: bytes) -> int:
    """Where two values begin to differ; where one ends, if they do not before."""
    pairs = zip(left, right, strict=False)
    both = min(len(left), len(right))
    return next((at for at, (one, two) in enumerate(pairs) if one != two), both)
