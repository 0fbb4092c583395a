"""Reading YAML: places, the core schema, and what is refused."""

import math
from pathlib import Path

import pytest

from emulator.profile import syntax
from emulator.profile.tree import Node, follow, plain


def _read(text: str) -> tuple[Node | None, list[str]]:
    node, problems = syntax.parse(text, "f", Path())
    return node, [f"{place}: {problem}" for place, problem in problems]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("yes", "yes"),
        ("12", 12),
        ("012", 12),
        ("-5", -5),
        ("+5", 5),
        ("0x1b36", 0x1B36),
        ("0o17", 15),
        ("1_000", "1_000"),
        ("2024-01-01", "2024-01-01"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("'12'", "12"),
        ('"1.2"', "1.2"),
        ("9" * 65, "9" * 65),
    ],
)
def test_scalars_follow_the_core_schema(written: str, value: object) -> None:
    node, problems = _read(f"a: {written}")
    assert problems == []
    assert node is not None
    assert plain(node) == {"a": value}
    assert type(plain(node)["a"]).__mro__[-2] is type(value).__mro__[-2]


def test_not_a_number_is_a_number() -> None:
    node, _ = _read("a: .nan")
    assert node is not None
    assert math.isnan(plain(node)["a"])


def test_every_value_knows_its_place() -> None:
    node, _ = _read("a:\n  - b\n  - {c: d}\n")
    assert node is not None
    places = [str(follow(node, steps)[0].place) for steps in ((), ("a", 0), ("a", 1, "c"))]
    assert places == ["f:1:1", "f:2:5", "f:3:9"]


def test_keys_are_text_as_written() -> None:
    node, _ = _read("{0: a, 0x1: b, true: c}")
    assert node is not None
    assert plain(node) == {"0": "a", "0x1": "b", "true": "c"}


def test_anchors_stand_for_their_values() -> None:
    node, problems = _read("a: &x [1, 2]\nb: *x\n&k c: *k")
    assert problems == []
    assert node is not None
    assert plain(node) == {"a": [1, 2], "b": [1, 2], "c": "c"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "f:1:1: found no content; expected a profile"),
        ("# only a comment", "f:1:1: found no content; expected a profile"),
        (
            "a: b: c",
            "f:1:5: found a mistake in the syntax (mapping values are not allowed here); expected",
        ),
        (
            "a: {b: 1, b: 2}",
            "f:1:11: a.b: found the key a second time; expected it once (first on line 1)",
        ),
        (
            "a: 1\nb: 2\na: 3",
            "f:3:1: a: found the key a second time; expected it once (first on line 1)",
        ),
        ("a: !!python/object:os.system x", 'f:1:4: a: found the tag "tag:yaml.org,2002:'),
        ("a: [!x {}]", 'f:1:5: a[0]: found the tag "!x"; expected no tag'),
        ("--- a\n--- b", "f:2:1: found a second document; expected one"),
        ("%YAML 1.1\n--- {}", "f:2:1: found YAML 1.1; expected YAML 1.2"),
        (
            "a: *x",
            "f:1:4: a: found the alias *x, which names no anchor before it; expected an anchor",
        ),
        (
            "&x [*x]",
            "f:1:5: [0]: found the alias *x, which names a value around it; expected an anchor",
        ),
        ("? [a]\n: b", "f:1:3: found a mapping or a list as a key; expected text"),
        ('"a\\0": 1', 'f:1:1: found the key "a\\u0000"; expected printable text'),
        ('a: "\\ud800"', 'f:1:4: a: found "\\ud800"; expected no half of a surrogate pair'),
    ],
)
def test_what_is_refused(text: str, problem: str) -> None:
    _, problems = _read(text)
    assert len(problems) == 1
    assert problems[0].startswith(problem)


@pytest.mark.parametrize(
    "text", ["\x00", '"\\UFFFFFFFF"', '"\\U0011FFFF"', "%YAML 1.999999999999\n--- a", "{", "\t- a"]
)
def test_odd_text_is_a_mistake_in_the_syntax(text: str) -> None:
    _, problems = _read(text)
    assert [problem.split(" (")[0] for problem in problems] == [
        f"f:1:{problems[0].split(':')[2]}: found a mistake in the syntax"
    ]


def test_all_repeated_keys_are_told() -> None:
    _, problems = _read("{a: 1, a: 2, b: 1, b: 2}")
    assert [problem.split(":")[2] for problem in problems] == ["8", "20"]


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    lines = ["a0: &a0 [" + ", ".join("x" * 10) + "]"]
    for level in range(1, 12):
        names = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{names}]")
    _, problems = _read("\n".join(lines))
    assert problems == [
        "f:5:15: a4[1]: found too many values; expected at most 20000",
    ]


def test_nesting_has_a_bound() -> None:
    _, problems = _read("a: " + "[" * 10_000)
    where = "[0]" * (syntax.MAX_DEPTH - 1)
    assert problems == [f"f:1:23: a{where}: found a deeper nesting; expected at most 20 levels"]


def test_length_has_a_bound() -> None:
    _, problems = _read("#" * (syntax.MAX_CHARACTERS + 1))
    assert problems == ["f:1:1: found 262145 characters; expected at most 262144"]
