"""Driving a requester under test: a device made for it, what passed, and what came of it.

`Watch` hears a device's connections; `requester` runs the program under test; `judge` tells what
came of both; `run` puts the three together, once or many times. `HostedDevice` is the device alone,
for tests that drive a requester themselves (`emulator/pytest_plugin.py`).
"""

from emulator.campaign.hosted import HostedDevice
from emulator.campaign.judge import Judgement, Kind, Terms
from emulator.campaign.requester import Command, CommandError
from emulator.campaign.run import Run, run
from emulator.campaign.watch import Heard, Watch

__all__ = [
    "Command",
    "CommandError",
    "Heard",
    "HostedDevice",
    "Judgement",
    "Kind",
    "Run",
    "Terms",
    "Watch",
    "run",
]
