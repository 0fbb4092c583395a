"""Loading a fleet: its file, the profile of each of its devices, and every problem at once.

Devices that differ in their number alone share what was loaded for the first: the profile, its
certificates and keys.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from emulator.errors import ProfileError
from emulator.forms.words import shown
from emulator.profile import settings, sources
from emulator.profile.fleet.model import MAX_DEVICES, Devices, FleetFile
from emulator.profile.fleet.numbered import is_numbered, numbered, numbered_tree, varies
from emulator.profile.load import LoadedProfile, judge
from emulator.profile.report import Report
from emulator.profile.sources import WrongUseError
from emulator.profile.tree import (
    Entry,
    ListNode,
    MappingNode,
    Node,
    Place,
    ScalarNode,
    Steps,
    follow,
    found,
    plain,
)
from emulator.tcp import UNIX, address

_LAST_PORT = 0xFFFF
_LONGEST_PATH = 107
"""Bytes of a Unix socket's path, as Linux has it."""


@dataclass(frozen=True, slots=True)
class Member:
    """One device of a fleet.

    Attributes:
        name: what the fleet calls it.
        loaded: its profile, which other members may share.
        host: where it listens; `unix:PATH` for a Unix socket.
        port: its port; 0: the system chooses.
    """

    name: str
    loaded: LoadedProfile
    host: str
    port: int

    @property
    def address(self) -> str:
        """Where it is to listen, as people write it."""
        return address(self.host, self.port)


@dataclass(frozen=True)
class Fleet:
    """A fleet without problems.

    Attributes:
        file: the file it was loaded from.
        name: what it is called.
        members: its devices, in the order of the file.
    """

    file: Path
    name: str
    members: tuple[Member, ...]


def is_fleet(name_or_path: str | Path) -> bool:
    """Whether this names a file, and its contents are a fleet's rather than a profile's."""
    with suppress(WrongUseError):
        path = sources.find(name_or_path)
        tree = sources.read(path, _report(path))
        return isinstance(tree, MappingNode) and "fleet" in tree.entries
    return False


