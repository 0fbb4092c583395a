"""Any message's bytes, field by field, from the plain `construct` declaration.

Used to name the field when bytes do not fit, by logs, and to show a conversation.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import construct as c

from emulator.errors import WireError
from emulator.wire.kinds import Since, Table
from emulator.wire.shape import Shape

if TYPE_CHECKING:
    from emulator.wire.layout import Structure

_SHOWN = 16


@dataclass(frozen=True, slots=True)
class Span:
    """One field in a message's bytes.

    Attributes:
        name: the field's path, such as `structures[0].kind`.
        start: its first byte.
        end: one past its last byte.
        value: its value, enumerations resolved.
    """

    name: str
    start: int
    end: int
    value: Any

    @property
    def text(self) -> str:
        """The value for a reader: a name, a number with its hex, or hex bytes."""
        if isinstance(self.value, bytes):
            shown = self.value[:_SHOWN].hex(" ")
            more = f" … ({len(self.value)} bytes)" if len(self.value) > _SHOWN else ""
            return (shown or "(empty)") + more
        if isinstance(self.value, Enum):
            return f"{self.value.name or 'none'} (0x{self.value.value:x})"
        return f"{self.value} (0x{self.value:x})"


def _walk(
    cls: "type[Structure]", data: bytes, shape: Shape, *, start: int = 0, path: str = "", of: str
) -> Iterator[Span]:
    """Yield the spans of `cls` at `start`; raises WireError at the first field that fails.

    `path` and `of` say where a row stands: its table's field and the message that has it.
    """
    stream = io.BytesIO(data)
    at = start
    values: dict[str, Any] = {}
    for field in cls.codec(shape).fields:
        kind = field.kind.kind if isinstance(field.kind, Since) else field.kind
        if isinstance(kind, Table):
            for index in range(kind.length(values)):
                row: type[Structure] = kind.row  # type: ignore[assignment]  # rows are Structures
                below = f"{path}{field.name}[{index}]."
                for span in _walk(row, data, shape, start=at, path=below, of=of):
                    yield span
                    at = span.end
            continue
        stream.seek(at)
        try:
            # Only what is counted or flagged by an earlier field looks at the context.
            value = kind.declare(shape).parse_stream(stream, **values)  # type: ignore[union-attr]  # codec.fields are present
        except c.ConstructError as error:
            left = max(0, len(data) - at)
            reason = f"the field needs more than the {left} bytes left"
            raise WireError(of, path + field.name, at, reason) from error
        value = kind.load(value) if kind.load else value
        values[field.name] = value
        end = stream.tell()
        yield Span(path + field.name, at, end, value)
        at = end


def annotate(cls: "type[Structure]", data: bytes, shape: Shape) -> list[Span]:
    """The fields of `data` as a `cls`, and as `(trailing)` what follows them.

    Where the bytes end early the spans end with `(missing)` and the name of the field that does
    not fit, whose value is what is left of it.
    """
    spans: list[Span] = []
    try:
        spans.extend(_walk(cls, data, shape, of=cls.__name__))
    except WireError as error:
        spans.append(
            Span(f"(missing) {error.field}", error.offset, len(data), data[error.offset :])
        )
        return spans
    end = spans[-1].end if spans else 0
    if end < len(data):
        spans.append(Span("(trailing)", end, len(data), data[end:]))
    return spans


def explain(cls: "type[Structure]", data: bytes, shape: Shape) -> WireError:
    """The WireError that says why `data` is no `cls`."""
    try:
        for _ in _walk(cls, data, shape, of=cls.__name__):
            pass
    except WireError as error:
        return error
    return WireError(cls.__name__, "", len(data), "the layouts disagree; please report this")


def render(cls: "type[Structure]", data: bytes, shape: Shape) -> str:
    """The annotation as lines of `offset  name  value`."""
    spans = annotate(cls, data, shape)
    width = max((len(span.name) for span in spans), default=0)
    return "\n".join(f"{span.start:5}  {span.name:<{width}}  {span.text}" for span in spans)
