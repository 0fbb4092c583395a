"""The kinds of field a layout is made of.

A kind answers two questions for a shape: how `construct` declares the field (`declare`; None when
the field is absent), and, when its width follows from the shape alone, its `struct` code
(`fixed`). A field whose width depends on the data reads and writes itself (`read`, `write`).
All integers are little-endian (libspdm `include/industry_standard/spdm.h`, packed structures).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, ClassVar

import construct as c

from emulator.wire.shape import Shape

Values = Mapping[str, Any]


class ShortData(Exception):
    """A field needs more bytes than are left."""


@dataclass(frozen=True)
class Kind:
    """Base of all kinds."""

    def declare(self, shape: Shape) -> c.Construct | None:
        """The construct of this field, or None when it is absent in `shape`."""
        raise NotImplementedError

    def fixed(self, shape: Shape) -> str | None:
        """The `struct` code of a field as wide as the shape says, else None."""
        del shape
        return None

    @property
    def load(self) -> Callable[[Any], Any] | None:
        """Turns the raw value into the field's value, or None where they are the same."""
        return None

    @property
    def dump(self) -> Callable[[Any], Any] | None:
        """Turns the field's value into the raw value, or None where they are the same."""
        return None

    def read(self, data: bytes, at: int, values: Values, shape: Shape) -> tuple[Any, int]:
        """Read a field of varying width at `at`: its value and where it ends."""
        raise NotImplementedError

    def write(self, value: Any, values: Values, shape: Shape) -> bytes:
        """The bytes of a field of varying width."""
        raise NotImplementedError


def _enum_loader(enum: type[IntEnum | IntFlag] | None) -> Callable[[int], int] | None:
    """Unknown values survive as plain integers; flags keep their unknown bits."""
    if enum is None:
        return None
    if issubclass(enum, IntFlag):
        return enum
    members = {member.value: member for member in enum}
    return lambda raw: members.get(raw, raw)


@dataclass(frozen=True)
class _Int(Kind):
    enum: type[IntEnum | IntFlag] | None = None

    code: ClassVar[str]
    construct: ClassVar[c.Construct]

    def declare(self, shape: Shape) -> c.Construct:
        del shape
        return self.construct

    def fixed(self, shape: Shape) -> str:
        del shape
        return self.code

    @property
    def load(self) -> Callable[[Any], Any] | None:
        return _enum_loader(self.enum)


class U8(_Int):
    """An unsigned byte, optionally of an enumeration."""

    code = "B"
    construct = c.Int8ul


class U16(_Int):
    """An unsigned 16-bit integer."""

    code = "H"
    construct = c.Int16ul


class U32(_Int):
    """An unsigned 32-bit integer."""

    code = "I"
    construct = c.Int32ul


class U24(Kind):
    """An unsigned 24-bit integer, such as MeasurementRecordLength."""

    def declare(self, shape: Shape) -> c.Construct:
        """The number, as what it counts needs it."""
        del shape
        return c.Int24ul

    def fixed(self, shape: Shape) -> str:
        """Three bytes: `struct` has no such number, so `load` makes it."""
        del shape
        return "3s"

    @property
    def load(self) -> Callable[[Any], Any]:
        """The number of three bytes; a number stays one."""
        return lambda raw: raw if isinstance(raw, int) else int.from_bytes(raw, "little")

    @property
    def dump(self) -> Callable[[Any], Any]:
        """The three bytes of a number."""
        return lambda value: value.to_bytes(3, "little")


@dataclass(frozen=True)
class Bytes(Kind):
    """Exactly `size` bytes."""

    size: int

    def declare(self, shape: Shape) -> c.Construct:
        """That many bytes."""
        del shape
        return c.Bytes(self.size)

    def fixed(self, shape: Shape) -> str:
        """That many bytes."""
        del shape
        return f"{self.size}s"


class Reserved(Bytes):
    """Bytes the standard reserves: sent as zeros, tolerated and kept when received."""


@dataclass(frozen=True)
class Sized(Kind):
    """As many bytes as the shape says for `what`: hash, signature or summary."""

    what: str

    def declare(self, shape: Shape) -> c.Construct:
        """As many bytes as negotiated."""
        return c.Bytes(getattr(shape, self.what))

    def fixed(self, shape: Shape) -> str:
        """As many bytes as negotiated."""
        return f"{getattr(shape, self.what)}s"


@dataclass(frozen=True)
class Counted(Kind):
    """`unit` bytes for each of the number in `mask`'s bits of the earlier field `count`."""

    count: str
    unit: int = 1
    mask: int = 0xFFFFFFFF

    def declare(self, shape: Shape) -> c.Construct:
        """Bytes counted by another field."""
        del shape
        return c.Bytes(lambda this: (this[self.count] & self.mask) * self.unit)

    def read(self, data: bytes, at: int, values: Values, shape: Shape) -> tuple[bytes, int]:
        """Cut the bytes out."""
        del shape
        end = at + (values[self.count] & self.mask) * self.unit
        if end > len(data):
            raise ShortData
        return data[at:end], end

    def write(self, value: bytes, values: Values, shape: Shape) -> bytes:
        """The bytes as they are: a count may lie about them when a fault wants it to."""
        del values, shape
        return value