def load_fleet(path: Path, *, sets: Sequence[str] = (), at: datetime) -> Fleet:
    """Load a fleet.

    Args:
        path: its file.
        sets: `path=value` settings for every device, on top of what the file sets.
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
    loading = _Loading(report, sets, at)
    members = [
        member
        for number, devices in enumerate(file.devices)
        for member in loading.members(devices, ("devices", number))
    ]
    report.finish()
    if loading.problems:
        raise ProfileError(list(dict.fromkeys(loading.problems)))
    return Fleet(path, file.name or path.stem, tuple(members))


def _report(path: Path) -> Report:
    return Report(MappingNode(Place(str(path), path.parent), {}), FleetFile)


class _Loading:
    """The state of loading one fleet.

    Attributes:
        problems: those of its profiles.
    """

    def __init__(self, report: Report, sets: Sequence[str], at: datetime) -> None:
        self.problems: list[str] = []
        self._report = report
        self._sets = sets
        self._at = at
        self._names: set[str] = set()
        self._addresses: set[tuple[str, int]] = set()

    def members(self, devices: Devices, steps: Steps) -> Iterator[Member]:
        """The members that `devices`, at `steps` of the file, stands for."""
        if not self._is_sound(devices, steps):
            return
        given = follow(self._report.tree, (*steps, "set"))
        set_node = given[0] if not given[1] else None
        alike = set_node is None or not varies(set_node)
        loaded: LoadedProfile | None = None
        for index, n in enumerate(range(devices.first, devices.first + devices.count)):
            if loaded is None or not alike:
                try:
                    loaded = self._load(devices, steps, n)
                except ProfileError as error:
                    self.problems += error.problems  # those of the others are the same
                    return
                if loaded is None:
                    return
            host, port = self._place(devices, loaded, index, n)
            member = Member(_name(devices, loaded, n), loaded, host, port)
            if not self._is_fit(member, steps):
                return
            yield member

    def _is_sound(self, devices: Devices, steps: Steps) -> bool:
        """What several values of one entry together may be."""
        several = devices.count > 1
        wrong: list[tuple[Steps, str, str]] = []
        if len(self._names) + devices.count > MAX_DEVICES:
            was = f"{len(self._names) + devices.count} devices in all"
            wrong.append((("count",), f"at most {MAX_DEVICES}", was))
        if several and devices.name is not None and not is_numbered(devices.name):
            wrong.append((("name",), "a name with {n} in it, as there are several devices", ""))
        if devices.path is not None:
            if devices.port is not None or devices.host is not None:
                other = "port" if devices.port is not None else "host"
                wrong.append((("path",), f"a path or a {other}", "both"))
            if several and not is_numbered(devices.path):
                wrong.append((("path",), "a path with {n} in it, as there are several devices", ""))
            longest = self._socket(devices.path, devices.first + devices.count - 1)
            if len(longest.encode()) > _LONGEST_PATH:
                expect = f"a path of at most {_LONGEST_PATH} bytes, which sockets have"
                wrong.append((("path",), expect, f"{longest}, {len(longest.encode())} bytes"))
        for way, expect, was in wrong:
            self._report.at((*steps, *way), expect, was)
        return not wrong

    def _load(self, devices: Devices, steps: Steps, n: int) -> LoadedProfile | None:
        """The profile of the device `n`; None if there is none, which is a problem."""
        where = (*steps, "profile")
        place = follow(self._report.tree, where)[0].place
        path = sources.resolve(devices.profile, place.folder)
        if path is None:
            expect = sources.expected_profile(devices.profile).removeprefix("expected ")
            self._report.at(where, expect)
            return None
        report = Report(MappingNode(Place(str(path), path.parent), {}))
        tree = sources.assemble(path, report)
        if tree is None:
            raise report.error()
        for key in ("presets", "faults"):
            tree = _behind(tree, key, self._report.tree, (*steps, key))
        tree = self._changed(tree, steps, n, report)
        report.tree = settings.apply(tree, self._sets, report)
        return judge(path, report, at=self._at)

    def _changed(self, tree: Node, steps: Steps, n: int, report: Report) -> Node:
        """The tree with what the fleet sets."""
        given, left = follow(self._report.tree, (*steps, "set"))
        if left or not isinstance(given, MappingNode):
            return tree
        for way, entry in given.entries.items():
            at = settings.steps_of(way)
            if at:
                tree = settings.put(tree, at, numbered_tree(entry.value, n), report)
            else:
                expect = "one such as measurements[0].text"
                self._report.key((*steps, "set", way), expect, f"the path {shown(way)}")
        return tree

    def _place(
        self, devices: Devices, loaded: LoadedProfile, index: int, n: int
    ) -> tuple[str, int]:
        """Where a device listens."""
        listener = loaded.profile.listener
        if devices.path is not None:
            return UNIX + self._socket(devices.path, n), 0
        if listener.path is not None and devices.port is None and devices.host is None:
            return UNIX + listener.path, 0
        first = listener.port if devices.port is None else devices.port
        return devices.host or listener.host, first + index if first else 0

    def _socket(self, path: str, n: int) -> str:
        """The path of a socket, relative to the fleet's file."""
        return str(self._report.tree.place.folder / numbered(path, n))

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


def _behind(tree: Node, key: str, fleet: Node, steps: Steps) -> Node:
    """The profile with what the fleet lists at `steps` behind its own list `key`."""
    more, left = follow(fleet, steps)
    if left or not isinstance(more, ListNode) or not isinstance(tree, MappingNode):
        return tree
    own = tree.entries.get(key)
    if own is not None and not isinstance(own.value, ListNode):
        if not (isinstance(own.value, ScalarNode) and own.value.value is None):
            return tree  # the profile is told what is wrong there
        own = None
    items = own.value.items if own is not None and isinstance(own.value, ListNode) else ()
    entry = Entry(more.place, ListNode(more.place, (*items, *more.items)))
    return MappingNode(tree.place, {**tree.entries, key: entry})


def _name(devices: Devices, loaded: LoadedProfile, n: int) -> str:
    if devices.name is not None:
        return numbered(devices.name, n)
    name = loaded.profile.name
    return name if devices.count == 1 else f"{name}-{n}"
