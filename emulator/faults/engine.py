"""The rules of a device, which count; `stages.py` is what each of its connections gets of them.

Each rule draws from a stream of its own for each connection, so that one rule more disturbs no
other, and connections do not disturb each other.
"""

from collections.abc import Sequence

from emulator.device import Device
from emulator.entropy import Entropy
from emulator.faults.effect import Variants
from emulator.faults.matching import Matching, armed
from emulator.faults.rule import Rule
from emulator.faults.stages import FaultStages
from emulator.spdm.stages import Stages


class Faults:
    """The rules of one device.

    Attributes:
        rules: all of them, in their order.
        armed: the same, ready to be looked up.
        counts: in how many exchanges each has reached in, by name.
        device: the device.
        variants: chains in place of its own.
    """

    def __init__(
        self,
        device: Device,
        rules: Sequence[Rule],
        entropy: Entropy,
        variants: Variants | None = None,
    ) -> None:
        """`entropy`: what the rules' own streams are forked from; `variants`: of its chains."""
        self.device = device
        self.variants = variants
        self.rules = tuple(rules)
        self.armed = tuple(armed(rule) for rule in rules)
        self.counts = {rule.name: 0 for rule in rules}
        self.recalls = any(effect.RECALLS for rule in rules for effect in rule.do)
        self.keeps = any(effect.KEEPS for rule in rules for effect in rule.do)
        self.replies: dict[int, dict[int, list[bytes]]] = {}
        self._entropy = entropy

    def attach(self, number: int, before: Stages | None = None) -> FaultStages:
        """The stages of the connection of this number; `before`: those it had until now."""
        entropy = self._entropy.fork(f"faults of connection {number}")
        standing = before.standing() if isinstance(before, FaultStages) else None
        return FaultStages(self, number, Matching(self.armed, self.counts, entropy, standing))

    def succeed(self, before: "Faults") -> None:
        """Go on counting where `before` stands, for the rules that are in both."""
        kept = [rule.name for rule in before.rules if rule in self.rules]
        self.counts.update({name: before.counts[name] for name in kept})
        if self.recalls:
            self.replies = before.replies

    @property
    def unfired(self) -> list[str]:
        """The names of the rules that never reached in."""
        return [name for name, count in self.counts.items() if not count]


def arm(
    device: Device,
    rules: Sequence[Rule],
    entropy: Entropy,
    *,
    variants: Variants | None = None,
) -> Faults:
    """Give `device` these rules, in place of those it had.

    Connections that are open follow before their next request; a rule that stays goes on counting
    and drawing where it stands. `variants` issues the chains of `bad-chain`; without it, its kinds
    that need a certificate of their own never fire.
    """
    faults = Faults(device, rules, entropy, variants)
    if isinstance(device.stages, Faults):
        faults.succeed(device.stages)
    device.stages = faults if rules else None
    return faults
