"""Stage message: the typed reply is edited, then encoded and signed as if it were right.

The device goes on with what it negotiated, and the requester believes what it reads: an edited
CAPABILITIES or ALGORITHMS does not change what the device does afterwards. The edited message is
the one that stands in the transcripts, so both ends sign and verify the same bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from emulator.errors import WireError
from emulator.faults.effect import Effect, Hit, Problem, Stage, effect
from emulator.faults.fields import FieldKind, change, fields_of, find, value_at
from emulator.faults.when import On
from emulator.forms import U8, Hex, Line, Vocabulary, choice, refusal
from emulator.forms.words import counted, listed, suggestion
from emulator.spdm.capabilities import Cap, names
from emulator.spdm.codes import Code
from emulator.spdm.messages import (
    LAYOUTS,
    Capabilities,
    MeasurementBlock,
    Measurements,
    MeasurementValue,
)
from emulator.spdm.state import RESPONSES
from emulator.wire import Message, Shape, decode, encode

_ANY_SHAPE = Shape()
_MAX_NUMBER = 0xFFFFFFFF
_MAX_COUNTED = 0xFFFF
_RESPONSES = tuple(layout for code, layout in LAYOUTS.items() if code in RESPONSES)
_FLAGS = Vocabulary(tuple(flag.name for flag in Cap if flag.name))


def _layouts(on: On) -> tuple[type[Message], ...]:
    """The layouts of the replies that a rule can meet."""
    answers = on.answers()
    return tuple(one for one in _RESPONSES if answers is None or one.CODE in answers)


def _known(layouts: Sequence[type[Message]], way: str, *, values: bool) -> Iterator[FieldKind]:
    for layout in layouts:
        place = find(layout, way)
        if place is not None and (place.holds or not values):
            yield place


def _missing(on: On, way: str, key: str, *, values: bool = True) -> Iterator[Problem]:
    """What is wrong with a field's name: none of the replies has it; `values`: nor rows will do."""
    layouts = _layouts(on)
    if any(_known(layouts, way, values=values)):
        return
    there = [
        name
        for layout in layouts
        for name, place in fields_of(layout).items()
        if place.holds or not values
    ]
    ways = tuple(dict.fromkeys(there))
    if on.message is None:
        expect = "a field of a response"
    else:
        expect = listed(ways) if ways else "a response of this device in on.message"
    yield (key,), expect + suggestion(way, ways), ""


def _number_or_text(value: Any) -> Any:
    if isinstance(value, str) or (type(value) is int and 0 <= value <= _MAX_NUMBER):
        return value
    raise refusal(f"a whole number from 0 to {_MAX_NUMBER:#x}, or text: hexadecimal or a name")


Value = Annotated[
    Any,
    BeforeValidator(_number_or_text),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": _MAX_NUMBER},
                {"type": "string"},
            ]
        }
    ),
]
"""A number, pairs of hexadecimal digits, or a name; the field decides which."""

_FIELD = "The field, such as nonce or entries[0].number."


@effect("set", Stage.MESSAGE)
class SetField(Effect):
    """A field has another value.

    A number in a field of bytes is little-endian. The count of bytes that are set is set with them,
    unless it was set before.
    """

    field: Line = Field(description=_FIELD)
    to: Value = Field(
        default=0,
        description="A number; for bytes also pairs of hexadecimal digits; for flags, codes and"
        " algorithms also a name.",
    )

    def problems(self, on: On) -> Iterator[Problem]:
        """A field that no reply has, a value that does not fit it."""
        yield from _missing(on, self.field, "field")
        places = tuple(_known(_layouts(on), self.field, values=True))
        if places and not any(place.takes(self.to) for place in places):
            known = suggestion(self.to, places[0].words()) if isinstance(self.to, str) else ""
            yield ("to",), places[0].expected() + known, ""

    def on_message(self, hit: Hit, reply: Message) -> Message:
        """The reply with that value."""
        made = change(
            reply, self.field, reply.version, lambda place, old: place.value(self.to, old)
        )
        if made is not reply:
            hit.note(f"{self.field} set to {self.to}")
        return made


