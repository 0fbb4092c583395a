"""The kinds of values any file holds: how each is read, and what its JSON Schema says."""

import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from emulator.forms.vocabulary import refusal

MAX_DELAY = 600.0
"""The longest delay, seconds. QEMU stands still for as long."""

MAX_SPAN = 30 * 86400.0
"""The longest span of time, seconds."""

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(us|ms|s)", re.ASCII)


class Part(BaseModel):
    """Base of all parts of a file: no unknown keys, no conversions, no changes."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
    )


def _line(text: str) -> str:
    if not text.isprintable():
        raise refusal("one line of printable text")
    return text


def _hex(text: str) -> str:
    try:
        bytes.fromhex(text)
    except ValueError:
        raise refusal("pairs of hexadecimal digits") from None
    return text


def _seconds(value: Any) -> Any:
    """`20ms`, `1.5s` or `300us` as seconds; anything else as it is."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return float(match[1]) * _UNITS[match[2]] if match else value


U8 = Annotated[int, Field(ge=0, le=0xFF)]
U16 = Annotated[int, Field(ge=0, le=0xFFFF)]
U24 = Annotated[int, Field(ge=0, le=0xFFFFFF)]
U32 = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
U64 = Annotated[int, Field(ge=0, le=0xFFFFFFFFFFFFFFFF)]

Line = Annotated[str, AfterValidator(_line)]
"""Text that fits a log, a table and a certificate."""

Hex = Annotated[str, AfterValidator(_hex), Field(json_schema_extra={"format": "hex"})]
"""Bytes as hexadecimal digits; spaces may stand between bytes."""


def _time(most: float) -> WithJsonSchema:
    """What the JSON Schema says of seconds, or text with a unit."""
    return WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": most},
                {"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["20ms"]},
            ]
        }
    )


Delay = Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=MAX_DELAY), _time(MAX_DELAY)]
"""How long something is held back: seconds, or text with a unit."""

Span = Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=MAX_SPAN), _time(MAX_SPAN)]
"""How long something may last, likewise."""
