"""Finding profiles and laying them over the ones they extend."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from emulator.errors import ProfileError
from emulator.profile import LoadedProfile, WrongUseError, find, load, ready
from emulator.profile.sources import MAX_BYTES, MAX_FILES


def _problems(path: Path, at: datetime) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        load(path, at=at)
    return [line.replace(f"{path.parent}/", "") for line in caught.value.problems]


def test_the_ready_profiles_are_found_by_name() -> None:
    names = {"cxl-memory", "everything", "gpu", "linux-cma", "minimal-1.0", "nvme-ssd"}
    assert names <= set(ready())
    assert ready() == sorted(ready())
    assert [find(name).name for name in ready()] == [f"{name}.yaml" for name in ready()]


def test_a_path_is_found_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nvme-ssd").touch()
    (tmp_path / "mine").touch()
    monkeypatch.chdir(tmp_path)
    assert find("./nvme-ssd") == Path("nvme-ssd")
    assert find("mine") == Path("mine")
    assert find("nvme-ssd").parent.name == "profiles"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("nvme-sd", "; did you mean nvme-ssd?"),
        ("unheard-of", ""),
        ("./nvme-ssd", "; did you mean nvme-ssd?"),
        ("", ""),
        ("a" * 5000, ""),
        ("a/\0", ""),
    ],
)
def test_what_is_not_found_is_wrong_use(name: str, hint: str) -> None:
    with pytest.raises(WrongUseError) as caught:
        find(name)
    [line] = caught.value.problems
    assert line.isprintable()
    known = ", ".join(ready())
    assert line.endswith(
        f": found no such profile; expected one of {known}, or the path of a file{hint}"
    )


def test_mappings_merge_and_lists_are_replaced(tmp_path: Path, at: datetime) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        "profile: 1\n"
        "extends: nvme-ssd\n"
        "identity: {serial: 5}\n"
        "algorithms: {hash: [SHA_256]}\n"
        "slots: {1: auto}\n"
    )
    profile = load(path, at=at).profile
    assert profile.name == "nvme-ssd"
    assert (profile.identity.vendor, profile.identity.serial) == (0x1B36, 5)
    assert profile.algorithms.hash == ["SHA_256"]
    assert profile.algorithms.asym == ["ECDSA_P384", "ECDSA_P256"]
    assert sorted(profile.slots) == [0, 1]


def test_values_know_the_file_they_come_from(tmp_path: Path, at: datetime) -> None:
    (tmp_path / "base.yaml").write_text("profile: 1\nextends: nvme-ssd\nname: base\n")
    (tmp_path / "top.yaml").write_text("profile: 1\nextends: base.yaml\nlistener:\n  port: 1\n")
    loaded = load(tmp_path / "top.yaml", sets=["timing.delay=20ms"], at=at)
    assert [
        str(loaded.where(*steps)).replace(f"{tmp_path}/", "")
        for steps in (
            ("name",),
            ("listener", "port"),
            ("timing", "delay"),
            ("sizes", "max_message"),
        )
    ] == [
        "base.yaml:3:7",
        "top.yaml:4:9",
        "--set timing.delay",
        f"{find('nvme-ssd')}:35:3",
    ]


def test_paths_are_relative_to_the_file_that_names_them(tmp_path: Path, at: datetime) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "rom.bin").write_bytes(b"the ROM")
    (base / "base.yaml").write_text(
        "profile: 1\nextends: nvme-ssd\n"
        "measurements: [{index: 1, type: immutable-rom, file: rom.bin}]\n"
    )
    path = tmp_path / "p.yaml"
    path.write_text("profile: 1\nextends: base/base.yaml\n")
    [measurement] = load(path, at=at).measurements
    assert measurement.value == b"the ROM"


def test_paths_of_a_setting_are_relative_to_the_working_directory(
    load_sections: Callable[..., LoadedProfile],
    measuring: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "rom.bin").write_bytes(b"another ROM")
    monkeypatch.chdir(folder)
    sets = ["measurements[0].text=", "measurements[0].file=rom.bin"]
    [measurement] = load_sections(sets=sets, **measuring).measurements
    assert measurement.value == b"another ROM"


def test_cycles_are_refused(tmp_path: Path, at: datetime) -> None:
    (tmp_path / "a.yaml").write_text("profile: 1\nextends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("profile: 1\nextends: ./a.yaml\n")
    assert (
        "b.yaml:2:10: extends: found a cycle (a.yaml extends b.yaml extends a.yaml);"
        " expected an end"
    ) in _problems(tmp_path / "a.yaml", at)


def test_the_number_of_files_is_bounded(tmp_path: Path, at: datetime) -> None:
    for number in range(MAX_FILES + 1):
        text = f"profile: 1\nextends: {number + 1}.yaml\n"
        (tmp_path / f"{number}.yaml").write_text(text)
    assert "15.yaml:2:10: extends: found one more file; expected at most 16" in _problems(
        tmp_path / "0.yaml", at
    )


def test_a_profile_that_is_not_there_cannot_be_extended(tmp_path: Path, at: datetime) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("profile: 1\nextends: nvme-sdd\n")
    assert _problems(path, at) == [
        (
            f'p.yaml:2:10: extends: found "nvme-sdd"; expected one of {", ".join(ready())}, or the'
            " path of a file; did you mean nvme-ssd?"
        )
    ]


def test_the_rest_is_judged_though_a_base_is_missing(tmp_path: Path, at: datetime) -> None:
    (tmp_path / "base.yaml").write_text("profile: 1\nextends: {}")
    path = tmp_path / "p.yaml"
    path.write_text("profile: 1\nextends: base.yaml\nidentity: {vendor: x}\ntiming: {delay: x}\n")
    assert [line.split(" found ")[0] for line in _problems(path, at)] == [
        "base.yaml:2:10: extends:",
        "p.yaml:3:20: identity.vendor:",
        "p.yaml:4:17: timing.delay:",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[]", "base.yaml:1:1: found an empty list; expected a mapping"),
        ("profile: 1\nextends: 3", "base.yaml:2:10: extends: found the number 3; expected text"),
    ],
)
def test_a_base_that_is_no_profile(tmp_path: Path, at: datetime, text: str, problem: str) -> None:
    (tmp_path / "base.yaml").write_text(text)
    path = tmp_path / "p.yaml"
    path.write_text("profile: 1\nextends: base.yaml\n")
    assert _problems(path, at) == [problem]


def test_nothing_can_be_extended(tmp_path: Path, at: datetime) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("profile: 1\nextends: null\nidentity: {}\n")
    assert "p.yaml:1:1: name: found nothing; expected text of 1 to 64 characters" in _problems(
        path, at
    )


def test_every_file_says_its_format(tmp_path: Path, at: datetime) -> None:
    (tmp_path / "base.yaml").write_text("name: base\nextends: nvme-ssd\n")
    path = tmp_path / "p.yaml"
    path.write_text("profile: 1\nextends: base.yaml\n")
    assert _problems(path, at) == [
        "base.yaml:1:1: profile: found nothing; expected 1, the version of this file format"
    ]


def test_mistakes_of_a_base_are_told_with_those_of_the_file(tmp_path: Path, at: datetime) -> None:
    (tmp_path / "base.yaml").write_text("profile: 1\nextends: nvme-ssd\nlistener: {port: x}\n")
    path = tmp_path / "p.yaml"
    path.write_text("profile: 1\nextends: base.yaml\ntiming: {delay: x}\n")
    assert [line.split(" found ")[0] for line in _problems(path, at)] == [
        "base.yaml:3:18: listener.port:",
        "p.yaml:3:17: timing.delay:",
    ]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"- a", ":1:1: found a list of 1; expected a mapping"),
        (b"text", ':1:1: found "text"; expected a mapping'),
        (b"a: b\nc: \xff", ":2:4: found byte 0xff; expected UTF-8"),
        (b"#" * (MAX_BYTES + 1), f": found more than {MAX_BYTES} bytes; expected a profile"),
        (
            b"a: [",
            ":1:5: a[0]: found a mistake in the syntax (expected the node content, but found ",
        ),
    ],
)
def test_what_is_no_profile_at_all(tmp_path: Path, at: datetime, data: bytes, problem: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(data)
    [line] = _problems(path, at)
    assert line.startswith(f"p.yaml{problem}")


def test_a_byte_order_mark_is_nothing(tmp_path: Path, at: datetime) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xef\xbb\xbfprofile: 1\nextends: nvme-ssd\n")
    assert load(path, at=at).profile.name == "nvme-ssd"


def test_a_file_that_cannot_be_opened(
    tmp_path: Path, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.yaml"
    path.touch()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "open", refuse)
    assert _problems(path, at) == [
        "p.yaml: found a file that cannot be read (Permission denied); expected a profile"
    ]