@effect("increment", Stage.MESSAGE)
class IncrementField(Effect):
    """A field is some more or less than it was, and begins anew past its end.

    Bytes are one little-endian number.
    """

    field: Line = Field(description=_FIELD)
    by: int = Field(
        default=1, ge=-_MAX_NUMBER, le=_MAX_NUMBER, description="How much; negative: less."
    )

    def problems(self, on: On) -> Iterator[Problem]:
        """A field that no reply has."""
        yield from _missing(on, self.field, "field")

    def on_message(self, hit: Hit, reply: Message) -> Message:
        """The reply with that value."""
        made = change(reply, self.field, reply.version, self._moved)
        if made is not reply:
            hit.note(f"{self.field} changed by {self.by}")
        return made

    def _moved(self, place: FieldKind, old: Any) -> Any:
        if isinstance(old, bytes):
            size = len(old)
            number = (int.from_bytes(old, "little") + self.by) % (1 << 8 * size)
            return number.to_bytes(size, "little")
        return None if old is None or not place.bits else (int(old) + self.by) % (1 << place.bits)


@effect("copy", Stage.MESSAGE)
class CopyField(Effect):
    """A field has the value of another one of the same reply, where it fits."""

    field: Line = Field(description=_FIELD)
    source: Line = Field(alias="from", description="The field that is copied.")

    def problems(self, on: On) -> Iterator[Problem]:
        """A field that no reply has; fields of two kinds."""
        findings = [
            *_missing(on, self.field, "field", values=False),
            *_missing(on, self.source, "from", values=False),
        ]
        yield from findings
        pairs = [(find(one, self.field), find(one, self.source)) for one in _layouts(on)]
        alike = any(to and of and bool(to.bits) == bool(of.bits) for to, of in pairs)
        if not findings and not alike:
            yield ("from",), f"a field of the same reply and kind as {self.field}", ""

    def on_message(self, hit: Hit, reply: Message) -> Message:
        """The reply with that value."""
        value = value_at(reply, self.source, reply.version)
        if value is None:
            return reply
        made = change(reply, self.field, reply.version, lambda _place, _old: value)
        if made is not reply:
            hit.note(f"{self.field} copied from {self.source}")
        return made


@effect("remove", Stage.MESSAGE)
class RemoveField(Effect):
    """A row of a table is taken out, or the bytes of a field of no fixed size, with its count."""

    field: Line = Field(description="The field, such as entries[0] or opaque.")

    def problems(self, on: On) -> Iterator[Problem]:
        """A field that no reply has, or that always has its size."""
        missing = tuple(_missing(on, self.field, "field", values=False))
        yield from missing
        places = tuple(_known(_layouts(on), self.field, values=False))
        if not missing and not any(_removable(place) for place in places):
            ways = [
                way
                for layout in _layouts(on)
                for way, place in fields_of(layout).items()
                if _removable(place)
            ]
            expect = f"a field of no fixed size, {listed(dict.fromkeys(ways))}"
            yield ("field",), expect if ways else "set instead: no field can be removed", ""

    def on_message(self, hit: Hit, reply: Message) -> Message:
        """The reply without it."""
        made = change(reply, self.field, reply.version, _nothing)
        if made is not reply:
            hit.note(f"{self.field} removed")
        return made


def _removable(place: FieldKind) -> bool:
    """Whether the field may be empty, or is a row."""
    return not place.holds or (not place.bits and place.fits(b"", b"\0"))


def _nothing(place: FieldKind, old: Any) -> Any:
    """What is left of a field: no row, no rows, no bytes."""
    if isinstance(place.kind, type):
        return None
    return type(old)() if isinstance(old, bytes | tuple) else old


FlagName = Annotated[str, AfterValidator(_FLAGS.check), choice(_FLAGS)]


