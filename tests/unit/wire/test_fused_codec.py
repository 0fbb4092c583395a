"""The fused codec against the plain `construct` declaration of the same fields."""

from typing import Any

import construct as c
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.wire.generated import instances, shapes

from emulator.device.measured_state import IdeState, TdispState
from emulator.errors import WireError
from emulator.spdm.messages import (
    LAYOUTS,
    MeasurementBlock,
    MeasurementValue,
)
from emulator.spdm.messages.measured import DeviceMode, StructuredManifest
from emulator.spdm.opaque import EarlyTable, OpaqueElement, OpaqueTable
from emulator.spdm.secured_versions import SelectedVersion, SupportedVersions
from emulator.wire import Rest, Shape, Structure, annotate, decode, encode

CLASSES: tuple[type[Structure], ...] = (
    *LAYOUTS.values(),
    MeasurementBlock,
    MeasurementValue,
    DeviceMode,
    StructuredManifest,
    IdeState,
    TdispState,
    EarlyTable,
    OpaqueTable,
    OpaqueElement,
    SupportedVersions,
    SelectedVersion,
)

each = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
quick = settings(
    max_examples=25,
    print_blob=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def _plain(item: Structure, shape: Shape) -> dict[str, Any]:
    """What the plain declaration builds `item` from."""
    values: dict[str, Any] = {}
    for field in type(item).codec(shape).fields:
        value = getattr(item, field.name)
        if isinstance(value, tuple):
            value = [_plain(row, shape) for row in value]
        values[field.name] = value
    return values


def _equal(item: Structure, parsed: c.Container, shape: Shape) -> bool:
    """Whether the plain declaration read the same values."""
    for field in type(item).codec(shape).fields:
        value, plain = getattr(item, field.name), parsed[field.name]
        if isinstance(value, tuple):
            pairs = zip(value, plain, strict=True)
            same = all(_equal(row, other, shape) for row, other in pairs)
        else:
            same = value == (field.kind.load(plain) if field.kind.load else plain)
        if not same:
            return False
    return True


@each
@quick
@given(data=st.data(), shape=shapes())
def test_both_write_the_same_bytes_and_read_the_same_values(
    cls: type[Structure], data: st.DataObject, shape: Shape
) -> None:
    item = data.draw(instances(cls, shape))
    raw = encode(item, shape)
    declaration = cls.declaration(shape)
    assert declaration.build(_plain(item, shape)) == raw
    read, end = decode(cls, raw, shape)
    assert (read, end) == (item, len(raw))
    assert _equal(read, declaration.parse(raw), shape)


@each
@quick
@given(raw=st.binary(max_size=120), shape=shapes())
def test_both_take_and_refuse_the_same_bytes(
    cls: type[Structure], raw: bytes, shape: Shape
) -> None:
    try:
        item, end = decode(cls, raw, shape)
    except WireError:
        with pytest.raises(c.StreamError):
            cls.declaration(shape).parse(raw)
        return
    assert _equal(item, cls.declaration(shape).parse(raw), shape)
    assert encode(item, shape) == raw[:end]
    assert annotate(cls, raw[:end], shape)[-1].end == end


@each
@quick
@given(data=st.data(), shape=shapes())
def test_a_part_is_read_where_it_stands(
    cls: type[Structure], data: st.DataObject, shape: Shape
) -> None:
    item = data.draw(instances(cls, shape))
    raw = encode(item, shape)
    before = data.draw(st.binary(max_size=9))
    # Some take whatever follows them.
    after = (
        b"" if any(isinstance(field.kind, Rest) for field in cls.codec(shape).fields) else b"after"
    )
    read = cls.read_at(before + raw + after, len(before), shape)
    assert read == (item, len(before) + len(raw))
