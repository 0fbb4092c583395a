"""The host's side: a sans-IO requester, the flows made of it, and what they find out.

`Requester` asks one thing at a time, and so does a `SecureSession` that it opened; `measure_all`
and `attest` are whole conversations. Everything here is a generator (`flow.py`) that a shell
drives, over a socket or in memory.
"""

from emulator.ask.ide_km import PortInfo
from emulator.requester.attest import attest
from emulator.requester.flow import Direction, Flow, Observer
from emulator.requester.ide import IdeKeys, root_port
from emulator.requester.inside import NO_SESSIONS, Sessions
from emulator.requester.measuring import Measured, measure_all
from emulator.requester.offer import DEFAULT, Offer, for_sessions
from emulator.requester.own import NOBODY, Identity, for_mutual
from emulator.requester.requester import KeyLog, Requester
from emulator.requester.session import SecureSession
from emulator.requester.tdisp import TdiHost
from emulator.requester.verdict import Step, Verdict

__all__ = [
    "DEFAULT",
    "NOBODY",
    "NO_SESSIONS",
    "Direction",
    "Flow",
    "IdeKeys",
    "Identity",
    "KeyLog",
    "Measured",
    "Observer",
    "Offer",
    "PortInfo",
    "Requester",
    "SecureSession",
    "Sessions",
    "Step",
    "TdiHost",
    "Verdict",
    "attest",
    "for_mutual",
    "for_sessions",
    "measure_all",
    "root_port",
]
