"""The kinds of values only a profile holds; the others are in `emulator/forms`."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from emulator.forms import choice, refusal, unique
from emulator.forms.words import listed, suggestion
from emulator.profile import vocabulary
from emulator.profile.tree import Text
from emulator.spdm.standards import BY_NUMBER, REGISTRIES


def _path(value: Any) -> Any:
    """A path in a profile is relative to the file it is written in."""
    if isinstance(value, Text):
        return value.place.folder / value
    return Path(value) if isinstance(value, str) else value


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


FilePath = Annotated[
    Path,
    BeforeValidator(_path),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "path"}),
]
"""A file, relative to the folder of the profile that names it."""

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

VersionText = Annotated[str, AfterValidator(vocabulary.VERSIONS.check), choice(vocabulary.VERSIONS)]
SecuredVersionText = Annotated[
    str, AfterValidator(vocabulary.SECURED_VERSIONS.check), choice(vocabulary.SECURED_VERSIONS)
]
CapabilityName = Annotated[
    str, AfterValidator(vocabulary.CAPABILITIES.check), choice(vocabulary.CAPABILITIES)
]
AsymName = Annotated[str, AfterValidator(vocabulary.ASYM.check), choice(vocabulary.ASYM)]
HashName = Annotated[str, AfterValidator(vocabulary.HASHES.check), choice(vocabulary.HASHES)]
DheName = Annotated[str, AfterValidator(vocabulary.DHE_GROUPS.check), choice(vocabulary.DHE_GROUPS)]
AeadName = Annotated[str, AfterValidator(vocabulary.AEADS.check), choice(vocabulary.AEADS)]
KeyScheduleName = Annotated[
    str, AfterValidator(vocabulary.KEY_SCHEDULES.check), choice(vocabulary.KEY_SCHEDULES)
]
MeasurementHashName = Annotated[
    str, AfterValidator(vocabulary.MEASUREMENT_HASHES.check), choice(vocabulary.MEASUREMENT_HASHES)
]
OpaqueFormatName = Annotated[
    str, AfterValidator(vocabulary.OPAQUE_FORMATS.check), choice(vocabulary.OPAQUE_FORMATS)
]
MeasurementType = Annotated[
    str, AfterValidator(vocabulary.MEASUREMENT_TYPES.check), choice(vocabulary.MEASUREMENT_TYPES)
]
OperationalModes = Annotated[
    list[
        Annotated[
            str,
            AfterValidator(vocabulary.OPERATIONAL_MODES.check),
            choice(vocabulary.OPERATIONAL_MODES),
        ]
    ],
    AfterValidator(unique),
]
DebugModes = Annotated[
    list[
        Annotated[str, AfterValidator(vocabulary.DEBUG_MODES.check), choice(vocabulary.DEBUG_MODES)]
    ],
    AfterValidator(unique),
]

RequestName = Annotated[
    str, AfterValidator(vocabulary.WAITING_REQUESTS.check), choice(vocabulary.WAITING_REQUESTS)
]
"""A request whose reply may be not ready."""

RequesterFlag = Annotated[
    str, AfterValidator(vocabulary.REQUESTER_FLAGS.check), choice(vocabulary.REQUESTER_FLAGS)
]
"""A capability flag of a requester."""
