"""The JSON Schema of a profile: for editors, for the reference, and for the words of problems."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.fields import ComputedFieldInfo, FieldInfo
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema

from emulator.forms.words import listed
from emulator.profile.model import FUNCTION_KEYS, SOURCES, Profile
from emulator.profile.tree import Step, Steps

Schema = dict[str, Any]

_REGISTER_LIMITS = {(1 << bits) - 1 for bits in (8, 16, 24, 32, 64)}
_CONTENTS = ("auto", "chains")


class _Untitled(GenerateJsonSchema):
    """Without a title for each key, which would only repeat it."""

    def field_title_should_be_set(self, schema: CoreSchema | FieldInfo | ComputedFieldInfo) -> bool:
        del schema
        return False


def plain_schema(model: type[BaseModel], title: str) -> Schema:
    """The JSON Schema (draft 2020-12) of a model."""
    made = model.model_json_schema(schema_generator=_Untitled)
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = title
    return made


def schema() -> Schema:
    """The JSON Schema (draft 2020-12) of a profile file, with a description for every key.

    A file that extends another may leave out what that one says.
    """
    made = plain_schema(Profile, "spdm-emulator profile")
    parts = made["$defs"]
    parts["Measurement"].update(_exactly_one(SOURCES))
    parts["SlotContents"].update(_exactly_one(_CONTENTS))
    slots = made["properties"]["slots"]
    slots["additionalProperties"] = {"anyOf": [slots["additionalProperties"], {"type": "null"}]}
    functions = made["properties"]["functions"]
    functions["propertyNames"] = {"pattern": "^[A-Za-z0-9_]{1,16}$"}
    functions["additionalProperties"] = {"anyOf": [_ref("Function"), {"type": "null"}]}
    parts["Function"] = {
        "type": "object",
        "description": "A further function: what it says otherwise than the profile. Mappings are"
        " merged, lists are replaced but for shared measurements.",
        "properties": {
            key: {name: one for name, one in made["properties"][key].items() if name != "default"}
            for key in FUNCTION_KEYS
        },
        "additionalProperties": False,
    }
    made["required"].remove("name")
    made["required"].remove("identity")
    identity = {"required": parts["Identity"].pop("required")}
    made["if"] = {"required": ["extends"], "properties": {"extends": {"type": "string"}}}
    made["else"] = {"required": ["name", "identity"], "properties": {"identity": identity}}
    return made


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _exactly_one(keys: Sequence[str]) -> Schema:
    """One of `keys` has a value."""
    return {
        "oneOf": [
            {"required": [key], "properties": {key: {"not": {"type": "null"}}}} for key in keys
        ]
    }


class Words:
    """What a model's own schema says of a value, in words for a problem's line."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._root = model.model_json_schema(schema_generator=_Untitled)

    def keys(self, steps: Steps) -> list[str]:
        """The keys that a mapping at `steps` may have, where they are fixed."""
        return [key for one in self._at(steps) for key in one.get("properties", {})]

    def choices(self, steps: Steps) -> list[str]:
        """The texts that a value at `steps` can be chosen from, where there is such a list."""
        return [
            name
            for one in self._at(steps)
            for name in one.get("enum", [one["const"]] if "const" in one else [])
            if isinstance(name, str)
        ]

    def accepts_text(self, steps: Steps, text: str) -> bool:
        """Whether a value at `steps` can be text, such as `text`, but no number."""
        here = self._at(steps)
        if any(one.get("type") in ("integer", "number") for one in here):
            return False
        names = self.choices(steps)
        return text in names if names else any(one.get("type") == "string" for one in here)

    def expected(self, steps: Steps) -> str:
        """What a value at `steps` may be, in words."""
        words = [_words(one) for one in self._at(steps) if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))

    def _at(self, steps: Steps) -> list[Schema]:
        found = self._alternatives(self._root)
        for step in steps:
            found = [deeper for one in found for deeper in self._child(one, step)]
        return found

    def _alternatives(self, node: Schema) -> list[Schema]:
        """The schemas a node stands for: its reference, or each of its alternatives."""
        if "$ref" in node:
            return self._alternatives(self._root["$defs"][node["$ref"].rpartition("/")[2]])
        options = node.get("anyOf") or node.get("oneOf")
        if not options:
            return [node]
        return [deeper for one in options for deeper in self._alternatives(one)]

    def _child(self, node: Schema, step: Step) -> list[Schema]:
        if isinstance(step, int):
            child = node.get("items")
        else:
            child = node.get("properties", {}).get(step) or node.get("additionalProperties")
        return self._alternatives(child) if child else []


@cache
def words_of(model: type[BaseModel]) -> Words:
    """The words of a model: what is asked of the whole, whatever file says it."""
    return Words(model)


def _words(node: Schema) -> str:
    if isinstance(node.get("const"), int):
        return str(node["const"])  # the version of a file's format
    if "const" in node or "enum" in node:
        return listed(str(name) for name in node.get("enum", [node.get("const")]))
    words = {
        "integer": _range,
        "number": _range,
        "string": _text_words,
        "array": _list_words,
        "boolean": _boolean_words,
    }.get(node["type"])
    return words(node) if words else "a mapping"


def _list_words(node: Schema) -> str:
    return f"a list{_count(node, 'Items', 'value')}"


def _boolean_words(node: Schema) -> str:
    del node
    return "true or false"


def _text_words(node: Schema) -> str:
    if "examples" in node:
        return f"text such as {node['examples'][0]}"
    kinds = {"hex": "pairs of hexadecimal digits", "path": "the path of a file"}
    return kinds.get(node.get("format", ""), "text") + _count(node, "Length", "character")


def _range(node: Schema) -> str:
    kind = "a whole number" if node["type"] == "integer" else "a number"
    return f"{kind} from {_number(node['minimum'])} to {_number(node['maximum'])}"


def _number(number: float) -> str:
    """A bound; the largest number of a register in hexadecimal."""
    if number in _REGISTER_LIMITS:
        return f"{int(number):#x}"
    return str(int(number)) if number == int(number) else f"{number:g}"


def _count(node: Schema, what: str, unit: str) -> str:
    low, high = node.get(f"min{what}"), node.get(f"max{what}")
    if low is None:
        return ""
    if low == high:
        return f" of {low} {unit}s"
    return f" of at least {low} {unit}" if high is None else f" of {low} to {high} {unit}s"
