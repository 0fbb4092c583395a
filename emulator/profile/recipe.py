"""What a device is made from, kept so that it can be made anew with something changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Self

from emulator.device import Device
from emulator.entropy import Entropy
from emulator.errors import ProfileError
from emulator.faults import Rule, arm
from emulator.faults.engine import Faults
from emulator.forms.words import listed, shown
from emulator.profile.bent import Bent
from emulator.profile.build import build, check_rules
from emulator.profile.faults import preset_rules
from emulator.profile.functions import full_name
from emulator.profile.load import LoadedProfile, load
from emulator.profile.model import Profile


@dataclass(frozen=True)
class Recipe:
    """A profile and what is changed about it.

    Attributes:
        profile: a ready profile's name, or a file.
        sets: `path=value` settings on top of it.
        rules: faults beside the profile's own.
        name: what the device is called; empty: as the profile calls it.
        folder: what relative paths in settings are relative to.
        function: which further function of the profile it is; empty: the device, its function 0.
    """

    profile: str
    sets: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    name: str = ""
    folder: Path = Path()
    function: str = ""

    def load(self, *, at: datetime) -> LoadedProfile:
        """The profile with its settings. Raises ProfileError with a line for every problem."""
        return self.part_of(load(self.profile, sets=self.sets, folder=self.folder, at=at))

    def part_of(self, loaded: LoadedProfile) -> LoadedProfile:
        """What this is made from, of the whole profile. Raises ProfileError."""
        if not self.function:
            return loaded
        if self.function not in loaded.functions:
            there = listed(loaded.functions) if loaded.functions else "none"
            way = f"functions.{self.function}"
            raise ProfileError([f"{loaded.file}: {way}: found nothing; expected {there}"])
        return loaded.functions[self.function]

    def of_functions(self, loaded: LoadedProfile, device: str) -> Iterator[Self]:
        """What each further function of the device of this name is made from."""
        for function in loaded.functions:
            yield replace(self, function=function, name=full_name(device, function))

    def build(self, loaded: LoadedProfile, *, entropy: Entropy, at: datetime) -> Device:
        """A device of what `load` gave, whose values are shared. Raises ProfileError."""
        device = build(loaded, entropy=entropy, at=at, rules=self.rules)
        if self.name:
            device.name = self.name
        return device

    def changed(self, sets: Sequence[str]) -> Self:
        """The same with further settings; a later setting of a value replaces an earlier one.

        Those of a further function are settings of its part of the profile.
        """
        if self.function:
            sets = [f"functions.{self.function}.{one}" for one in sets]
        paths = {one.partition("=")[0].strip() for one in sets}
        kept = [one for one in self.sets if one.partition("=")[0].strip() not in paths]
        return replace(self, sets=(*kept, *sets))


def check_arming(loaded: LoadedProfile, rules: Sequence[Rule]) -> None:
    """Raise ProfileError where a device of this profile cannot have these rules together."""
    names = [rule.name for rule in rules]
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise ProfileError([f"two rules are named {shown(twice[0])}; expected one of each"])
    check_rules(rules, loaded.profile)


def rearm(device: Device, loaded: LoadedProfile, rules: Sequence[Rule]) -> None:
    """Give a live device these rules in place of all it has.

    Connections that are open follow. Raises ProfileError as `check_arming` does.
    """
    check_arming(loaded, rules)
    armed = device.stages
    variants = armed.variants if isinstance(armed, Faults) else None
    arm(
        device,
        rules,
        device.entropy.fork("faults"),
        variants=variants or Bent(loaded.profile, device.measurements),
    )


def rules_of_recipe(recipe: Recipe, loaded: LoadedProfile) -> tuple[Rule, ...]:
    """The rules a device of this recipe has at first: its presets', its own, and further ones."""
    profile = loaded.profile
    return (*preset_rules(profile.presets), *profile.faults, *recipe.rules)


def differences(before: Profile, after: Profile) -> list[str]:
    """The ways to the values that differ, such as `sizes.transmit`."""
    return list(_differences(before.model_dump(mode="json"), after.model_dump(mode="json"), ""))


def _differences(before: object, after: object, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys(), key=str):
            steps = f"{path}.{name}" if path else str(name)
            yield from _differences(before.get(name), after.get(name), steps)
    elif before != after:
        yield path
