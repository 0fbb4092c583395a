"""Loading a fleet: its file, the profile of each of its devices, and every problem at once.

Devices that differ in their names and addresses alone share what was loaded for the first: the
profile, its certificates and keys.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from emulator.errors import ProfileError
from emulator.faults import Rule
from emulator.forms.words import shown
from emulator.profile import settings, sources
from emulator.profile.fleet.entry import (
    fault_findings,
    findings,
    name_of,
    place_of,
    place_of_function,
    rules_of,
)
from emulator.profile.fleet.model import Devices, FleetFile
from emulator.profile.fleet.numbered import numbered_tree, varies
from emulator.profile.load import LoadedProfile, judge, sharing
from emulator.profile.recipe import Recipe
from emulator.profile.report import Report
from emulator.profile.sources import WrongUseError
from emulator.profile.tree import MappingNode, Node, Place, Steps, follow, found, plain
from emulator.tcp import UNIX, address

_LAST_PORT = 0xFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """One device of a fleet.

    Attributes:
        name: what the fleet calls it.
        recipe: what it is made from.
        loaded: its profile, which other members may share.
        host: where it listens; `unix:PATH` for a Unix socket.
        port: its port; 0: the system chooses.
        of: the device whose further function it is; empty: it is a device itself.
    """

    name: str
    recipe: Recipe
    loaded: LoadedProfile
    host: str
    port: int
    of: str = ""

    @property
    def address(self) -> str:
        """Where it is to listen, as people write it."""
        return address(self.host, self.port)


@dataclass(frozen=True)
class LoadedFleet:
    """A fleet without problems.

    Attributes:
        path: the file it was loaded from.
        file: its values.
        members: its devices, in the order of the file.
    """

    path: Path
    file: FleetFile
    members: tuple[Member, ...]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.file.name or self.path.stem


def is_fleet(name_or_path: str | Path) -> bool:
    """Whether this names a file, and its contents are a fleet's rather than a profile's."""
    with suppress(WrongUseError):
        path = sources.find(name_or_path)
        tree = sources.read(path, _report(path))
        return isinstance(tree, MappingNode) and "fleet" in tree.entries
    return False


def load_fleet(
    path: Path, *, sets: Sequence[str] = (), rules: Sequence[Rule] = (), at: datetime
) -> LoadedFleet:
    """Load a fleet.

    Args:
        path: its file.
        sets: `path=value` settings for every device, on top of what the file sets.
        rules: fault rules for every device, likewise.
        at: the moment at which certificates must be valid, timezone-aware.

    Raises ProfileError with a line for every problem.
    """
    report = _report(path)
    tree = sources.read(path, report)
    if tree is None:
        raise report.error()
    if not isinstance(tree, MappingNode):
        report.line(tree.place, f"found {found(tree)}; expected a mapping")
        raise report.error()
    report.tree = tree
    try:
        file = FleetFile.model_validate(plain(tree))
    except ValidationError as error:
        report.errors(error.errors(include_url=False, include_input=False))
        raise report.error() from None
    loading = _Loading(path, report, sets, rules, at)
    members = [
        member
        for number, devices in enumerate(file.devices)
        for member in loading.members(devices, ("devices", number))
    ]
    report.finish()
    if loading.problems:
        raise ProfileError(list(dict.fromkeys(loading.problems)))
    return LoadedFleet(path, file, tuple(members))


def _report(path: Path) -> Report:
    return Report(MappingNode(Place(str(path), path.parent), {}), FleetFile)


class _Loading:
    """The state of loading one fleet.

    Attributes:
        problems: those of its profiles.
    """

    def __init__(
        self,
        path: Path,
        report: Report,
        sets: Sequence[str],
        rules: Sequence[Rule],
        at: datetime,
    ) -> None:
        self.problems: list[str] = []
        self._folder = path.parent
        self._report = report
        self._sets = tuple(sets)
        self._rules = tuple(rules)
        self._at = at
        self._loaded: dict[tuple[Path, tuple[str, ...]], LoadedProfile] = {}
        self._first: dict[Path, LoadedProfile] = {}
        self._names: set[str] = set()
        self._addresses: set[tuple[str, int]] = set()

    def members(self, devices: Devices, steps: Steps) -> Iterator[Member]:
        """The members that `devices`, at `steps` of the file, stands for."""
        path = sources.resolve(devices.profile, self._folder)
        if path is None:
            expect = sources.expected_profile(devices.profile).removeprefix("expected ")
            self._report.at((*steps, "profile"), expect)
        wrong = list(findings(devices, self._folder, before=len(self._names)))
        for way, expect, was in wrong:
            self._report.at((*steps, *way), expect, was)
        given = self._given(steps)
        if path is None or wrong or given is None:
            return
        try:
            yield from self._each(devices, steps, path, given)
        except ProfileError as error:
            self.problems += error.problems  # those of the devices behind it are the same

    def _each(
        self, devices: Devices, steps: Steps, path: Path, given: dict[str, Node]
    ) -> Iterator[Member]:
        rules = (*rules_of(devices), *self._rules)
        alike = not any(map(varies, given.values()))
        made: tuple[tuple[str, ...], LoadedProfile] | None = None
        for n in range(devices.first, devices.first + devices.count):
            if made is None or not alike:
                values = {way: numbered_tree(node, n) for way, node in given.items()}
                first, made = made is None, self._load(path, values)
                if first and not self._may_have(devices, made[1], steps):
                    return
            sets, loaded = made
            name = name_of(devices, loaded, n)
            recipe = Recipe(str(path), sets, rules, name, self._folder)
            member = Member(name, recipe, loaded, *place_of(devices, loaded, n, self._folder))
            if not self._is_fit(member, steps):
                return
            yield member
            for part in recipe.of_functions(loaded, name):
                at = place_of_function(devices, loaded, part.function, (member.host, member.port))
                further = Member(part.name, part, part.part_of(loaded), *at, of=name)
                if not self._is_fit(further, steps):
                    return
                yield further

    def _given(self, steps: Steps) -> dict[str, Node] | None:
        """What the fleet sets, by its paths; None if there is a problem."""
        node, left = follow(self._report.tree, (*steps, "set"))
        if left or not isinstance(node, MappingNode):
            return {}
        wrong = [way for way in node.entries if not settings.steps_of(way)]
        for way in wrong:
            expect = "one such as measurements[0].text"
            self._report.key((*steps, "set", way), expect, f"the path {shown(way)}")
        return None if wrong else {way: entry.value for way, entry in node.entries.items()}

    def _load(self, path: Path, values: dict[str, Node]) -> tuple[tuple[str, ...], LoadedProfile]:
        """The settings of a device and its profile, which was loaded before if it is the same."""
        sets = tuple(f"{way}={json.dumps(plain(value))}" for way, value in values.items())
        sets = (*sets, *self._sets)
        loaded = self._loaded.get((path, sets))
        if loaded is not None:
            return sets, loaded
        report = Report(MappingNode(Place(str(path), path.parent), {}))
        tree = sources.assemble(path, report)
        if tree is None:
            raise report.error()
        for way, value in values.items():
            tree = settings.put(tree, settings.steps_of(way), value, report)
        report.tree = settings.apply(tree, self._sets, report, folder=self._folder)
        loaded = judge(path, report, at=self._at)
        first = self._first.setdefault(path, loaded)
        loaded = self._loaded[path, sets] = sharing(loaded, first)
        return sets, loaded

    def _may_have(self, devices: Devices, loaded: LoadedProfile, steps: Steps) -> bool:
        """Whether devices of this profile may have the faults of the entry."""
        wrong = list(fault_findings(devices, loaded))
        for way, expect, was in wrong:
            self._report.at((*steps, *way), expect, was)
        return not wrong

    def _is_fit(self, member: Member, steps: Steps) -> bool:
        """Whether no other member has this name or this address, and there is such a port."""
        if member.port > _LAST_PORT:
            self._report.at((*steps, "port"), f"ports of at most {_LAST_PORT}", f"{member.port}")
            return False
        if member.name in self._names:
            self._report.at((*steps, "name"), "a name of its own", f"{member.name} a second time")
            return False
        self._names.add(member.name)
        if member.host.startswith(UNIX) or member.port:
            if (member.host, member.port) in self._addresses:
                key = "path" if member.host.startswith(UNIX) else "port"
                was = f"{member.address} a second time"
                self._report.at((*steps, key), "an address of its own", was)
                return False
            self._addresses.add((member.host, member.port))
        return True
