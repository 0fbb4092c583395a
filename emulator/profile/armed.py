"""Faults against the device they are for: what it has nothing for, it is refused with."""

from collections.abc import Iterator, Sequence

from emulator.faults import Rule
from emulator.faults.effects.chain import ISSUED, MADE, BadChain
from emulator.faults.effects.device import ChangeMeasurement, SwapChain
from emulator.faults.effects.ide import WriteRegister
from emulator.profile.bent import auto_of
from emulator.profile.model import Profile
from emulator.profile.tree import Steps

Finding = tuple[Steps, str, str]
"""The way to a value among the rules, what is expected, what was found."""


def device_findings(rules: Sequence[Rule], profile: Profile) -> Iterator[Finding]:
    """What rules ask of a device of `profile` that it does not have."""
    for number, rule in enumerate(rules):
        for index, effect in enumerate(rule.do):
            here = (number, "do", index)
            if isinstance(effect, BadChain):
                yield from _bad_chain(effect, (*here, effect.NAME), profile)
            elif isinstance(effect, ChangeMeasurement):
                yield from _measurement(effect, (*here, effect.NAME), profile)
            elif isinstance(effect, WriteRegister):
                yield from _register(effect, (*here, effect.NAME), profile)
            elif isinstance(effect, SwapChain) and profile.slots.keys().isdisjoint(
                (effect.slot, effect.other)
            ):
                expect = f"two slots, one of which holds a chain: {_held(profile)}"
                yield (*here, effect.NAME), expect, f"slots {effect.slot} and {effect.other}"


def _held(profile: Profile) -> str:
    return ", ".join(map(str, profile.slots)) or "none does"


def _measurement(effect: ChangeMeasurement, steps: Steps, profile: Profile) -> Iterator[Finding]:
    indexes = [one.index for one in profile.measurements]
    if effect.index is not None and effect.index not in indexes:
        there = ", ".join(map(str, indexes)) or "none"
        yield (*steps, "index"), f"the index of a measurement: {there}", str(effect.index)
    elif not indexes:
        yield steps, "measurements in the profile", "none"


def _register(effect: WriteRegister, steps: Steps, profile: Profile) -> Iterator[Finding]:
    if profile.ide is None:
        yield steps, "ide in the profile", "none"
    elif effect.port >= profile.ide.ports:
        yield (*steps, "port"), f"a port: 0 to {profile.ide.ports - 1}", str(effect.port)


def _bad_chain(effect: BadChain, steps: Steps, profile: Profile) -> Iterator[Finding]:
    slots = list(profile.slots)
    if effect.slot is not None and effect.slot not in slots:
        expect = f"a slot that holds a chain: {_held(profile)}"
        yield (*steps, "slot"), expect, str(effect.slot)
        return
    asked = slots if effect.slot is None else [effect.slot]
    if effect.kind in ISSUED and asked and not any(auto_of(profile, slot) for slot in asked):
        expect = f"one of {', '.join(MADE)}, as chains from files are not issued anew"
        yield (*steps, "kind"), expect, effect.kind