@dataclass(frozen=True)
class PerBit(Kind):
    """As many bytes as the shape says for `what`, for each bit set in the earlier field `mask`."""

    mask: str
    what: str

    def declare(self, shape: Shape) -> c.Construct:
        """Bytes for each bit."""
        each = getattr(shape, self.what)
        return c.Bytes(lambda this: int(this[self.mask]).bit_count() * each)

    def read(self, data: bytes, at: int, values: Values, shape: Shape) -> tuple[bytes, int]:
        """Cut the bytes out."""
        end = at + int(values[self.mask]).bit_count() * getattr(shape, self.what)
        if end > len(data):
            raise ShortData
        return data[at:end], end

    def write(self, value: bytes, values: Values, shape: Shape) -> bytes:
        """The bytes as they are."""
        del values, shape
        return value


@dataclass(frozen=True)
class Rest(Kind):
    """Everything up to the end of the message."""

    def declare(self, shape: Shape) -> c.Construct:
        """All bytes left."""
        del shape
        return c.GreedyBytes

    def read(self, data: bytes, at: int, values: Values, shape: Shape) -> tuple[bytes, int]:
        """Take what is left."""
        del values, shape
        return data[at:], len(data)

    def write(self, value: bytes, values: Values, shape: Shape) -> bytes:
        """The bytes as they are."""
        del values, shape
        return value


@dataclass(frozen=True)
class Since(Kind):
    """A field that exists from `version` on."""

    version: int
    kind: Kind

    def declare(self, shape: Shape) -> c.Construct | None:
        """The inner declaration, from its version on."""
        return self.kind.declare(shape) if shape.version >= self.version else None

    def fixed(self, shape: Shape) -> str | None:
        """The inner code."""
        return self.kind.fixed(shape)

    @property
    def load(self) -> Callable[[Any], Any] | None:
        """The inner conversion."""
        return self.kind.load

    @property
    def dump(self) -> Callable[[Any], Any] | None:
        """The inner conversion."""
        return self.kind.dump

    def read(self, data: bytes, at: int, values: Values, shape: Shape) -> tuple[Any, int]:
        """The inner reader."""
        return self.kind.read(data, at, values, shape)

    def write(self, value: Any, values: Values, shape: Shape) -> bytes:
        """The inner writer."""
        return self.kind.write(value, values, shape)


@dataclass(frozen=True)
class When(Kind):
    """Bytes that exist when the earlier field `flag` has one of the bits of `mask` set."""

    flag: str
    mask: int
    size: int

    def declare(self, shape: Shape) -> c.Construct:
        """Bytes or nothing."""
        del shape
        return c.Bytes(lambda this: self.size if int(this[self.flag]) & self.mask else 0)

    def read(self, data: bytes, at: int, values: Values, shape: Shape) -> tuple[bytes, int]:
        """Cut the bytes out when they are there."""
        del shape
        if not int(values[self.flag]) & self.mask:
            return b"", at
        end = at + self.size
        if end > len(data):
            raise ShortData
        return data[at:end], end

    def write(self, value: bytes, values: Values, shape: Shape) -> bytes:
        """The bytes as they are: presence may lie when a fault wants it to."""
        del values, shape
        return value


class Element:
    """What a `Table` needs of its rows' class; `wire/layout.py` provides it."""

    @classmethod
    def declaration(cls, shape: Shape) -> c.Construct:
        """The construct of one row."""
        raise NotImplementedError

    @classmethod
    def read_at(cls, data: bytes, at: int, shape: Shape) -> tuple[Any, int]:
        """One row at `at` and where it ends."""
        raise NotImplementedError

    def to_bytes(self, shape: Shape) -> bytes:
        """The row's bytes."""
        raise NotImplementedError


@dataclass(frozen=True)
class Table(Kind):
    """Rows of the structure `row`, as many as the earlier field `count` says."""

    row: type[Element]
    count: str

    def declare(self, shape: Shape) -> c.Construct:
        """An array of the rows' declaration."""
        return c.Array(lambda this: this[self.count], self.row.declaration(shape))

    def read(
        self, data: bytes, at: int, values: Values, shape: Shape
    ) -> tuple[tuple[Element, ...], int]:
        """Read row after row."""
        rows = []
        for _ in range(values[self.count]):
            row, at = self.row.read_at(data, at, shape)
            rows.append(row)
        return tuple(rows), at

    def write(self, value: tuple[Element, ...], values: Values, shape: Shape) -> bytes:
        """The rows' bytes, one after the other."""
        del values
        return b"".join(row.to_bytes(shape) for row in value)
