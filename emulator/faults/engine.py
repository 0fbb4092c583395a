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
        self.replies: dict[int, dict[int, list[bytes]]] = {}
        self._entropy = entropy

    def attach(self, number: int) -> FaultStages:
        """The stages of the connection of this number."""
        entropy = self._entropy.fork(f"faults of connection {number}")
        return FaultStages(self, number, Matching(self.armed, self.counts, entropy))

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
    """Give `device` these rules, in place of those it had, for the connections to come.

    `variants` issues the chains of `bad-chain`; without it, its kinds that need a certificate of
    their own never fire.
    """
    faults = Faults(device, rules, entropy, variants)
    device.stages = faults if rules else None
    return faults
