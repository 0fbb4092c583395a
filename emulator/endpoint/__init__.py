"""One attached peer: bytes in, actions out.

`endpoint.py` is the device's end of a connection, `actions.py` what it wants done, and `events.py`
what it tells who looks on.
"""

from emulator.endpoint.actions import Action, Close, Compute, Send
from emulator.endpoint.endpoint import STALL, Endpoint, UnderWay, carried_out
from emulator.endpoint.events import (
    Answered,
    Diagnosed,
    Ended,
    Event,
    Faulted,
    Ignored,
    Limited,
    Observer,
    Received,
)

__all__ = [
    "STALL",
    "Action",
    "Answered",
    "Close",
    "Compute",
    "Diagnosed",
    "Ended",
    "Endpoint",
    "Event",
    "Faulted",
    "Ignored",
    "Limited",
    "Observer",
    "Received",
    "Send",
    "UnderWay",
    "carried_out",
]
