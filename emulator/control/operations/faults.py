"""Operations on the faults of devices."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Self

from pydantic import BaseModel, Field

from emulator import events
from emulator.control.desk import Desk
from emulator.control.operation import OfDevices, operation
from emulator.control.port import ControlError
from emulator.device import Device
from emulator.faults import Faults, Rule
from emulator.forms import Line
from emulator.forms.words import listed, shown, suggestion
from emulator.profile.faults import combine, rules_of
from emulator.profile.recipe import check_arming, rearm
from emulator.serve.fleet import Served


class FaultInfo(BaseModel):
    """A fault rule that is armed."""

    name: str = Field(description="Its name.")
    stage: str = Field(description="Where it reaches in.")
    fired: int = Field(description="In how many exchanges it has reached in.")
    rule: dict[str, Any] = Field(description="The rule as a file would say it.")

    @classmethod
    def of(cls, rule: Rule, count: int) -> Self:
        """What there is to tell of a rule."""
        written = rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return cls(name=rule.name, stage=rule.stage, fired=count, rule=written)


class AddFaults(OfDevices):
    """Fault rules to arm."""

    presets: list[Line] = Field(
        default=[], description="Faults of the catalogue by their names; see `faults list`."
    )
    rules: list[dict[str, Any]] = Field(
        default=[], description="Fault rules, as a file of faults has them."
    )
    replace: bool = Field(
        default=False, description="Whether they take the place of rules of the same name."
    )


class ClearFaults(OfDevices):
    """Fault rules to clear."""

    names: list[Line] | None = Field(
        default=None,
        description="The rules by their names, or a preset's name for all its rules; null: all.",
    )


def armed(device: Device) -> list[tuple[Rule, int]]:
    """The rules of a device, and how often each has reached in."""
    faults = device.stages
    if not isinstance(faults, Faults):
        return []
    return [(rule, faults.counts[rule.name]) for rule in faults.rules]


def _rules(served: Served) -> list[Rule]:
    return [rule for rule, _ in armed(served.device)]


def _arm(desk: Desk, plan: Sequence[tuple[Served, list[Rule]]]) -> dict[str, list[str]]:
    """Give each device its rules; if one may not have them, none is changed."""
    for served, rules in plan:
        check_arming(served.loaded, rules)
    for served, rules in plan:
        served.apply(partial(rearm, loaded=served.loaded, rules=rules))
        desk.hub.tell(events.FaultsChanged(device=served.name, rules=[rule.name for rule in rules]))
    return {served.name: [rule.name for rule in rules] for served, rules in plan}


@operation("faults.list", OfDevices)
def list_faults(desk: Desk, arguments: OfDevices) -> dict[str, list[FaultInfo]]:
    """The fault rules that are armed, of each device."""
    return {
        served.name: [FaultInfo.of(rule, count) for rule, count in armed(served.device)]
        for served in desk.devices(arguments.devices)
    }


@operation("faults.add", AddFaults, changes=True)
def add_faults(desk: Desk, arguments: AddFaults) -> dict[str, list[str]]:
    """Arm fault rules, from the next request on; the names of all that are armed now."""
    further = rules_of(arguments.rules) if arguments.rules else ()
    new = combine(arguments.presets, [], further)
    if not new:
        raise ControlError("invalid", "faults.add: found no rules; expected presets or rules")
    names = {rule.name for rule in new} if arguments.replace else set()
    plan = [
        (served, [*(rule for rule in _rules(served) if rule.name not in names), *new])
        for served in desk.devices(arguments.devices)
    ]
    return _arm(desk, plan)


@operation("faults.clear", ClearFaults, changes=True)
def clear_faults(desk: Desk, arguments: ClearFaults) -> dict[str, list[str]]:
    """Clear fault rules; the names of those that are still armed."""
    chosen = desk.devices(arguments.devices)
    there = sorted({rule.name for served in chosen for rule in _rules(served)})
    for name in arguments.names or ():
        if not any(_means(name, rule) for rule in there):
            expect = listed(there) + suggestion(name, there) if there else "none, as none is armed"
            raise ControlError("not-found", f"names: found {shown(name)}; expected {expect}")
    return _arm(desk, [(served, _kept(_rules(served), arguments.names)) for served in chosen])


def _kept(rules: Sequence[Rule], names: Sequence[str] | None) -> list[Rule]:
    if names is None:
        return []
    return [rule for rule in rules if not any(_means(name, rule.name) for name in names)]


def _means(name: str, rule: str) -> bool:
    """Whether `name` is the rule's, or its preset's."""
    return rule == name or rule.startswith(f"{name}/")
