"""Loading files of faults and the catalogue of presets, with a line for every problem."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from emulator import faults
from emulator.errors import ProfileError
from emulator.faults import Rule
from emulator.faults.catalogue import Catalogue, FaultFile, Preset
from emulator.forms.words import listed, shown, suggestion
from emulator.profile import sources, syntax
from emulator.profile.checks import rule_findings
from emulator.profile.report import Report
from emulator.profile.sources import WrongUseError
from emulator.profile.tree import MappingNode, Node, Place, Steps, plain

PRESETS = Path(faults.__file__).parent / "presets"
"""The folder of the catalogue."""

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
def presets() -> dict[str, Preset]:
    """All presets of the catalogue by name, in its order."""
    found: dict[str, Preset] = {}
    for path in sorted(PRESETS.glob("*.yaml")):
        catalogue, report = _read(path, Catalogue)
        for number, preset in enumerate(catalogue.presets):
            steps: Steps = ("presets", number)
            if preset.name in found:
                report.at((*steps, "name"), "a name of its own", f"{preset.name} a second time")
            for index, rule in enumerate(preset.rules):
                if rule.name != preset.name and not rule.name.startswith(f"{preset.name}/"):
                    expect = f"{preset.name}, or {preset.name}/ and more"
                    report.at((*steps, "rules", index, "name"), expect)
            _judge(preset.rules, (*steps, "rules"), report)
            found[preset.name] = preset
        report.finish()
    return found


def find_preset(name: str) -> Preset:
    """The preset of this name. Raises WrongUseError, a ProfileError."""
    known = presets()
    if name not in known:
        hint = suggestion(name, known)
        raise WrongUseError([f"--fault: found {shown(name)}; expected {listed(known)}{hint}"])
    return known[name]


def combine(
    names: Sequence[str], files: Sequence[Path], further: Sequence[Rule] = ()
) -> tuple[Rule, ...]:
    """The rules of presets and files, and further ones, in this order.

    Raises ProfileError where two rules have one name.
    """
    rules = [*_of_presets(names)]
    for path in files:
        rules += load_rules(path)
    rules += further
    seen: set[str] = set()
    for rule in rules:
        if rule.name in seen:
            raise ProfileError([f"two rules are named {shown(rule.name)}; expected one of each"])
        seen.add(rule.name)
    return tuple(rules)


def _of_presets(names: Sequence[str]) -> Iterator[Rule]:
    for name in names:
        yield from find_preset(name).rules
