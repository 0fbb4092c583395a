"""Fleet files on the command line."""

from collections.abc import Sequence
from datetime import UTC, datetime

from emulator.cli.options import build_or_exit, entropy_of
from emulator.cli.output import WRONG_USE, fail
from emulator.errors import ProfileError
from emulator.faults import Rule
from emulator.profile import find
from emulator.profile.fleet import Fleet, load_fleet
from emulator.serve.run import Place


def fleet_or_exit(path: str, sets: Sequence[str], *, at: datetime) -> Fleet:
    """The fleet, or an exit with every problem it has."""
    try:
        return load_fleet(find(path), sets=sets, at=at)
    except ProfileError as error:
        fail(error.problems, code=WRONG_USE)


def fleet_places(path: str, sets: Sequence[str], seed: str, rules: Sequence[Rule]) -> list[Place]:
    """The devices of a fleet and their addresses.

    What a device draws depends on its name, not on where it stands in the file.
    """
    now = datetime.now(UTC)
    places: list[Place] = []
    for member in fleet_or_exit(path, sets, at=now).members:
        entropy = entropy_of(seed, f"device {member.name}")
        device = build_or_exit(member.loaded, entropy, at=now, rules=rules, name=member.name)
        places.append(Place(device, member.host, member.port))
    return places
