"""The host's side: a sans-IO requester, the flows made of it, and what they find out.

`Requester` asks one thing at a time; `measure_all` and `attest` are whole conversations. Everything
here is a generator (`flow.py`) that a shell drives, over a socket or in memory.
"""

from emulator.requester.attest import attest
from emulator.requester.flow import Direction, Flow, Observer
from emulator.requester.measuring import Measured, measure_all
from emulator.requester.offer import DEFAULT, Offer
from emulator.requester.requester import Requester
from emulator.requester.verdict import Step, Verdict

__all__ = [
    "DEFAULT",
    "Direction",
    "Flow",
    "Measured",
    "Observer",
    "Offer",
    "Requester",
    "Step",
    "Verdict",
    "attest",
    "measure_all",
]
