"""Every mistake of rule_mistakes.txt is told of with exactly the lines that stand there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.errors import ProfileError
from emulator.faults.effect import EFFECTS, Stage
from emulator.faults.effects.request import REQUESTS
from emulator.faults.when import MESSAGES
from emulator.forms.words import listed
from emulator.profile.faults import load_rules
from emulator.spdm.capabilities import Cap

CASES = Path(__file__).with_name("rule_mistakes.txt")

LISTS = {
    "<effects>": listed(EFFECTS),
    "<messages>": listed(MESSAGES.offered),
    "<requests>": listed(REQUESTS.offered),
    "<flags>": listed(flag.name or "" for flag in Cap),
    **{
        f"<effects of {stage}>": listed(
            name for name, cls in EFFECTS.items() if stage in cls.STAGES
        )
        for stage in (Stage.REQUEST, Stage.SIGNED, Stage.PLAINTEXT)
    },
}


def _cases() -> Iterator[tuple[str, list[str]]]:
    """Each case's rules and its problems."""
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


def _lists(line: str) -> str:
    for name, names in LISTS.items():
        line = line.replace(name, names)
    return line


@pytest.mark.parametrize(("case", "expected"), list(_cases()))
def test_mistake(tmp_path: Path, case: str, expected: list[str]) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(f"faults: 1\nrules: [{case}]\n", encoding="utf-8")
    with pytest.raises(ProfileError) as raised:
        load_rules(path)
    assert raised.value.problems == [f"{path}:{_lists(line)}" for line in expected]


@pytest.mark.parametrize(
    "do",
    [
        "{set: {field: opaque, to: 1}}], on: {message: [DIGESTS, CHALLENGE]",
        "{set: {field: error_code, to: BUSY}}], on: {message: GET_VERSION",
        '{set: {field: nonce}}], on: {version: ["1.0"]',
        "{remove: {field: portion}}], on: {message: [ERROR, GET_CERTIFICATE]",
        "measurement], on: {message: [GET_MEASUREMENTS, VERSION]",
        "not-ready], on: {message: [GET_VERSION, CHALLENGE_AUTH]",
        "{copy: {field: nonce, from: opaque}}], on: {message: CHALLENGE",
    ],
)
def test_what_some_reply_has_is_good(tmp_path: Path, do: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(f"faults: 1\nrules: [{{name: r, do: [{do}}}}}]\n", encoding="utf-8")
    assert load_rules(path)
