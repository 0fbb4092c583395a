"""The transcript doctor: why what a requester proves, or its first record, does not fit.

Where verify data or a signature does not verify, or the first record under a key does not open, one
side has computed something else than the other. The doctor computes it as requesters under
development do it wrong, one mistake at a time, and names the mistake that gives just these bytes.
It is pure, and costs nothing while nothing fails: `case.py` says what has to be at hand.
"""

from emulator.spdm.doctor.case import Case, Known, UnprovenError
from emulator.spdm.doctor.diagnosis import MISTAKES, Diagnosis, diagnose, misread
from emulator.spdm.doctor.evidence import FirstRecord, Signature, VerifyData

__all__ = [
    "MISTAKES",
    "Case",
    "Diagnosis",
    "FirstRecord",
    "Known",
    "Signature",
    "UnprovenError",
    "VerifyData",
    "diagnose",
    "misread",
]
