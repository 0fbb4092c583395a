"""The catalogue of presets as people and programs are told of it."""

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.faults.catalogue import Preset
from emulator.faults.effect import Effect, Stage
from emulator.profile.show import yaml_text

LIST_NAME = "spdm-emulator presets 1"
"""What the list says it is; the number grows when a field changes its meaning or goes."""

SHOW_NAME = "spdm-emulator preset 1"
"""The same of one preset."""

_ROW: dict[str, Any] = {
    "name": {"type": "string", "description": "What `--fault` calls it."},
    "stages": {
        "type": "array",
        "items": {"enum": [str(stage) for stage in Stage]},
        "minItems": 1,
        "description": "Where its rules reach in, in the order of a reply.",
    },
    "expect": {
        "enum": ["accept", "reject"],
        "description": "What a requester that does as it must comes to.",
    },
    "title": {"type": "string", "description": "What the device does."},
    "profile": {
        "type": ["string", "null"],
        "description": "The ready profile it needs; null: any device.",
    },
}
_WHOLE: dict[str, Any] = {
    **_ROW,
    "must": {"type": "string", "description": "What a requester must do, and why."},
    "source": {"type": "string", "description": "Where that is said."},
    "echoes": {"type": "string", "description": "A public bug of this kind, or nothing."},
    "rules": {
        "type": "array",
        "items": {"type": "object"},
        "minItems": 1,
        "description": "Its rules, as a profile or a file of faults has them.",
    },
}


def _schema(title: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **_object({"schema": {"const": title}, **properties}),
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    required = list(properties)
    return {
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": properties,
    }


LIST_SCHEMA: Mapping[str, Any] = _schema(
    LIST_NAME, {"presets": {"type": "array", "items": _object(_ROW)}}
)
"""JSON Schema of `listing`."""

SHOW_SCHEMA: Mapping[str, Any] = _schema(SHOW_NAME, _WHOLE)
"""JSON Schema of `whole`."""


def stages(preset: Preset) -> list[str]:
    """The stages its rules reach in at, in the order of a reply."""
    used = {rule.stage for rule in preset.rules}
    return [str(stage) for stage in Stage if stage in used]


def row(preset: Preset) -> dict[str, Any]:
    """A preset in a few words."""
    told = {"name": preset.name, "stages": stages(preset), "expect": preset.expect}
    return {**told, "title": preset.title, "profile": preset.profile}


def listing(presets: Iterable[Preset]) -> dict[str, Any]:
    """Presets in a few words each, for programs."""
    return {"schema": LIST_NAME, "presets": [row(preset) for preset in presets]}


def whole(preset: Preset) -> dict[str, Any]:
    """All there is to tell of a preset, for programs."""
    texts = {"must": preset.must, "source": preset.source, "echoes": preset.echoes}
    return {"schema": SHOW_NAME, **row(preset), **texts, "rules": rules(preset)}


def rules(preset: Preset) -> list[dict[str, Any]]:
    """Its rules as a file has them: what is not the default."""
    return [
        rule.model_dump(mode="json", exclude_defaults=True)
        | {"do": [_effect(one) for one in rule.do]}
        for rule in preset.rules
    ]


def _effect(one: Effect) -> str | dict[str, Any]:
    """An effect by its name alone where it is given nothing."""
    told: dict[str, Any] = one.model_dump(mode="json", exclude_defaults=True)
    return told if any(told.values()) else one.NAME


def rules_file(preset: Preset) -> str:
    """A file of faults with its rules, ready for `serve --faults`, or to be changed."""
    return yaml_text({"faults": 1, "description": preset.title, "rules": rules(preset)})
