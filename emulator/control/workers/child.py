"""A worker: a process that serves devices for its parent, and ends when the parent does.

    python -m emulator.control.workers.child START

START is a `bounds.Start` as JSON.
"""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from emulator import events
from emulator.control.desk import Desk
from emulator.control.fleet_file import DeskDevices
from emulator.control.hub import Hub
from emulator.control.local import LocalControl
from emulator.control.peer import ControlPeer
from emulator.control.port import ALL, QUEUED, Subscription, Wanted
from emulator.control.recordings import Recordings
from emulator.control.workers.bounds import Bounds, Start
from emulator.control.workers.spec import LONGEST, REPLACE, START, STOP, Spec, make
from emulator.errors import ProfileError
from emulator.profile.load import LoadedProfile
from emulator.profile.recipe import Recipe
from emulator.record import RecordedEndpoint
from emulator.serve.fleet import Fleet, FleetError
from emulator.serve.limits import Admission, raise_descriptor_limit
from emulator.serve.shutdown import Grace

EVENTS = 1 << 16
"""Events that wait for the parent before the next ones are dropped."""


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class ChildControl:
    """The operations of this process, and those of a parent on its worker."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._local = LocalControl(desk)
        self._devices = DeskDevices(desk)
        self._loaded: dict[Recipe, LoadedProfile] = {}

    def subscribe(self, wanted: Wanted = ALL, *, limit: int = QUEUED) -> Subscription:
        """Hear of the events to come."""
        return self._local.subscribe(wanted, limit=limit)

    async def call(self, operation: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Carry out an operation. Raises ControlError."""
        given = arguments or {}
        if operation == START:
            return await self._start([Spec.model_validate(one) for one in given["devices"]])
        if operation == STOP:
            return await self._devices.remove(given["device"], given["reason"])
        if operation == REPLACE:
            served = make(Spec.model_validate(given["device"]), self._loaded, at=now())
            return await self._devices.replace(served, given["changes"])
        return await self._local.call(operation, given)

    async def _start(self, specs: Sequence[Spec]) -> dict[str, Any]:
        """Serve devices: the address each listens on, or why it does not."""
        told: dict[str, Any] = {}
        for one in specs:
            try:
                served = make(one, self._loaded, at=now())
                await self._devices.add(served)
            except (OSError, FleetError, ProfileError) as error:
                told[one.name] = {"error": str(error)}
            else:
                told[one.name] = {"bound": served.bound}
        # What was loaded until here stays: collections need not look at it again.
        gc.freeze()
        return told


async def work(parent: socket.socket, bounds: Bounds) -> None:
    """Serve devices until the parent is gone, or SIGTERM comes; that is in a hurry."""
    raise_descriptor_limit()
    grace = Grace(bounds.grace)
    reader, writer = await asyncio.open_unix_connection(sock=parent, limit=LONGEST)
    hub = Hub("worker", clock=now)
    recordings = Recordings(ended=lambda what: hub.tell(events.Trouble(what=what)))
    endpoint = partial(RecordedEndpoint, tape=recordings.tape)
    fleet = Fleet(hub, endpoint=endpoint, admission=Admission(bounds.connections))
    control = ChildControl(Desk(fleet, hub, recordings, clock=now))
    serving = asyncio.ensure_future(ControlPeer(control, reader, writer, queued=EVENTS).serve())

    def hurry() -> None:
        grace.hurry.set()
        serving.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, hurry)
    try:
        await asyncio.gather(serving, return_exceptions=True)
    finally:
        await fleet.close(grace=grace)
        recordings.stop()


def main() -> None:
    """Run a worker."""
    # What a terminal sends goes to all its processes; the parent says what is to be done.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    start = Start.model_validate_json(sys.argv[1])
    start.log.set_up()
    asyncio.run(work(socket.socket(fileno=start.descriptor), start.bounds))


if __name__ == "__main__":
    main()
