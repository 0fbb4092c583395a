"""A layout compiled for one shape.

Runs of fixed-width fields become one `struct.Struct` each; fields of varying width are read and
written by their kind. When bytes do not fit, the plain `construct` declaration walks them again
to name the field (`wire/annotate.py`), so the fast path needs no bookkeeping.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from emulator.errors import WireError
from emulator.wire.kinds import Kind, ShortData
from emulator.wire.shape import Shape


class Field(NamedTuple):
    """One field of a layout: its name, kind, and whether it is left out of what is signed."""

    name: str
    kind: Kind
    trailer: bool


@dataclass(frozen=True)
class _Run:
    """Neighbouring fields of fixed width."""

    packed: struct.Struct
    names: tuple[str, ...]
    loads: tuple[tuple[str, Callable[[Any], Any]], ...]
    dumps: tuple[tuple[int, Callable[[Any], Any]], ...]
    widths: tuple[tuple[int, int], ...]  # (index, bytes) of the byte fields: struct pads silently
    get: Callable[[Any], tuple[Any, ...]]

    def read(self, data: bytes, at: int, values: dict[str, Any], shape: Shape) -> int:
        del shape
        values.update(zip(self.names, self.packed.unpack_from(data, at), strict=True))
        for name, load in self.loads:
            values[name] = load(values[name])
        return at + self.packed.size

    def write(self, message: Any, shape: Shape) -> bytes:
        del shape
        raw: Sequence[Any] = self.get(message)
        if self.dumps:
            raw = list(raw)
            for index, dump in self.dumps:
                raw[index] = dump(raw[index])
        for index, width in self.widths:
            if len(raw[index]) != width:
                raise WireError(
                    type(message).__name__,
                    self.names[index],
                    0,
                    f"{len(raw[index])} bytes where {width} belong",
                )
        return self.packed.pack(*raw)


@dataclass(frozen=True)
class _Varying:
    """One field whose width the data decide."""

    name: str
    kind: Kind

    def read(self, data: bytes, at: int, values: dict[str, Any], shape: Shape) -> int:
        values[self.name], end = self.kind.read(data, at, values, shape)
        return end

    def write(self, message: Any, shape: Shape) -> bytes:
        return self.kind.write(getattr(message, self.name), {}, shape)


_Step = _Run | _Varying


def _run(fields: list[tuple[Field, str]]) -> _Run:
    names = tuple(field.name for field, _ in fields)
    getter = attrgetter(*names)
    return _Run(
        packed=struct.Struct("<" + "".join(code for _, code in fields)),
        names=names,
        loads=tuple((field.name, field.kind.load) for field, _ in fields if field.kind.load),
        dumps=tuple((i, field.kind.dump) for i, (field, _) in enumerate(fields) if field.kind.dump),
        widths=tuple((i, int(code[:-1])) for i, (_, code) in enumerate(fields) if code[-1] == "s"),
        get=getter if len(names) > 1 else lambda message: (getter(message),),
    )


def _steps(fields: Sequence[Field], shape: Shape) -> tuple[_Step, ...]:
    steps: list[_Step] = []
    run: list[tuple[Field, str]] = []
    for field in fields:
        code = field.kind.fixed(shape)
        if code is not None:
            run.append((field, code))
            continue
        if run:
            steps.append(_run(run))
            run = []
        steps.append(_Varying(field.name, field.kind))
    if run:
        steps.append(_run(run))
    return tuple(steps)


class Codec:
    """Reads and writes one layout in one shape."""

    def __init__(self, name: str, fields: Sequence[Field], shape: Shape) -> None:
        self.name = name
        self.shape = shape
        self.fields = [field for field in fields if field.kind.declare(shape) is not None]
        self._steps = _steps(self.fields, shape)
        self._unsigned = _steps([field for field in self.fields if not field.trailer], shape)

    def read(self, data: bytes, at: int = 0) -> tuple[dict[str, Any], int]:
        """The field values of the layout at `at`, and where it ends.

        Raises ShortData or struct.error when bytes are missing; `layout.decode` names the field.
        """
        values: dict[str, Any] = {}
        for step in self._steps:
            at = step.read(data, at, values, self.shape)
        return values, at

    def write(self, message: Any, *, trailer: bool = True) -> bytes:
        """The bytes of `message`, without its trailers if so asked.

        Raises WireError when a value does not fit its field.
        """
        steps = self._steps if trailer else self._unsigned
        try:
            return b"".join([step.write(message, self.shape) for step in steps])
        except (struct.error, TypeError, OverflowError, AttributeError) as error:
            raise WireError(self.name, "", 0, f"a value does not fit its field: {error}") from error


SHORT = (ShortData, struct.error)
