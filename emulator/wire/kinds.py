"""The kinds of field a layout is made of.

A kind answers two questions for a shape: how `construct` declares the field (`declare`; None when
the field is absent), and, when its width follows from the shape alone, its `struct` code
(`fixed`). A field whose width depends on the data reads and writes itself (`read`, `write`).
All integers are little-endian (libspdm `include/industry_standard/spdm.h`, packed structures).
"""

import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, ClassVar, Protocol

import construct as c

from emulator.wire.shape import Shape

Values = Mapping[str, Any]


class ShortData(Exception):
    """A field needs more bytes than are left."""


@dataclass(frozen=True)
class Kind(ABC):
    """Base of all kinds."""

    @abstractmethod
    def declare(self, shape: Shape) -> c.Construct | None:
        """The construct of this field, or None when it is absent in `shape`."""

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
        """Read a field of varying width at `at`: its value and where it ends.

        By its construct, where a kind has no quicker way. Raises ShortData.
        """
        stream = io.BytesIO(data)
        stream.seek(at)
        declared: c.Construct = self.declare(shape)
        try:
            value = declared.parse_stream(stream, **values)
        except c.StreamError as error:
            raise ShortData from error
        return value, stream.tell()

    def write(self, value: Any, values: Values, shape: Shape) -> bytes:
        """The bytes of a field of varying width."""
        declared: c.Construct = self.declare(shape)
        built: bytes = declared.build(value, **values)
        return built


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


class U64(_Int):
    """An unsigned 64-bit integer."""

    code = "Q"
    construct = c.Int64ul


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
    """As many bytes as the shape says for `what`, such as the signature."""

    what: str

    def declare(self, shape: Shape) -> c.Construct:
        """As many bytes as negotiated."""
        return c.Bytes(getattr(shape, self.what))

    def fixed(self, shape: Shape) -> str:
        """As many bytes as negotiated."""
        return f"{getattr(shape, self.what)}s"


@dataclass(frozen=True)
class IfSigned(Kind):
    """`size` bytes where the message carries a signature, none where it does not."""

    size: int

    def declare(self, shape: Shape) -> c.Construct:
        """All of them or none."""
        return c.Bytes(self.size if shape.signature else 0)

    def fixed(self, shape: Shape) -> str:
        """All of them or none."""
        return f"{self.size if shape.signature else 0}s"


class Cut(Kind):
    """Bytes whose number follows from earlier fields.

    They are written as they are: a count may lie about them when a fault wants it to.
    """

    @abstractmethod
    def width(self, values: Values, shape: Shape) -> int:
        """How many bytes the field has, given the values of the fields before it."""

    def declare(self, shape: Shape) -> c.Construct:
        """As many bytes as `width` says."""
        return c.Bytes(lambda this: self.width(this, shape))

    def read(self, data: bytes, at: int, values: Values, shape: Shape) -> tuple[bytes, int]:
        """Cut the bytes out. Raises ShortData."""
        end = at + self.width(values, shape)
        if end > len(data):
            raise ShortData
        return data[at:end], end

    def write(self, value: bytes, values: Values, shape: Shape) -> bytes:
        """The bytes as they are."""
        del values, shape
        return value


@dataclass(frozen=True)
class Counted(Cut):
    """`unit` bytes for each of the number in `mask`'s bits of the earlier field `count`."""

    count: str
    unit: int = 1
    mask: int = 0xFFFFFFFF

    def width(self, values: Values, shape: Shape) -> int:
        """The count times the unit."""
        del shape
        return (int(values[self.count]) & self.mask) * self.unit


@dataclass(frozen=True)
class PerBit(Cut):
    """`times` what the shape says for `what`, for each bit set in the earlier field `mask`."""

    mask: str
    what: str
    times: int = 1

    def width(self, values: Values, shape: Shape) -> int:
        """The bits set times the size of one."""
        each: int = getattr(shape, self.what) * self.times
        return int(values[self.mask]).bit_count() * each


