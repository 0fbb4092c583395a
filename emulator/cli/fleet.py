"""Fleet files on the command line."""

import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from emulator.cli.controlled import Controlled, now
from emulator.cli.mqtt import Mqtt, broker_or_exit
from emulator.cli.output import WRONG_USE, fail, stderr
from emulator.control.desk import Desk
from emulator.control.fleet_file import Devices, FleetFile, Source
from emulator.control.port import Control, ControlError
from emulator.entropy import Entropy
from emulator.errors import ProfileError
from emulator.faults import Rule
from emulator.profile import find
from emulator.profile.fleet import is_fleet
from emulator.serve.fleet import Served


def fleet_of(
    profiles: Sequence[str],
    sets: Sequence[str],
    rules: Sequence[Rule],
    entropy: Entropy,
    *,
    elsewhere: bool,
    state: Path | None = None,
) -> FleetFile | None:
    """The fleet, if that is what `profiles` names; an exit with every problem it has.

    `elsewhere`: the command line says where to listen; `state`: where states are kept.
    """
    if not any(map(is_fleet, profiles)):
        return None
    if len(profiles) > 1 or elsewhere:
        fail(
            "a fleet file stands alone, and says itself where its devices listen: it takes no"
            " other profile, nor --host, --port or --unix",
            code=WRONG_USE,
        )
    source = Source(find(profiles[0]), tuple(sets), tuple(rules), entropy, now, state)
    try:
        return FleetFile(source, source.load())
    except ProfileError as error:
        fail(error.problems, code=WRONG_USE)


def devices_or_exit(file: FleetFile) -> list[Served]:
    """The devices of a fleet, or an exit with every problem."""
    try:
        return file.devices()
    except ProfileError as error:
        fail(error.problems, code=WRONG_USE)


def control_of(file: FleetFile) -> Path | None:
    """The control socket that a fleet's file asks for."""
    control = file.loaded.file.control
    return None if control is None else control.socket


def broker_of(file: FleetFile, name: str | None) -> Mqtt | None:
    """The broker that a fleet's file names; `name`: what topics call the fleet, if not so."""
    broker = file.loaded.file.mqtt
    return None if broker is None else broker_or_exit(broker, name or file.loaded.name)


def reloading(
    file: FleetFile,
    desk: Desk,
    devices: Devices,
    beside: Controlled,
    ready: Callable[[Served], None],
) -> Controlled:
    """What is beside the devices, and lets control have the fleet's file read again.

    SIGHUP has its meaning only then: one that comes sooner is not lost, and ends nothing.
    """
    early: list[int] = []
    signal.signal(signal.SIGHUP, lambda number, _: early.append(number))

    @asynccontextmanager
    async def running(stop: Callable[[], None]) -> AsyncIterator[Control]:
        file.ready = ready
        desk.reload = lambda: file.reload(devices)
        async with beside(stop) as control:
            if early:
                await reload_and_tell(control)
            yield control

    return running


async def reload_and_tell(control: Control) -> None:
    """Have the fleet's file read again, and say what has changed."""
    try:
        changes = await control.call("fleet.reload")
    except ControlError as error:
        for problem in error.problems:
            stderr().print(problem, markup=False, style="red", soft_wrap=True)
        stderr().print("the fleet's file was not applied as it is", markup=False)
    else:
        stderr().print(f"the fleet's file was read again: {_told(changes)}", markup=False)


_SHOWN = 5


def _told(changes: Mapping[str, Sequence[str]]) -> str:
    """`2 added (a, b), 1 changed (c), 997 unchanged`."""
    parts = []
    for what, names in changes.items():
        if not names and what != "unchanged":
            continue
        shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        listed = f" ({shown})" if what != "unchanged" else ""
        parts.append(f"{len(names)} {what}{listed}")
    return ", ".join(parts)
