"""The fleet file: many devices from a few profiles, and how they are served.

A file is judged by `model.py`, its devices are loaded and varied by `load.py` (`numbered.py` has
what `{n}` stands for), and `changes.py` tells two fleets apart.
"""

from emulator.profile.fleet.load import Fleet, Member, is_fleet, load_fleet
from emulator.profile.fleet.model import fleet_schema

__all__ = ["Fleet", "Member", "fleet_schema", "is_fleet", "load_fleet"]
