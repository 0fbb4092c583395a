"""Every mistake of mistakes.txt is told of with exactly the lines that stand there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("mistakes.txt")


def _cases() -> Iterator[tuple[str, list[str]]]:
    """Each case's first line and its problems."""
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


def _arguments(case: str, measuring: dict[str, str]) -> dict[str, object]:
    arguments: dict[str, object] = {}
    for part in case.split("; "):
        key, _, value = part.partition(": ")
        if key == "+measuring":
            arguments |= measuring
        elif key == "--set":
            arguments["sets"] = [value]
        else:
            arguments[key] = value
    return arguments


@pytest.mark.parametrize(("case", "expected"), list(_cases()))
def test_mistake(
    problems: Callable[..., list[str]], measuring: dict[str, str], case: str, expected: list[str]
) -> None:
    assert expected
    assert problems(**_arguments(case, measuring)) == [
        line if line.startswith("--set") else f"p.yaml:{line}" for line in expected
    ]
