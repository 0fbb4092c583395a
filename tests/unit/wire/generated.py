"""Random instances of any layout, with counts that are true, made from its field kinds."""

from typing import Any

from hypothesis import strategies as st
from unit.wire.samples import VERSIONS

from emulator.wire import (
    U8,
    U16,
    U24,
    U32,
    Bytes,
    Counted,
    CountedEither,
    Cut,
    IfSigned,
    PerBit,
    Rest,
    Shape,
    Since,
    Sized,
    Structure,
    Table,
    U32When,
    When,
)
from emulator.wire.kinds import Kind

_WIDTHS: dict[type[Kind], int] = {U8: 1, U16: 2, U24: 3, U32: 4, U32When: 4}
_MOST = 6
"""The largest count drawn: messages stay small."""


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Shapes of any version and sizes, also odd ones."""
    sizes = st.sampled_from((0, 1, 32, 48))
    several = st.sampled_from((0, 1))
    version = draw(st.sampled_from(VERSIONS))
    of_parts = [draw(sizes) for _ in range(5)]
    return Shape(version, *of_parts)._replace(multi_key=draw(several))


def _counting(cls: type[Structure], shape: Shape) -> dict[str, Counted | CountedEither | Table]:
    """The fields that count, or are the mask of, a later one."""
    counted: dict[str, Counted | CountedEither | Table] = {}
    for field in cls.codec(shape).fields:
        kind = field.kind.kind if isinstance(field.kind, Since) else field.kind
        if isinstance(kind, Counted | Table):
            counted[kind.count] = kind
        if isinstance(kind, CountedEither):
            counted[kind.small] = counted[kind.large] = kind
    return counted


def _raw(draw: st.DrawFn, kind: Kind, values: dict[str, Any], shape: Shape) -> Any:
    """A value of one field as it lies on the wire."""
    match kind:
        case Bytes(size=size):
            length = size
        case IfSigned(size=size):
            length = size if shape.signature else 0
        case Sized(what=what):
            length = getattr(shape, what)
        case Counted(count=count, unit=unit, mask=mask):
            length = (values[count] & mask) * unit
        case PerBit(mask=bits, what=what, times=times):
            length = int(values[bits]).bit_count() * getattr(shape, what) * times
        case When(flag=flag, mask=mask, size=size):
            length = size if values[flag] & mask else 0
        case Cut():
            length = kind.width(values, shape)
        case Rest():
            return draw(st.binary(max_size=32))
        case Table(row=row):
            assert issubclass(row, Structure)
            return tuple(draw(instances(row, shape)) for _ in range(kind.length(values)))
        case _:
            return draw(st.integers(0, 256 ** _WIDTHS[type(kind)] - 1))
    return draw(st.binary(min_size=length, max_size=length))


@st.composite
def instances(draw: st.DrawFn, cls: type[Structure], shape: Shape) -> Any:
    """An instance of `cls`, any value in any field."""
    counting = _counting(cls, shape)
    values: dict[str, Any] = {}
    for field in cls.codec(shape).fields:
        kind = field.kind.kind if isinstance(field.kind, Since) else field.kind
        counted = counting.get(field.name)
        absent = isinstance(kind, U32When) and not values[kind.flag] & kind.mask
        if counted is None or absent:
            values[field.name] = None if absent else _raw(draw, kind, values, shape)
            continue
        values[field.name] = draw(st.integers(0, _MOST))
        if (
            not isinstance(counted, CountedEither) and counted.mask != 0xFFFFFFFF
        ):  # other bits beside the count's
            values[field.name] |= draw(st.integers(0, 15)) << 4
    for field in cls.codec(shape).fields:
        if field.kind.load and field.name not in counting:
            number = values[field.name]
            if isinstance(field.kind, U24):
                continue
            values[field.name] = field.kind.load(number)
    return cls(**values)