@dataclass(frozen=True)
class When(Cut):
    """Bytes that exist when the earlier field `flag` has one of the bits of `mask` set."""

    flag: str
    mask: int
    size: int

    def width(self, values: Values, shape: Shape) -> int:
        """All of them or none."""
        del shape
        return self.size if int(values[self.flag]) & self.mask else 0


@dataclass(frozen=True)
class SizedWhen(Cut):
    """As many bytes as the shape says for `what`, when the earlier field `flag` has `mask` set."""

    flag: str
    mask: int
    what: str

    def width(self, values: Values, shape: Shape) -> int:
        """All of them or none."""
        each: int = getattr(shape, self.what)
        return each if int(values[self.flag]) & self.mask else 0


@dataclass(frozen=True)
class U32When(Kind):
    """A 32-bit integer that exists when the earlier field `flag` has a bit of `mask` set.

    Its value is None where it does not, and None is written as nothing.
    """

    flag: str
    mask: int

    def declare(self, shape: Shape) -> c.Construct:
        """The number or nothing."""
        del shape
        return c.If(lambda this: int(this[self.flag]) & self.mask, c.Int32ul)

    def read(self, data: bytes, at: int, values: Values, shape: Shape) -> tuple[int | None, int]:
        """The number or None. Raises ShortData."""
        del shape
        if not int(values[self.flag]) & self.mask:
            return None, at
        raw = data[at : at + 4]
        if len(raw) < 4:  # noqa: PLR2004 - the bytes of 32 bits
            raise ShortData
        return int.from_bytes(raw, "little"), at + 4

    def write(self, value: int | None, values: Values, shape: Shape) -> bytes:
        """The number's bytes, or none."""
        del values, shape
        return b"" if value is None else value.to_bytes(4, "little")


@dataclass(frozen=True)
class CountedEither(Cut):
    """As many bytes as the earlier field `large` says where it exists, else as `small` says."""

    small: str
    large: str

    def width(self, values: Values, shape: Shape) -> int:
        """The one count or the other."""
        del shape
        large = values.get(self.large)
        return int(values[self.small] if large is None else large)


@dataclass(frozen=True)
class Rest(Kind):
    """Everything up to the end of the message."""

    def declare(self, shape: Shape) -> c.Construct:
        """All bytes left."""
        del shape
        return c.GreedyBytes


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


class Element(Protocol):
    """What a `Table` needs of its rows' class; `wire/layout.py` provides it."""

    @classmethod
    def declaration(cls, shape: Shape) -> c.Construct:
        """The construct of one row."""
        ...

    @classmethod
    def read_at(cls, data: bytes, at: int, shape: Shape) -> tuple[Any, int]:
        """One row at `at` and where it ends."""
        ...

    def to_bytes(self, shape: Shape) -> bytes:
        """The row's bytes."""
        ...


@dataclass(frozen=True)
class Table(Kind):
    """Rows of the structure `row`, as many as `mask`'s bits of the earlier field `count` say."""

    row: type[Element]
    count: str
    mask: int = 0xFFFFFFFF

    def length(self, values: Values) -> int:
        """How many rows there are, given the values of the fields before them."""
        return int(values[self.count]) & self.mask

    def declare(self, shape: Shape) -> c.Construct:
        """An array of the rows' declaration."""
        return c.Array(self.length, self.row.declaration(shape))

    def read(
        self, data: bytes, at: int, values: Values, shape: Shape
    ) -> tuple[tuple[Element, ...], int]:
        """Read row after row."""
        rows = []
        for _ in range(self.length(values)):
            row, at = self.row.read_at(data, at, shape)
            rows.append(row)
        return tuple(rows), at

    def write(self, value: tuple[Element, ...], values: Values, shape: Shape) -> bytes:
        """The rows' bytes, one after the other."""
        del values
        return b"".join(row.to_bytes(shape) for row in value)
