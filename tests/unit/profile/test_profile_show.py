"""What `profile show` shows loads as the same profile."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emulator.profile import LoadedProfile, Profile, load, ready, show
from emulator.profile.syntax import parse
from emulator.profile.tree import plain

Load = Callable[..., LoadedProfile]


def _again(profile: Profile) -> Profile:
    node, problems = parse(show.to_yaml(profile), "f", Path("/nowhere"))
    assert node is not None
    assert problems == []
    return Profile.model_validate(plain(node))


@pytest.mark.parametrize("name", ready())
def test_the_ready_profiles_come_back(name: str, at: datetime) -> None:
    profile = load(name, at=at).profile
    assert _again(profile) == profile.model_copy(update={"extends": None})


def test_registers_are_written_in_hexadecimal(load_sections: Load) -> None:
    profile = load_sections(sets=["identity.serial=10"]).profile
    text = show.to_yaml(profile)
    assert "vendor: 0x0001\n" in text
    assert "class_code: 0x000003\n" in text
    assert "serial: 0x000000000000000a\n" in text
    assert "subsystem" not in text


def test_paths_are_absolute(load_sections: Load, measuring: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "rom.bin").touch()
    measuring["measurements"] = "[{index: 1, type: version, file: rom.bin}]"
    profile = load_sections(**measuring).profile
    assert f"file: {tmp_path}/rom.bin\n" in show.to_yaml(profile)
    assert _again(profile) == profile


@example(text="\x85", san="\u2028\n", delay=0.0)
@given(
    text=st.text(st.characters(codec="utf-8")),
    san=st.text(st.characters(codec="utf-8")),
    delay=st.floats(0, 600),
)
def test_any_text_comes_back(text: str, san: str, delay: float) -> None:
    profile = Profile.model_validate(
        {
            "profile": 1,
            "name": "x",
            "identity": {"vendor": 1, "device": 2, "class_code": 3, "revision": 4},
            "slots": {"0": {"auto": {"san": san}}, "1": "auto"},
            "measurements": [{"index": 1, "type": "version", "text": text}],
            "opaque": {"challenge": {"FORMAT_1": [{"registry": 3, "data": "00 01"}]}},
            "timing": {"delay": delay},
        }
    )
    assert _again(profile) == profile


def test_the_summary_tells_the_chains(at: datetime) -> None:
    loaded = load("nvme-ssd", at=at)
    told = show.summary(loaded)
    assert told["san"] == loaded.identity.san
    assert [(one["slot"], one["asym"], one["certificates"]) for one in told["chains"]] == [
        (0, "ECDSA_P384", 3),
        (0, "ECDSA_P256", 3),
    ]
    assert told["chains"][0]["names"] == [loaded.identity.san]
    assert told["chains"][0]["bytes"] == len(loaded.chains[0].chain.spdm("SHA_384"))


def test_the_summary_in_lines(load_sections: Load, tmp_path: Path) -> None:
    loaded = load_sections(slots="{0: {auto: {san: none}}}")
    size = len(loaded.chains[0].chain.spdm("SHA_256"))
    assert show.summary_lines(loaded) == [
        f"file: {tmp_path}/p.yaml",
        "subjectAltName: Vendor=0001:Device=0002:CC=000003:REV=04",
        (
            f"slot 0, ECDSA_P256: 3 certificates, {size} bytes, leaf CN=t,O=spdm-emulator,"
            " CMA name none, valid from 2024-01-01 to 9999-12-31"
        ),
    ]
