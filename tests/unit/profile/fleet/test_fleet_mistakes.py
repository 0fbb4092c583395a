"""Every mistake of fleet_mistakes.txt is told of with exactly the lines that stand there."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emulator.errors import ProfileError
from emulator.profile.fleet import load_fleet

CASES = Path(__file__).with_name("fleet_mistakes.txt")
UNFINISHED = (
    "2:11: devices[0]: found a mistake in the syntax (expected the node content, but found"
    " '<stream end>'); expected YAML 1.2"
)
AT = datetime(2025, 6, 1, tzinfo=UTC)


def _cases() -> Iterator[tuple[str, list[str]]]:
    """Each case's lines and its problems."""
    case = ""
    expected: list[str] = []
    for line in CASES.read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            expected.append(line.strip())
        elif line and not line.startswith("#"):
            if case:
                yield case, expected
            case, expected = line, []
    yield case, expected


def problems(folder: Path, text: str) -> list[str]:
    path = folder / "f.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError) as caught:
        load_fleet(path, at=AT)
    return [
        line.removeprefix(f"{folder}/").removeprefix("f.yaml:") for line in caught.value.problems
    ]


@pytest.mark.parametrize(("case", "expected"), list(_cases()))
def test_mistake(tmp_path: Path, case: str, expected: list[str]) -> None:
    (tmp_path / "own.yaml").write_text("profile: 1\nname: own\nextends: nvme-ssd\n")
    (tmp_path / "bad.yaml").write_text("profile: 1\nname: 3\nextends: nvme-ssd\n")
    assert expected
    assert problems(tmp_path, "\n".join(["fleet: 1", *case.split(" | ")])) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fleet: 2\ndevices: [{profile: gpu}]", ["1:8: fleet: found the number 2; expected 1"]),
        ("[fleet]", ["1:1: found a list of 1; expected a mapping"]),
        (
            "fleet: 1\ndevices: [",
            [UNFINISHED],
        ),
    ],
)
def test_what_is_no_fleet_file(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert problems(tmp_path, text) == expected


def test_an_address_in_a_path_that_sockets_do_not_have(tmp_path: Path) -> None:
    path = "x" * 108
    (told,) = problems(tmp_path, f"fleet: 1\ndevices: [{{profile: gpu, path: {path}}}]")
    assert told.startswith("2:32: devices[0].path: found ")
    assert told.endswith("bytes; expected a path of at most 107 bytes, which sockets have")


def test_a_fleet_of_more_devices_than_there_may_be(tmp_path: Path) -> None:
    lines = [f"- {{profile: gpu, name: '{x}-{{n}}', port: 0, count: 40000}}" for x in "ab"]
    told = problems(tmp_path, "\n".join(["fleet: 1", "devices:", *lines]))
    assert told == ["4:49: devices[1].count: found 80000 devices in all; expected at most 65535"]
