"""Profiles: a YAML file that says what a device is, and the device built from it.

A file is read into a tree that knows where each value stands (`syntax.py`, `tree.py`), laid over
the file it extends (`sources.py`), changed by `--set` (`settings.py`), and judged: values by the
model (`model.py`), values together by `checks.py`, `replies.py` and `chains.py`. All problems are
told at once, each in a line with its place (`report.py`). A name that the emulator does not offer
yet is refused with the reason (`vocabulary.py`).
"""

from emulator.profile.build import build
from emulator.profile.chains import ProvisionedChain
from emulator.profile.load import LoadedProfile, load
from emulator.profile.model import Profile
from emulator.profile.schema import schema
from emulator.profile.sources import WrongUseError, find, ready
from emulator.profile.starter import new

__all__ = [
    "LoadedProfile",
    "Profile",
    "ProvisionedChain",
    "WrongUseError",
    "build",
    "find",
    "load",
    "new",
    "ready",
    "schema",
]
