"""Devices from a fleet's file: made from it, and changed as it changes."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from emulator import events
from emulator.control.desk import Desk
from emulator.control.port import ControlError
from emulator.entropy import Entropy
from emulator.faults import Rule
from emulator.profile.fleet import Changes, LoadedFleet, Member, changes, load_fleet
from emulator.profile.fleet.changes import ADDRESS
from emulator.serve.fleet import FleetError, Served
from emulator.tcp import address

log = logging.getLogger(__name__)

_GONE = "it is gone from the fleet's file"
_MOVED = "its address is another in the fleet's file"


@dataclass(frozen=True)
class Source:
    """A fleet's file, and what the command line says beside it.

    Attributes:
        path: the file.
        sets: settings for every device.
        rules: fault rules for every device.
        entropy: what each device's own source is forked from, by its name.
        clock: tells the time, timezone-aware.
        state: the folder of all states, before what the file says; None: as that says.
    """

    path: Path
    sets: tuple[str, ...]
    rules: tuple[Rule, ...]
    entropy: Entropy
    clock: Callable[[], datetime]
    state: Path | None = None

    def load(self) -> LoadedFleet:
        """The fleet as the file says now. Raises ProfileError with a line for every problem."""
        return load_fleet(self.path, sets=self.sets, rules=self.rules, at=self.clock())

    def make(self, member: Member, said: Path | None) -> Served:
        """A device, ready to be served; `said`: the folder of states in the file.

        Raises ProfileError.

        What it draws depends on its name alone, not on where it stands in the file.
        """
        entropy = self.entropy.fork(f"device {member.name}")
        device = member.recipe.build(member.loaded, entropy=entropy, at=self.clock())
        return Served(
            *(member.recipe, member.loaded, device, member.host, member.port),
            state=self.state or said,
            of=member.of,
        )


class Devices(Protocol):
    """The devices that are served, wherever they are."""

    def names(self) -> Collection[str]:
        """What they are called."""
        ...

    async def add(self, served: Served) -> None:
        """Serve one more. Raises OSError, FleetError or ControlError."""
        ...

    async def remove(self, name: str, reason: str) -> None:
        """Serve one no more."""
        ...

    async def replace(self, served: Served, changes: Sequence[str]) -> None:
        """Let the connections to come have this one in place of the one of its name."""
        ...


class DeskDevices:
    """The devices of this process."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def names(self) -> Collection[str]:
        """What they are called."""
        return self._desk.fleet.served.keys()

    async def add(self, served: Served) -> None:
        """Serve one more. Raises OSError or FleetError."""
        await self._desk.fleet.start(served)

    async def remove(self, name: str, reason: str) -> None:
        """Serve one no more."""
        await self._desk.fleet.stop(name, reason)

    async def replace(self, served: Served, changes: Sequence[str]) -> None:
        """Let the connections to come have this one in place of the one of its name."""
        fleet = self._desk.fleet
        old = fleet.served[served.name]
        fleet.replace(old, served.recipe, served.loaded, served.device)
        self._desk.hub.tell(events.DeviceChanged(device=served.name, changes=list(changes)))


class FleetFile:
    """Keeps devices as a fleet's file has them.

    Attributes:
        loaded: the fleet as it was when the file was last read.
        ready: hears of each device that a reload has let listen.
    """

    def __init__(self, source: Source, loaded: LoadedFleet) -> None:
        self.loaded = loaded
        self.ready: Callable[[Served], None] = lambda _: None
        self._source = source
        self._busy = asyncio.Lock()

    def devices(self) -> list[Served]:
        """The devices as the file has them. Raises ProfileError."""
        return [self._source.make(one, self.loaded.file.state) for one in self.loaded.members]

    async def reload(self, devices: Devices) -> dict[str, list[str]]:
        """Read the file again and apply it to `devices`: what of them has changed.

        What holds for new connections changes; open ones keep the device they have, unless it is
        gone or has moved. Devices that the file has as before are left as they are, whatever
        control has made of them. A file with mistakes changes nothing. Raises ProfileError with
        its problems, and ControlError where a device cannot be served.
        """
        async with self._busy:
            new = await asyncio.to_thread(self._source.load)
            found = changes(self.loaded, new)
            there = set(devices.names())
            made = [
                self._source.make(one, new.file.state)
                for one in new.members
                if one.name in found.changed or one.name not in there
            ]
            self.loaded = new
            problems = await self._apply(devices, found, made)
        if problems:
            raise ControlError("failed", problems)
        return {
            "added": [one.name for one in found.added],
            "removed": list(found.removed),
            "changed": list(found.changed),
            "unchanged": list(found.unchanged),
        }

    async def _apply(self, devices: Devices, found: Changes, made: Sequence[Served]) -> list[str]:
        """Change what is served; what could not be done."""
        moved = [name for name, (_, ways) in found.changed.items() if ADDRESS in ways]
        for name, reason in (
            *((name, _GONE) for name in found.removed),
            *((name, _MOVED) for name in moved),
        ):
            if name in devices.names():
                await devices.remove(name, reason)
                log.info("%s: no more: %s", name, reason)
        problems = []
        for one in made:
            try:
                if one.name in devices.names():
                    _, ways = found.changed[one.name]
                    await devices.replace(one, ways)
                    log.info("%s: changed: %s", one.name, ", ".join(ways))
                else:
                    await devices.add(one)
                    log.info("%s: listens on %s", one.name, one.at)
                    self.ready(one)
            except (OSError, FleetError) as error:
                where = address(one.host, one.port)
                problems.append(f"{one.name}: cannot listen on {where}: {error}")
            except ControlError as error:
                problems += error.problems
        return problems
