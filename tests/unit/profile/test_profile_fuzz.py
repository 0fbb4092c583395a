"""Whatever a file holds, loading it ends in a profile or in a ProfileError."""

import string
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from emulator.errors import ProfileError
from emulator.profile import Profile, load, schema
from emulator.profile.syntax import parse

AT = datetime(2025, 6, 1, tzinfo=UTC)
READY = (Path(__file__).parents[3] / "profiles" / "nvme-ssd.yaml").read_text()

many = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

KEYS = sorted(
    {key for part in schema()["$defs"].values() for key in part["properties"]}
    | set(Profile.model_fields)
    | {"0", "7", "8", "[key]", "<<"}
)
NAMES = ["auto", "none", "1.2", "CERT", "KEY_EX", "ECDSA_P256", "RAW_BIT", "version", "00", "20ms"]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(NAMES)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=30,
)


def _load(path: Path, *sets: str) -> None:
    problems: list[str] | None = None
    try:
        load(path, sets=sets, at=AT)
    except ProfileError as error:
        problems = error.problems
    assert problems != []
    assert all(line.isprintable() and "expected" in line for line in problems or ())


@many
@given(text=st.text(st.sampled_from("ab01.:-?&*!|>%@`'\"#,[]{}\\~<=\n \t\x00é\ud800"), max_size=40))
def test_any_text(text: str) -> None:
    _, problems = parse(text, "f", Path())
    assert all(place.line >= 1 for place, _ in problems)


@many
@given(data=st.binary(max_size=200))
def test_any_bytes(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(data)
    _load(path)


@many
@given(value=st.dictionaries(st.sampled_from(KEYS), values, max_size=8))
def test_any_values(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "p.yaml"
    yaml = YAML(typ="safe", pure=True)
    with path.open("w", encoding="utf-8", errors="replace") as file:
        yaml.dump({"profile": 1, "extends": "nvme-ssd"} | value, file)
    _load(path)


@many
@given(
    at=st.integers(0, len(READY)),
    drop=st.integers(0, 12),
    insert=st.text(st.sampled_from(string.printable), max_size=6),
)
def test_a_damaged_profile(tmp_path: Path, at: int, drop: int, insert: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(READY[:at] + insert + READY[at + drop :])
    _load(path)


@many
@given(
    way=st.lists(
        st.sampled_from([f".{key}" for key in KEYS]) | st.sampled_from(["[0]", "[1]", "[9]"]),
        min_size=1,
        max_size=5,
    ),
    value=st.text(max_size=10) | st.sampled_from(NAMES),
)
def test_any_setting(way: list[str], value: str) -> None:
    _load(Path("nvme-ssd"), "".join(way).removeprefix(".") + "=" + value)


def test_the_damaged_profile_is_a_sound_one_undamaged(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(READY)
    assert load(path, at=AT).profile.name == "nvme-ssd"


@pytest.mark.parametrize("depth", [5, 50, 500])
def test_deep_values(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("profile: 1\nextends: nvme-ssd\nslots: " + "[" * depth + "]" * depth)
    _load(path)
