"""The kinds of values a profile holds: how each is read, and what its JSON Schema says."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from emulator.profile import vocabulary
from emulator.profile.tree import Text
from emulator.profile.vocabulary import Vocabulary, refusal
from emulator.profile.words import listed, suggestion
from emulator.spdm.standards import BY_NUMBER, REGISTRIES

MAX_DELAY = 600.0
"""The longest delay of a reply, seconds. QEMU stands still for as long."""

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(us|ms|s)", re.ASCII)


class Part(BaseModel):
    """Base of all parts of a profile: no unknown keys, no conversions, no changes."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
    )


def _path(value: Any) -> Any:
    """A path in a profile is relative to the file it is written in."""
    if isinstance(value, Text):
        return value.place.folder / value
    return Path(value) if isinstance(value, str) else value


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


def _slot_number(key: Any) -> Any:
    """A key of `slots` is text in the tree."""
    return int(key) if isinstance(key, str) and re.fullmatch("[0-9]", key, re.ASCII) else key


def _registry(value: Any) -> Any:
    """A standards body's name as its number."""
    if not isinstance(value, str):
        return value
    if value not in REGISTRIES:
        raise refusal(f"{listed(REGISTRIES)}, or a number" + suggestion(value, REGISTRIES))
    return REGISTRIES[value].number


def _enum(words: Vocabulary) -> Any:
    return Field(json_schema_extra={"enum": list(words.offered)})


U8 = Annotated[int, Field(ge=0, le=0xFF)]
U16 = Annotated[int, Field(ge=0, le=0xFFFF)]
U24 = Annotated[int, Field(ge=0, le=0xFFFFFF)]
U32 = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
U64 = Annotated[int, Field(ge=0, le=0xFFFFFFFFFFFFFFFF)]

Line = Annotated[str, AfterValidator(_line)]
"""Text that fits a log, a table and a certificate."""

Hex = Annotated[str, AfterValidator(_hex), Field(json_schema_extra={"format": "hex"})]
"""Bytes as hexadecimal digits; spaces may stand between bytes."""

FilePath = Annotated[
    Path,
    BeforeValidator(_path),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "path"}),
]
"""A file, relative to the folder of the profile that names it."""

Delay = Annotated[
    float,
    BeforeValidator(_seconds),
    Field(ge=0, le=MAX_DELAY),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": MAX_DELAY},
                {"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["20ms"]},
            ]
        }
    ),
]
"""Seconds, or text with a unit."""

SlotNumber = Annotated[int, BeforeValidator(_slot_number), Field(ge=0, le=7)]

Registry = Annotated[
    int,
    BeforeValidator(_registry),
    Field(ge=0, le=max(BY_NUMBER)),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": list(REGISTRIES)},
                {"type": "integer", "minimum": 0, "maximum": max(BY_NUMBER)},
            ]
        }
    ),
]
"""A standards body by name or number; the number in the model."""

VersionText = Annotated[str, AfterValidator(vocabulary.VERSIONS.check), _enum(vocabulary.VERSIONS)]
CapabilityName = Annotated[
    str, AfterValidator(vocabulary.CAPABILITIES.check), _enum(vocabulary.CAPABILITIES)
]
AsymName = Annotated[str, AfterValidator(vocabulary.ASYM.check), _enum(vocabulary.ASYM)]
HashName = Annotated[str, AfterValidator(vocabulary.HASHES.check), _enum(vocabulary.HASHES)]
MeasurementHashName = Annotated[
    str, AfterValidator(vocabulary.MEASUREMENT_HASHES.check), _enum(vocabulary.MEASUREMENT_HASHES)
]
OpaqueFormatName = Annotated[
    str, AfterValidator(vocabulary.OPAQUE_FORMATS.check), _enum(vocabulary.OPAQUE_FORMATS)
]
MeasurementType = Annotated[
    str, AfterValidator(vocabulary.MEASUREMENT_TYPES.check), _enum(vocabulary.MEASUREMENT_TYPES)
]
OperationalModes = Annotated[
    list[
        Annotated[
            str,
            AfterValidator(vocabulary.OPERATIONAL_MODES.check),
            _enum(vocabulary.OPERATIONAL_MODES),
        ]
    ],
    AfterValidator(vocabulary.unique),
]
DebugModes = Annotated[
    list[
        Annotated[str, AfterValidator(vocabulary.DEBUG_MODES.check), _enum(vocabulary.DEBUG_MODES)]
    ],
    AfterValidator(vocabulary.unique),
]
