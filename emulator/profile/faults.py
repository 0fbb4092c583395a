"""Loading files of faults and the catalogue of presets, with a line for every problem."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from emulator import faults
from emulator.errors import ProfileError
from emulator.faults import Rule
from emulator.faults.catalogue import Catalogue, FaultFile, Preset
from emulator.forms.words import shown, suggestion
from emulator.profile import sources, syntax
from emulator.profile.report import Report
from emulator.profile.rules import rule_findings
from emulator.profile.sources import WrongUseError
from emulator.profile.tree import MappingNode, Node, Place, Steps, plain

PRESETS = Path(faults.__file__).parent / "presets"
"""The folder of the catalogue."""

NAMED = "a name that `spdm-emulator faults list` has"
"""What is expected where a preset is named; there are too many to list."""

_GIVEN = "given"
"""Where rules stand that are in no file."""

_M = TypeVar("_M", bound=BaseModel)


def _read(path: Path, model: type[_M]) -> tuple[_M, Report]:
    """The file as a `model`. Raises ProfileError."""
    report = Report(MappingNode(Place(str(path), path.parent), {}), model)
    return _validated(sources.read(path, report), model, report)


def _validated(tree: Node | None, model: type[_M], report: Report) -> tuple[_M, Report]:
    if tree is None:
        raise report.error()
    report.tree = tree
    try:
        return model.model_validate(plain(tree)), report
    except ValidationError as error:
        report.errors(error.errors(include_url=False, include_input=False))
        raise report.error() from None


def _judge(rules: Sequence[Rule], steps: Steps, report: Report) -> None:
    for way, expect, was in rule_findings(rules, steps):
        report.at(way, expect, was)


def load_rules(path: Path) -> tuple[Rule, ...]:
    """The rules of a file of faults. Raises ProfileError with a line for every problem."""
    if not sources.is_file(path):
        raise WrongUseError([f"{path}: found no such file; expected a file of faults"])
    file, report = _read(path, FaultFile)
    _judge(file.rules, ("rules",), report)
    report.finish()
    return tuple(file.rules)


def rules_of(given: Sequence[Mapping[str, object]]) -> tuple[Rule, ...]:
    """The rules that a program has as mappings of what a file would say.

    Raises ProfileError with a line for every problem.
    """
    report = Report(MappingNode(Place(_GIVEN, Path()), {}), FaultFile)
    text = json.dumps({"faults": 1, "rules": list(given)})
    tree, problems = syntax.parse(text, _GIVEN, Path(), lines=False)
    for place, problem in problems:
        report.line(place, problem)
    file, report = _validated(tree, FaultFile, report)
    _judge(file.rules, ("rules",), report)
    report.finish()
    return tuple(file.rules)


@cache
def catalogue() -> dict[str, tuple[Preset, ...]]:
    """The presets of each file of the catalogue, by the file's name."""
    found: dict[str, tuple[Preset, ...]] = {}
    seen: set[str] = set()
    for path in sorted(PRESETS.glob("*.yaml")):
        file, report = _read(path, Catalogue)
        for number, preset in enumerate(file.presets):
            steps: Steps = ("presets", number)
            if preset.name in seen:
                report.at((*steps, "name"), "a name of its own", f"{preset.name} a second time")
            for index, rule in enumerate(preset.rules):
                if rule.name != preset.name and not rule.name.startswith(f"{preset.name}/"):
                    expect = f"{preset.name}, or {preset.name}/ and more"
                    report.at((*steps, "rules", index, "name"), expect)
            _judge(preset.rules, (*steps, "rules"), report)
            seen.add(preset.name)
        report.finish()
        found[path.stem] = tuple(file.presets)
    return found


@cache
def presets() -> dict[str, Preset]:
    """All presets of the catalogue by name, in its order."""
    return {preset.name: preset for group in catalogue().values() for preset in group}


def find_preset(name: str) -> Preset:
    """The preset of this name. Raises WrongUseError, a ProfileError."""
    known = presets()
    if name not in known:
        hint = suggestion(name, known)
        raise WrongUseError([f"preset: found {shown(name)}; expected {NAMED}{hint}"])
    return known[name]


def preset_rules(names: Iterable[str]) -> tuple[Rule, ...]:
    """The rules of presets, in their order. Raises WrongUseError, a ProfileError."""
    return tuple(rule for name in names for rule in find_preset(name).rules)


def combine(
    names: Sequence[str], files: Sequence[Path], further: Sequence[Rule] = ()
) -> tuple[Rule, ...]:
    """The rules of presets and files, and further ones, in this order.

    Raises ProfileError where two rules have one name.
    """
    rules = [*preset_rules(names)]
    for path in files:
        rules += load_rules(path)
    rules += further
    seen: set[str] = set()
    for rule in rules:
        if rule.name in seen:
            raise ProfileError([f"two rules are named {shown(rule.name)}; expected one of each"])
        seen.add(rule.name)
    return tuple(rules)
