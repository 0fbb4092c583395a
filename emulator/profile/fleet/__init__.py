"""The fleet file: many devices from a few profiles, and how they are served.

A file is judged by `model.py`, its devices are loaded and varied by `load.py` (`numbered.py` has
what `{n}` stands for, `entry.py` what one entry may be), and `changes.py` tells two fleets apart.
"""

from emulator.profile.fleet.changes import Changes, changes
from emulator.profile.fleet.load import LoadedFleet, Member, is_fleet, load_fleet
from emulator.profile.fleet.model import fleet_schema

__all__ = [
    "Changes",
    "LoadedFleet",
    "Member",
    "changes",
    "fleet_schema",
    "is_fleet",
    "load_fleet",
]
