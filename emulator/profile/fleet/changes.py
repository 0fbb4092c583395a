"""What differs between two loadings of a fleet's file."""

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.profile.fleet.load import LoadedFleet, Member
from emulator.profile.load import LoadedProfile
from emulator.profile.recipe import differences

ADDRESS = "address"
"""What a device's address is called among what has changed."""


@dataclass(frozen=True)
class Changes:
    """What is to be done to a fleet that is served.

    Attributes:
        added: the devices that are new.
        removed: the names of those that are gone.
        changed: those that are others now, each with what has changed: ways to profile values such
            as `sizes.transmit`, `faults`, and `address`.
        unchanged: the names of all others.
    """

    added: tuple[Member, ...]
    removed: tuple[str, ...]
    changed: Mapping[str, tuple[Member, list[str]]]
    unchanged: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def changes(old: LoadedFleet, new: LoadedFleet) -> Changes:
    """What of `new` differs from `old`, device by device."""
    before = {member.name: member for member in old.members}
    after = {member.name: member for member in new.members}
    known: dict[tuple[int, int], list[str]] = {}  # many devices share what was loaded
    changed: dict[str, tuple[Member, list[str]]] = {}
    for name, member in after.items():
        if name not in before:
            continue
        one = before[name]
        pair = id(one.loaded), id(member.loaded)
        if pair not in known:
            known[pair] = _of_profiles(one.loaded, member.loaded)
        found = [*known[pair], *_beside_profiles(one, member)]
        if found:
            changed[name] = member, found
    return Changes(
        added=tuple(member for name, member in after.items() if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=changed,
        unchanged=tuple(name for name in after if name in before and name not in changed),
    )


def _of_profiles(one: LoadedProfile, other: LoadedProfile) -> list[str]:
    """Values that differ, and the contents of files whose paths are the same."""
    # Each further function is a member of its own.
    ways = differences(one.profile, other.profile)
    found = [way for way in ways if not way.startswith("functions")]
    contents = {
        "measurements": (one.measurements, other.measurements),
        "slots": (_chains(one), _chains(other)),
        "public_key": (_public_keys(one), _public_keys(other)),
    }
    for section, (was, is_now) in contents.items():
        if was != is_now and not any(way.startswith((section, "identity")) for way in found):
            found.append(section)
    return found


def _chains(loaded: LoadedProfile) -> list[tuple[int, str, tuple[bytes, ...]]]:
    return [
        (one.slot, one.chain.key.scheme, one.chain.certificates)
        for one in loaded.chains
        if one.model is None  # a chain issued here follows from the values
    ]


def _public_keys(loaded: LoadedProfile) -> dict[str, bytes]:
    return {scheme: key.public.spki for scheme, key in loaded.public_keys.items()}


def _beside_profiles(one: Member, other: Member) -> list[str]:
    found = []
    if one.recipe.rules != other.recipe.rules:
        found.append("faults")
    if one.address != other.address:
        found.append(ADDRESS)
    return found
