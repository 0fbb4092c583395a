"""The fields of replies by name: which there are, what fits each, and a reply with another value.

A name is the layout's own, or leads into the row of a table: `entries[0].number`. What a signature
fills in is no field here, as it is made after all edits. A count, or a Length, that was right stays
right when what it counts is changed; one that was edited before stays as it is, so it may lie.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar, cast

from emulator.forms.words import counted, listed
from emulator.spdm.algorithms import HASHES, MEASUREMENT_HASHES, SIGNATURES, OpaqueFormat
from emulator.spdm.codes import Code
from emulator.spdm.messages import Algorithms, SupportedAlgorithms
from emulator.spdm.versions import BY_TEXT
from emulator.wire import (
    U8,
    U16,
    U24,
    U32,
    Bytes,
    Counted,
    CountedEither,
    Shape,
    Since,
    Sized,
    Structure,
    Table,
    U32When,
)

_HEAD = re.compile(r"(\w+)(?:\[([0-9]{1,4})\])?", re.ASCII)
_ROW = re.compile(r"\[[0-9]+\]")
_BITS: dict[type, int] = {U8: 8, U16: 16, U24: 24, U32: 32, U32When: 32}

_WORDS: dict[str, Mapping[str, int]] = {
    "code": {code.name: code for code in Code},
    "version": {text: int(version) for text, version in BY_TEXT.items()},
    "number": {text: version.number for text, version in BY_TEXT.items()},
    "base_asym": {row.name: row.bit for row in SIGNATURES},
    "base_hash": {row.name: row.bit for row in HASHES},
    "measurement_hash": {row.name: row.bit for row in MEASUREMENT_HASHES},
    "other_params": {one.name: int(one) for one in OpaqueFormat if one.name},
}
"""Names of values, by the field's own name; other fields may have an enumeration."""

_S = TypeVar("_S", bound=Structure)


class FieldKind(NamedTuple):
    """What a field is.

    Attributes:
        name: its own name, without the way to it.
        kind: its kind of `wire/kinds.py`; the row's class for a row of a table.
        since: the version it exists from on.
    """

    name: str
    kind: Any
    since: int = 0

    @property
    def bits(self) -> int:
        """The width of a number; 0 for what is none."""
        return _BITS.get(type(self.kind), 0)

    @property
    def holds(self) -> bool:
        """Whether it holds a value, and not rows."""
        return not isinstance(self.kind, Table | type)

    def words(self) -> Mapping[str, int]:
        """Its values that have names."""
        if not self.bits:
            return {}
        enum = getattr(self.kind, "enum", None)
        members = (
            {} if enum is None else {name: int(one) for name, one in enum._member_map_.items()}
        )
        return members or _WORDS.get(self.name, {})

    def expected(self) -> str:
        """What it can be set to, in words."""
        if self.bits:
            number = f"a whole number from 0 to {(1 << self.bits) - 1:#x}"
            names = self.words()
            return f"{number} or {listed(names)}" if names else number
        digits = "pairs of hexadecimal digits"
        if isinstance(self.kind, Bytes):
            digits = f"{counted(self.kind.size, 'byte')} as {digits}"
        return f"{digits}, or a whole number"

    def takes(self, to: int | str) -> bool:
        """Whether `to` can be a value of it, as far as can be said beforehand."""
        if self.bits:
            return to in self.words() if isinstance(to, str) else 0 <= to < 1 << self.bits
        size = self.kind.size if isinstance(self.kind, Bytes) else None
        if isinstance(to, int):
            return size is None or to < 1 << 8 * size
        data = _bytes(to)
        return data is not None and size in (None, len(data))

    def value(self, to: int | str, old: Any) -> Any:
        """`to` as a value in place of `old`; a number in bytes is little-endian."""
        if self.bits:
            return self.words().get(to) if isinstance(to, str) else to
        if isinstance(to, str):
            return _bytes(to)
        return to.to_bytes(len(old), "little") if to < 1 << 8 * len(old) else None

    def fits(self, made: Any, old: Any) -> bool:
        """Whether `made` can stand in place of `old`."""
        if self.bits:
            return isinstance(made, int) and old is not None and 0 <= made < 1 << self.bits
        if isinstance(self.kind, Table):
            rows = cast("type", self.kind.row)
            return isinstance(made, tuple) and all(isinstance(row, rows) for row in made)
        if not isinstance(made, bytes):
            return False
        fixed = isinstance(self.kind, Bytes | Sized)
        return len(made) == len(old) if fixed else True


