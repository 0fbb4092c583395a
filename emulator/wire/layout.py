"""The `@message` and `@structure` decorators, and reading and writing what they declare."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

import construct as c

from emulator.errors import WireError
from emulator.wire.annotate import explain
from emulator.wire.codec import SHORT, Codec, Field
from emulator.wire.kinds import U8, Kind
from emulator.wire.shape import Shape

AUTO = -1
"""Default of a counting field: the count of what it counts, at construction."""


def wire(
    kind: Kind, *, default: Any = dataclasses.MISSING, trailer: bool = False, counts: str = ""
) -> Any:
    """Declare a field of a layout.

    Args:
        kind: how the field lies on the wire.
        default: its value when none is given.
        trailer: left out of what a signature covers (the signature itself).
        counts: the field whose length this one states; give `default=AUTO` with it.
    """
    metadata = {"kind": kind, "trailer": trailer, "counts": counts}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


class Structure:
    """Base of everything declared with `@structure` or `@message`."""

    __slots__ = ()
    _fields: ClassVar[tuple[Field, ...]] = ()
    _counts: ClassVar[tuple[tuple[str, str], ...]] = ()
    _codecs: ClassVar[dict[Shape, Codec]]

    def __post_init__(self) -> None:
        """Fill the counts that were left to AUTO."""
        for name, counted in self._counts:
            if getattr(self, name) == AUTO:
                object.__setattr__(self, name, len(getattr(self, counted)))

    @classmethod
    def _declare(cls) -> None:
        """Collect the wire fields of the finished dataclass."""
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]  # only dataclasses come here
        cls._fields = tuple(
            Field(field.name, field.metadata["kind"], field.metadata["trailer"]) for field in fields
        )
        cls._counts = tuple(
            (field.name, field.metadata["counts"]) for field in fields if field.metadata["counts"]
        )
        cls._codecs = {}

    @classmethod
    def codec(cls, shape: Shape) -> Codec:
        """The codec of this layout for `shape`, compiled at first use."""
        codec = cls._codecs.get(shape)
        if codec is None:
            codec = cls._codecs[shape] = Codec(cls.__name__, cls._fields, shape)
        return codec

    @classmethod
    def declaration(cls, shape: Shape) -> c.Construct:
        """The plain `construct.Struct` of this layout."""
        present = ((field.name, field.kind.declare(shape)) for field in cls.codec(shape).fields)
        return c.Struct(*(c.Renamed(declared, name) for name, declared in present))

    @classmethod
    def read_at(cls, data: bytes, at: int, shape: Shape) -> tuple[Self, int]:
        """One instance at `at`, and where it ends."""
        values, end = cls.codec(shape).read(data, at)
        return cls(**values), end

    def to_bytes(self, shape: Shape) -> bytes:
        """The bytes in `shape`."""
        return self.codec(shape).write(self)


_S = TypeVar("_S", bound=Structure)


def _finish(cls: type[_S]) -> type[_S]:
    """Make the dataclass and collect its wire fields."""
    made = dataclasses.dataclass(frozen=True, slots=True, kw_only=True)(cls)
    made._declare()  # noqa: SLF001 - the decorator completes the class it makes
    return made


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(wire,))
def structure(cls: type[_S]) -> type[_S]:
    """Declare a part of a message, such as a table's row."""
    return _finish(cls)


@structure
class Message(Structure):
    """Base of all SPDM messages: the first two bytes of the header.

    Param1 and Param2 are declared by each message under the name the standard gives their use.
    """

    CODE: ClassVar[int] = 0

    version: int = wire(U8())
    code: int = wire(U8(), default=0)


_M = TypeVar("_M", bound=Message)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(wire,))
def message(code: int) -> Callable[[type[_M]], type[_M]]:
    """Declare the message with this RequestResponseCode."""

    def decorate(cls: type[_M]) -> type[_M]:
        # `code` is an ordinary field with a default of its own in each class: a fault may send
        # a message under another code.
        cls.__annotations__ = {"code": int, **inspect.get_annotations(cls)}
        cls.code = wire(U8(), default=code)
        cls.CODE = code
        return _finish(cls)

    return decorate


def encode(item: Structure, shape: Shape, *, trailer: bool = True) -> bytes:
    """The bytes of `item`; without its trailer: what a signature covers.

    Raises WireError when a value does not fit its field.
    """
    return item.codec(shape).write(item, trailer=trailer)


def decode(cls: type[_S], data: bytes, shape: Shape) -> tuple[_S, int]:
    """The instance at the start of `data`, and how many bytes it took.

    Raises WireError naming the field that does not fit.
    """
    try:
        return cls.read_at(data, 0, shape)
    except SHORT as error:
        raise explain(cls, data, shape) from error


def parse(cls: type[_S], data: bytes, shape: Shape, *, slack: int = 0) -> tuple[_S, int]:
    """Like `decode`, and no more than `slack` bytes may follow.

    A DOE object is a whole number of DWORDs, so up to three bytes of padding follow a message.
    """
    try:
        values, end = cls.codec(shape).read(data)
    except SHORT as error:
        raise explain(cls, data, shape) from error
    item = cls(**values)
    if len(data) - end > slack:
        raise WireError(
            cls.__name__, "", end, f"{len(data)} bytes where the message ends after {end}"
        )
    return item, end
