"""The JSON Schema, held against the loader."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from emulator.profile import Profile, find, ready, schema
from emulator.profile.syntax import parse
from emulator.profile.tree import plain


def _errors(text: str) -> list[str]:
    node, problems = parse(text, "f", Path())
    assert node is not None
    assert problems == []
    return [error.json_path for error in Draft202012Validator(schema()).iter_errors(plain(node))]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("name", ready())
def test_the_ready_profiles_keep_it(name: str) -> None:
    assert _errors(find(name).read_text()) == []


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("{}", ["$"] * 3),
        ("{profile: 1, name: x}", ["$"]),
        ("{profile: 1, name: x, identity: {vendor: 1}}", ["$.identity"] * 3),
        ("{profile: 1, extends: nvme-ssd, identity: {vendor: 1}}", []),
        ("{profile: 2, extends: nvme-ssd}", ["$.profile"]),
        ("{profile: 1, extends: nvme-ssd, nam: x}", ["$"]),
        ("{profile: 1, extends: x, versions: [1.2]}", ["$.versions[0]"] * 2),
        ("{profile: 1, extends: x, capabilities: [MELODY]}", ["$.capabilities[0]"]),
        ("{profile: 1, extends: x, slots: {8: auto}}", ["$.slots"]),
        ("{profile: 1, extends: x, slots: {0: auto, 1: {auto: {}}}}", []),
        ("{profile: 1, extends: x, slots: {0: {}}}", ["$.slots['0']"]),
        ("{profile: 1, extends: x, slots: {0: {auto: {}, chains: null}}}", []),
        (
            "{profile: 1, extends: x, measurements: [{index: 1, type: version}]}",
            ["$.measurements[0]"],
        ),
        (
            (
                "{profile: 1, extends: x, measurements: [{index: 1, type: version, text: v,"
                " hex: null}]}"
            ),
            [],
        ),
        ("{profile: 1, extends: x, timing: {delay: 20ms}}", []),
        ("{profile: 1, extends: x, timing: {delay: 20 minutes}}", ["$.timing.delay"]),
        (
            "{profile: 1, extends: x, opaque: {challenge: {FORMAT_1: [{registry: CXL}]}}}",
            [],
        ),
        ("{profile: 1, extends: x, sizes: {transmit: 41}}", ["$.sizes.transmit"]),
    ],
)
def test_what_it_says_of_a_profile(text: str, paths: list[str]) -> None:
    assert _errors(text) == paths


def test_every_key_and_every_part_has_a_description() -> None:
    whole = schema()
    parts: dict[str, Any] = {"Profile": whole, **whole["$defs"]}
    lacking = [name for name, part in parts.items() if not part.get("description")]
    lacking += [
        f"{name}.{key}"
        for name, part in parts.items()
        for key, value in part["properties"].items()
        if not value.get("description")
    ]
    assert lacking == []
    assert set(whole["properties"]) == set(Profile.model_fields)


def test_it_is_the_same_each_time(at: datetime) -> None:
    del at
    assert schema() == schema()