def _bytes(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


_FIELDS: dict[type[Structure], dict[str, FieldKind]] = {}


def fields_of(layout: type[Structure]) -> dict[str, FieldKind]:
    """The fields of a layout by the way to each; every row of a table is called [0]."""
    made = _FIELDS.get(layout)
    if made is None:
        made = _FIELDS[layout] = _fields_of(layout)
    return made


def _fields_of(layout: type[Structure]) -> dict[str, FieldKind]:
    made: dict[str, FieldKind] = {}
    for one in dataclasses.fields(layout):  # type: ignore[arg-type]  # every layout is a dataclass
        if one.metadata["trailer"]:
            continue
        kind, since = one.metadata["kind"], 0
        if isinstance(kind, Since):
            since, kind = kind.version, kind.kind
        made[one.name] = FieldKind(one.name, kind, since)
        if isinstance(kind, Table):
            row = cast("type[Structure]", kind.row)
            made[f"{one.name}[0]"] = FieldKind(one.name, row, since)
            for way, inner in fields_of(row).items():
                made[f"{one.name}[0].{way}"] = inner
    return made


def find(layout: type[Structure], way: str) -> FieldKind | None:
    """The field that `way` leads to; None where the layout has none."""
    return fields_of(layout).get(_ROW.sub("[0]", way))


Make = Callable[[FieldKind, Any], Any]
"""What is to stand in a field; for a row of a table, None takes it out."""


def change(item: _S, way: str, version: int, make: Make) -> _S:
    """`item` with what `make` makes of the value at `way`.

    It is `item` itself where it has no such field in this version, or what is made does not fit.
    """
    head, _, rest = way.partition(".")
    match = _HEAD.fullmatch(head)
    place = fields_of(type(item)).get(match[1]) if match else None
    if match is None or place is None or version < place.since:
        return item
    old = getattr(item, place.name)
    if match[2] is None:
        return item if rest else _put(item, place, make(place, old), version)
    index = int(match[2])
    if not isinstance(place.kind, Table) or index >= len(old):
        return item
    row = old[index]
    within = FieldKind(place.name, type(row), place.since)
    made = change(row, rest, version, make) if rest else make(within, row)
    rows = (*old[:index], *(() if made is None else (made,)), *old[index + 1 :])
    return _put(item, place, rows, version)


def value_at(item: Structure, way: str, version: int) -> Any:
    """The value at `way`; None where there is none."""
    seen: list[Any] = []

    def look(place: FieldKind, old: Any) -> Any:
        del place
        seen.append(old)
        return old

    change(item, way, version, look)
    return seen[0] if seen else None


def _put(item: _S, place: FieldKind, made: Any, version: int) -> _S:
    """`item` with `made` in a field, and with the counts that go with it."""
    old = getattr(item, place.name)
    counts = _recounted(item, place, old, made) if place.fits(made, old) else None
    if counts is None or made == old:
        return item
    values: dict[str, Any] = {place.name: made, **counts}
    new = dataclasses.replace(item, **values)  # type: ignore[type-var]  # a dataclass, as above
    if not isinstance(item, Algorithms | SupportedAlgorithms) or place.name == "length":
        return new
    shape = Shape(version)
    if item.length != len(item.to_bytes(shape)):
        return new
    length = len(new.to_bytes(shape))
    return dataclasses.replace(new, length=length)  # type: ignore[type-var]  # likewise


def _recounted(item: Structure, place: FieldKind, old: Any, made: Any) -> dict[str, int] | None:
    """The count of what is in a field, if it has one and it was right; None: it cannot say it."""
    kind, unit, mask = place.kind, 1, 0xFFFFFFFF
    if isinstance(kind, CountedEither):
        count = kind.small if getattr(item, kind.large) is None else kind.large
    elif isinstance(kind, Counted | Table):
        count, mask = kind.count, kind.mask
        unit = kind.unit if isinstance(kind, Counted) else 1
    else:
        return {}
    stated = int(getattr(item, count))
    if stated & mask != len(old) // unit:
        return {}
    number = len(made) // unit
    if number > mask & (1 << fields_of(type(item))[count].bits) - 1:
        return None
    return {count: stated & ~mask | number}