@effect("flags", Stage.MESSAGE)
class Flags(Effect):
    """Capability flags that CAPABILITIES has, or has not, whatever the device can do."""

    FOR = frozenset({Code.CAPABILITIES})

    raised: list[FlagName] = Field(default=[], alias="set", description="Flags it has.")
    cleared: list[FlagName] = Field(default=[], alias="clear", description="Flags it lacks.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.raised and not self.cleared:
            raise refusal("a flag to set or to clear", "none")
        return self

    def on_message(self, hit: Hit, reply: Message) -> Message:
        """The reply with these flags."""
        if not isinstance(reply, Capabilities):
            return reply
        flags = reply.flags
        for name in self.raised:
            flags |= Cap[name]
        for name in self.cleared:
            flags &= ~Cap[name]
        if flags == reply.flags:
            return reply
        hit.note(f"{', '.join(names(flags ^ reply.flags))} changed")
        return replace(reply, flags=flags)


@effect("measurement", Stage.MESSAGE)
class MeasurementEdit(Effect):
    """The value of a measurement in MEASUREMENTS is another; all lengths are right.

    With neither `to` nor `xor` the lowest bit of its first byte is changed.
    """

    FOR = frozenset({Code.MEASUREMENTS})

    index: U8 | None = Field(default=None, description="Index of the measurement; null: each.")
    to: Hex | None = Field(default=None, description="The new value.")
    xor: Hex | None = Field(default=None, description="The bits to change, from its first byte on.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.to is not None and self.xor is not None:
            raise refusal("either to or xor", "both")
        return self

    def on_message(self, hit: Hit, reply: Message) -> Message:
        """The reply with the new value."""
        if not isinstance(reply, Measurements):
            return reply
        try:
            record = b"".join(self._blocks(reply.record))
        except WireError:  # an earlier effect left no whole blocks, or the value is too large
            return reply
        made = change(reply, "record", reply.version, lambda _place, _old: record)
        if made is not reply:
            of = "all measurements" if self.index is None else f"measurement {self.index}"
            hit.note(f"{of} changed")
        return made

    def _blocks(self, record: bytes) -> Iterator[bytes]:
        while record:
            block, size = decode(MeasurementBlock, record, _ANY_SHAPE)
            if self.index in (None, block.index):
                value, _ = decode(MeasurementValue, block.measurement, _ANY_SHAPE)
                other = MeasurementValue(kind=value.kind, value=self._changed(value.value))
                whole = encode(other, _ANY_SHAPE)
                block = MeasurementBlock(
                    index=block.index, specification=block.specification, measurement=whole
                )
            yield encode(block, _ANY_SHAPE)
            record = record[size:]

    def _changed(self, value: bytes) -> bytes:
        if self.to is not None:
            return bytes.fromhex(self.to)
        mask = bytes.fromhex("01" if self.xor is None else self.xor)[: len(value)]
        bits = mask + bytes(len(value) - len(mask))
        return bytes(one ^ other for one, other in zip(value, bits, strict=True))


@effect("opaque", Stage.MESSAGE)
class OpaqueData(Effect):
    """The opaque data are others; their length is right."""

    FOR = frozenset(
        {Code.CHALLENGE_AUTH, Code.MEASUREMENTS, Code.KEY_EXCHANGE_RSP, Code.PSK_EXCHANGE_RSP}
    )

    to: Hex = Field(default="", description="The new opaque data; nothing: none.")

    def problems(self, on: On) -> Iterator[Problem]:
        """More than the length can say."""
        yield from super().problems(on)
        size = len(bytes.fromhex(self.to))
        if size > _MAX_COUNTED:
            yield ("to",), f"at most {_MAX_COUNTED} bytes", counted(size, "byte")

    def on_message(self, hit: Hit, reply: Message) -> Message:
        """The reply with them."""
        data = bytes.fromhex(self.to)
        made = change(reply, "opaque", reply.version, lambda _place, _old: data)
        if made is not reply:
            hit.note(f"{counted(len(data), 'byte')} of opaque data")
        return made
