"""Faults: rules that reach into the stages a reply passes through.

    rule = on which exchange (`when.py`), at which stage, which effects (`effects/`)

A device has one `Faults`, which counts; a connection has one `FaultStages`, which matches. An
effect changes what passes its stage and knows nothing of rules. Handlers know nothing of any of it.
"""

from emulator.faults.engine import Faults, arm
from emulator.faults.rule import Rule

__all__ = ["Faults", "Rule", "arm"]
