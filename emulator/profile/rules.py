"""What is wrong with fault rules, wherever they stand: in a profile, a file, or the catalogue."""

from collections.abc import Iterator, Sequence

from emulator.faults import Rule
from emulator.forms.words import listed, shown, suggestion
from emulator.profile.tree import Steps

Finding = tuple[Steps, str, str]
"""The way to the value, what is expected, and what was found ('' for the value itself)."""


def rule_findings(
    rules: Sequence[Rule], steps: Steps, *, beside: Sequence[Rule] = ()
) -> Iterator[Finding]:
    """Names are unique, what they follow on is there; `beside`: rules the device has too."""
    before = [rule.name for rule in beside]
    names = [*before, *(rule.name for rule in rules)]
    for number, rule in enumerate(rules):
        here = (*steps, number)
        if rule.name in names[: len(before) + number]:
            yield (*here, "name"), "a name of its own", f"{shown(rule.name)} a second time"
        follows = rule.on.after_rule
        if follows is not None and (follows not in names or follows == rule.name):
            others = [name for name in names if name != rule.name]
            expect = listed(others) if others else "nothing, as there is no other rule"
            yield (*here, "on", "after_rule"), expect + suggestion(follows, others), ""
        for way, expect, was in rule.problems():
            yield (*here, *way), expect, was
