"""Devices from a fleet's file: made from it, and changed as it changes."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

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
    """

    path: Path
    sets: tuple[str, ...]
    rules: tuple[Rule, ...]
    entropy: Entropy
    clock: Callable[[], datetime]

    def load(self) -> LoadedFleet:
        """The fleet as the file says now. Raises ProfileError with a line for every problem."""
        return load_fleet(self.path, sets=self.sets, rules=self.rules, at=self.clock())

    def make(self, member: Member) -> Served:
        """A device, ready to be served. Raises ProfileError.

        What it draws depends on its name alone, not on where it stands in the file.
        """
        entropy = self.entropy.fork(f"device {member.name}")
        device = member.recipe.build(member.loaded, entropy=entropy, at=self.clock())
        return Served(member.recipe, member.loaded, device, member.host, member.port)


class FleetFile:
    """Keeps the devices of a desk as a fleet's file has them.

    Attributes:
        loaded: the fleet as it was when the file was last read.
        ready: hears of each device that a reload has let listen.
    """

    def __init__(
        self, source: Source, loaded: LoadedFleet, *, own: Callable[[str], bool] = lambda _: True
    ) -> None:
        """`own`: whether a device of this name is for this process to serve."""
        self.loaded = loaded
        self.ready: Callable[[Served], None] = lambda _: None
        self._source = source
        self._own = own
        self._busy = asyncio.Lock()

    def devices(self) -> list[Served]:
        """The devices as the file has them. Raises ProfileError."""
        return [self._source.make(one) for one in self.loaded.members if self._own(one.name)]

    async def reload(self, desk: Desk) -> dict[str, list[str]]:
        """Read the file again and apply it to the devices of `desk`: what of them has changed.

        What holds for new connections changes; open ones keep the device they have, unless it is
        gone or has moved. Devices that the file has as before are left as they are, whatever
        control has made of them. A file with mistakes changes nothing. Raises ProfileError with
        its problems, and ControlError where a device cannot be served.
        """
        async with self._busy:
            new = await asyncio.to_thread(self._source.load)
            found = changes(self.loaded, new)
            there = desk.fleet.served
            made = {
                one.name: self._source.make(one)
                for one in new.members
                if self._own(one.name) and (one.name in found.changed or one.name not in there)
            }
            self.loaded = new
            problems = await self._apply(desk, found, made)
        if problems:
            raise ControlError("failed", problems)
        return {
            "added": self._owned([one.name for one in found.added]),
            "removed": self._owned(found.removed),
            "changed": self._owned(list(found.changed)),
            "unchanged": self._owned(found.unchanged),
        }

    def _owned(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if self._own(name)]

    async def _apply(self, desk: Desk, found: Changes, made: dict[str, Served]) -> list[str]:
        """Change what is served; what could not be done."""
        for name in self._owned(found.removed):
            await _stop(desk, name, _GONE)
        moved = [
            name for name, (_, ways) in found.changed.items() if name in made and ADDRESS in ways
        ]
        for name in moved:
            await _stop(desk, name, _MOVED)
        for name, (_, ways) in found.changed.items():
            if name in made and name in desk.fleet.served and name not in moved:
                new = made[name]
                served = desk.fleet.served[name]
                desk.fleet.replace(served, new.recipe, new.loaded, new.device)
                desk.hub.tell(events.DeviceChanged(device=name, changes=ways))
                log.info("%s: changed: %s", name, ", ".join(ways))
        problems = []
        for name, new in made.items():
            if name in desk.fleet.served:
                continue
            try:
                await desk.fleet.start(new)
            except (OSError, FleetError) as error:
                why = error.strerror if isinstance(error, OSError) else None
                problems.append(
                    f"{name}: cannot listen on {address(new.host, new.port)}: {why or error}"
                )
                desk.hub.tell(events.Trouble(device=name, what=problems[-1]))
            else:
                log.info("%s: listens on %s", name, new.at)
                self.ready(new)
        return problems


async def _stop(desk: Desk, name: str, reason: str) -> None:
    """Serve a device no more, unless it failed to be served."""
    if name in desk.fleet.served:
        await desk.fleet.stop(name, reason)
        log.info("%s: no more: %s", name, reason)
