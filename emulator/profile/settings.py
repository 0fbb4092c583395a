"""Changing a profile: `--set path=value` on the command line, and values from a fleet's file."""

import re
from collections.abc import Sequence
from pathlib import Path

from emulator.forms.words import shown
from emulator.profile import syntax
from emulator.profile.report import Report
from emulator.profile.sources import WrongUseError
from emulator.profile.tree import (
    Entry,
    ListNode,
    MappingNode,
    Node,
    Place,
    ScalarNode,
    Step,
    Steps,
    dotted,
    found,
)

_HERE = Path()
_STEP = re.compile(r"(?:^|\.)([A-Za-z0-9_]+)|\[([0-9]{1,4})\]", re.ASCII)


def apply(root: Node, sets: Sequence[str], report: Report, *, folder: Path = _HERE) -> Node:
    """`root` with each of `sets` in its order put in place of what was there.

    A value is YAML; relative paths in it are relative to `folder`, else the working directory.
    Steps that are missing are made, and an index that is the length of a list appends to it.

    Raises WrongUseError for a setting that is not `path=value`.
    """
    problems: list[str] = []
    for setting in sets:
        way, equals, value = setting.partition("=")
        steps = steps_of(way)
        if not equals:
            example = "PATH=VALUE such as sizes.transmit=1024"
            problems.append(f"--set: found {shown(setting)}; expected {example}")
        elif not steps:
            example = "one such as measurements[0].text"
            problems.append(f"--set: found the path {shown(way)}; expected {example}")
        else:
            root = _apply(root, steps, value, Place(f"--set {dotted(steps)}", folder), report)
    if problems:
        raise WrongUseError(problems)
    return root


def steps_of(way: str) -> Steps:
    """The steps of a path such as `measurements[0].text`; none if it is no path."""
    steps: list[Step] = []
    at = 0
    while match := _STEP.match(way, at):
        steps.append(match[1] if match[2] is None else int(match[2]))
        at = match.end()
    return tuple(steps) if at == len(way) else ()


def _apply(root: Node, steps: Steps, text: str, place: Place, report: Report) -> Node:
    value, problems = syntax.parse(text, place.file, place.folder, lines=False)
    if not text.strip():
        value, problems = ScalarNode(place, None, ""), []
    for at, problem in problems:
        report.line(at, problem)
    return root if value is None else put(root, steps, value, report)


def put(root: Node, steps: Steps, value: Node, report: Report) -> Node:
    """`root` with `value` at `steps`, in place of what was there."""
    return _put(root, (), steps, value, report)


def _put(node: Node, taken: Steps, left: Steps, value: Node, report: Report) -> Node:
    """`node` with `value` at the steps that are left."""
    if not left:
        return value
    step, rest = left[0], left[1:]
    if isinstance(node, ScalarNode):
        # Nothing, or a short form such as `auto`: make room for what is set below it.
        empty_list = isinstance(step, int)
        node = ListNode(value.place, ()) if empty_list else MappingNode(value.place, {})
    nothing = ScalarNode(value.place, None, "")
    if isinstance(node, MappingNode):
        key = str(step)
        before = node.entries.get(key)
        below = before.value if before else nothing
        made = _put(below, (*taken, key), rest, value, report)
        entry = Entry(before.place if before and rest else value.place, made)
        return MappingNode(node.place, {**node.entries, key: entry})
    size = len(node.items)
    if isinstance(step, str) or step > size:
        report.line(
            value.place,
            f"{dotted(taken)}: found {found(node)}; expected an index from [0] to [{size}],"
            f" not {dotted((step,))}",
        )
        return node
    below = node.items[step] if step < size else nothing
    made = _put(below, (*taken, step), rest, value, report)
    return ListNode(node.place, (*node.items[:step], made, *node.items[step + 1 :]))
