"""Faults against the device they are for: what it has nothing for, it is refused with."""

from collections.abc import Iterator, Sequence

from emulator.faults import Rule
from emulator.faults.effects.chain import ISSUED, MADE, BadChain
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


def _bad_chain(effect: BadChain, steps: Steps, profile: Profile) -> Iterator[Finding]:
    slots = list(profile.slots)
    if effect.slot is not None and effect.slot not in slots:
        held = ", ".join(map(str, slots)) or "none"
        yield (*steps, "slot"), f"a slot that holds a chain: {held}", str(effect.slot)
        return
    asked = slots if effect.slot is None else [effect.slot]
    if effect.kind in ISSUED and asked and not any(auto_of(profile, slot) for slot in asked):
        expect = f"one of {', '.join(MADE)}, as chains from files are not issued anew"
        yield (*steps, "kind"), expect, effect.kind
