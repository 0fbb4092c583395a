"""Operations on the profiles of devices."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from emulator import events
from emulator.control.desk import Desk
from emulator.control.operation import OfDevices, operation
from emulator.control.operations.faults import armed
from emulator.control.port import ControlError
from emulator.device import Device
from emulator.forms import Line
from emulator.forms.words import listed, shown, suggestion
from emulator.profile.load import LoadedProfile
from emulator.profile.recipe import Recipe, differences, rearm, rules_of_recipe
from emulator.profile.settings import steps_of
from emulator.serve.fleet import Served

Remade = tuple[Served, Recipe, LoadedProfile, Device]
"""A device, and what it is to be made anew from and into."""

Holds = Annotated[
    Literal["new", "reset"],
    Field(
        description="new: for connections to come; reset: for open ones too, by a reset.",
    ),
]


class GetProfile(OfDevices):
    """Which values."""

    path: Line = Field(default="", description="The way to a value, such as sizes.transmit.")


class SetProfile(OfDevices):
    """Values to change."""

    settings: list[Line] = Field(
        min_length=1, alias="set", description="PATH=VALUE, as the command's option --set."
    )
    holds: Holds = "new"


class ApplyProfile(OfDevices):
    """Another profile."""

    profile: Line = Field(min_length=1, description="A ready profile's name, or a file.")
    settings: list[Line] = Field(default=[], alias="set", description="PATH=VALUE on top of it.")
    holds: Holds = "new"


async def remade(
    desk: Desk, chosen: Sequence[Served], change: Callable[[Recipe], Recipe]
) -> list[Remade]:
    """Make devices anew of changed recipes: all of them, or none. Raises ProfileError.

    Certificates may have to be issued, so it is done beside the event loop, once for each recipe.
    """
    at = desk.clock()
    made: dict[Recipe, LoadedProfile] = {}
    plan: list[Remade] = []
    for served in chosen:
        recipe = change(served.recipe)
        if recipe not in made:
            made[recipe] = await asyncio.to_thread(recipe.load, at=at)
        loaded = made[recipe]
        device = recipe.build(loaded, entropy=served.device.entropy, at=at)
        device.name = served.name
        plan.append((served, recipe, loaded, device))
    return plan


async def _apply(
    desk: Desk,
    chosen: Sequence[Served],
    change: Callable[[Recipe], Recipe],
    holds: str,
) -> dict[str, list[str]]:
    plan = await remade(desk, chosen, change)
    changed: dict[str, list[str]] = {}
    for served, recipe, loaded, device in plan:
        changes = differences(served.loaded.profile, loaded.profile)
        changed[served.name] = changes
        kept = [rule for rule, _ in armed(served.device)]
        if kept != list(rules_of_recipe(served.recipe, served.loaded)):
            # What was armed or cleared while it lived stays so.
            rearm(device, loaded, kept)
        if holds == "reset":
            desk.fleet.reflash(served, recipe, loaded, device)
        else:
            desk.fleet.replace(served, recipe, loaded, device)
        desk.hub.tell(events.DeviceChanged(device=served.name, changes=changes))
    return changed


@operation("profile.get", GetProfile)
def get_profile(desk: Desk, arguments: GetProfile) -> dict[str, Any]:
    """The values of devices' profiles, or one of them."""
    steps = steps_of(arguments.path)
    if arguments.path and not steps:
        example = "one such as measurements[0].text"
        raise ControlError("invalid", f"path: found {shown(arguments.path)}; expected {example}")
    found: dict[str, Any] = {}
    for served in desk.devices(arguments.devices):
        value: Any = served.loaded.profile.model_dump(mode="json")
        for step in steps:
            value = _follow(value, str(step), arguments.path)
        found[served.name] = value
    return found


def _follow(value: Any, step: str, path: str) -> Any:
    if isinstance(value, dict) and step in value:
        return value[step]
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    if isinstance(value, dict):
        names = [str(name) for name in value]
        expect = listed(names) + suggestion(step, names) if names else "nothing more"
    else:
        expect = f"a number below {len(value)}" if isinstance(value, list) else "nothing more"
    raise ControlError("not-found", f"path: {path}: found {shown(step)}; expected {expect}")


@operation("profile.set", SetProfile, changes=True)
async def set_profile(desk: Desk, arguments: SetProfile) -> dict[str, list[str]]:
    """Change values of devices' profiles; which values are others now."""
    chosen = desk.devices(arguments.devices)
    return await _apply(
        desk, chosen, lambda recipe: recipe.changed(arguments.settings), arguments.holds
    )


@operation("profile.apply", ApplyProfile, changes=True)
async def apply_profile(desk: Desk, arguments: ApplyProfile) -> dict[str, list[str]]:
    """Give devices another profile; their names and faults stay; which values are others now."""
    chosen = desk.devices(arguments.devices)

    def change(recipe: Recipe) -> Recipe:
        return Recipe(arguments.profile, tuple(arguments.settings), recipe.rules, recipe.name)

    return await _apply(desk, chosen, change, arguments.holds)
