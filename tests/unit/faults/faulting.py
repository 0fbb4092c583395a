"""Devices with rules, and what a peer sees of them beside one without."""

from typing import Any

from devices import Peer, device

from emulator.device import Device
from emulator.entropy import Seeded
from emulator.faults import Faults, Rule, arm
from emulator.spdm.stages import Fired
from emulator.spdm.state import State


def rule(*do: Any, name: str = "r", **more: Any) -> Rule:
    """A rule as a file gives it; `on` and the like by name."""
    made = Rule.model_validate({"name": name, "do": list(do), **more})
    assert not list(made.problems())
    return made


class Faulty(Peer):
    """A peer of a device with rules.

    Attributes:
        faults: the rules.
        told: what was told of those that fired.
    """

    def __init__(
        self,
        *rules: Rule,
        to: Device | None = None,
        faults: Faults | None = None,
        version: int = 0x13,
    ) -> None:
        asked = device() if to is None else to
        self.faults = faults or arm(asked, rules, Seeded("faults"))
        self.told: list[Fired] = []
        stages = self.faults.attach(asked.connections + 1)
        stages.fired = self.told.append
        super().__init__(asked, version=version, stages=stages)

    def climb(self, state: State, *, asym: int = 0x90, base_hash: int = 0x03) -> "Faulty":
        """Bring a new connection to `state` with good requests."""
        super().climb(state, asym=asym, base_hash=base_hash)
        return self

    def again(self) -> "Faulty":
        """One more connection to the same device, with the same rules."""
        return Faulty(to=self.responder._device, faults=self.faults, version=self.version)

    @property
    def fired(self) -> int:
        """How often the rules reached in, all together."""
        return sum(self.faults.counts.values())
