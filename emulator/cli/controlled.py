"""Control of what is served, on the command line."""

import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from emulator import events
from emulator.cli.reaching import CONTROL_VARIABLE
from emulator.control.desk import Desk
from emulator.control.hub import Hub
from emulator.control.local import LocalControl
from emulator.control.port import Control
from emulator.control.recordings import Recordings
from emulator.control.server import ControlServer
from emulator.control.workers import Workers
from emulator.serve.fleet import Fleet
from emulator.serve.run import ListenError

ControlSocket = Annotated[
    Path | None,
    typer.Option(
        "--control",
        metavar="PATH",
        envvar=CONTROL_VARIABLE,
        help="A Unix socket at which `ctl` and others control the devices.",
    ),
]


def emulator_name() -> str:
    """What an emulator is called where nothing else is said: its host and process."""
    return f"{socket.gethostname()}-{os.getpid()}"


def now() -> datetime:
    """The time of events."""
    return datetime.now(UTC)


Carrier = Callable[[Control], AbstractAsyncContextManager[object]]
"""Carries control elsewhere, such as to a broker, from the first event to the last."""


def nowhere(control: Control) -> AbstractAsyncContextManager[object]:
    """Carry control nowhere else."""
    del control
    return nullcontext()


@asynccontextmanager
async def controlled(
    desk: Desk, path: Path | None, workers: Workers | None = None, carrier: Carrier = nowhere
) -> AsyncIterator[Control]:
    """Let the devices of `desk`, or of its workers, be controlled at a socket, if there is a path.

    `carrier` carries control elsewhere.

    Raises ListenError where it cannot be listened on.
    """
    control: Control = LocalControl(desk) if workers is None else workers
    count = len(desk.fleet) if workers is None else len(workers.served)
    server = None if path is None else ControlServer(control, str(path))
    if server is not None:
        try:
            await server.start()
        except OSError as error:
            raise ListenError(
                f"control: cannot listen on {path}: {error.strerror or error}"
            ) from error
    try:
        async with carrier(control):
            desk.hub.tell(events.EmulatorUp(devices=count))
            try:
                yield control
            finally:
                desk.hub.tell(events.EmulatorDown(reason="it was told to end"))
    finally:
        desk.hub.close()
        if server is not None:
            await server.stop()


def desk_of(fleet: Fleet, hub: Hub, recordings: Recordings) -> Desk:
    """The desk of what `serve` serves."""
    return Desk(fleet, hub, recordings, clock=now)


Controlled = Callable[[Callable[[], None]], AbstractAsyncContextManager[Control]]
"""What goes on beside the devices, given what ends it all: their control."""


def beside(
    desk: Desk,
    path: Path | None,
    workers: Workers | None = None,
    carrier: Carrier = nowhere,
) -> Controlled:
    """What `serve` runs beside the devices: control, which may end it all."""

    def begin(stop: Callable[[], None]) -> AbstractAsyncContextManager[Control]:
        desk.stop = stop
        return controlled(desk, path, workers, carrier)

    return begin
