"""The command itself, and how its parts reach the emulator."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from emulator.cli.lazy import LazyGroup
from emulator.cli.output import print_json
from emulator.cli.reaching import EmulatorSocket, Patience, reached
from emulator.control.client import ControlClient


class _Commands(LazyGroup):
    """All that can be asked and told."""

    PLACES: ClassVar = {
        "info": "emulator.cli.ctl.devices:info",
        "devices": "emulator.cli.ctl.devices:devices",
        "device": "emulator.cli.ctl.devices:device",
        "connections": "emulator.cli.ctl.devices:connections",
        "get": "emulator.cli.ctl.devices:get",
        "snapshot": "emulator.cli.ctl.devices:snapshot",
        "watch": "emulator.cli.ctl.watch:watch",
        "set": "emulator.cli.ctl.changes:set_values",
        "apply": "emulator.cli.ctl.changes:apply",
        "measure": "emulator.cli.ctl.changes:measure",
        "key-update": "emulator.cli.ctl.changes:key_update",
        "slot": "emulator.cli.ctl.slots:slots",
        "reset": "emulator.cli.ctl.changes:reset",
        "drop": "emulator.cli.ctl.changes:drop",
        "fault": "emulator.cli.ctl.faults:faults",
        "record": "emulator.cli.ctl.recording:record",
        "reload": "emulator.cli.ctl.changes:reload",
        "stop": "emulator.cli.ctl.changes:stop",
        "call": "emulator.cli.ctl.call:call_any",
        "operations": "emulator.cli.ctl.forms:list_operations",
        "schema": "emulator.cli.ctl.forms:event_schema",
    }


app = typer.Typer(
    name="ctl",
    cls=_Commands,
    no_args_is_help=True,
    help="Ask and tell a running emulator, at the socket that `serve --control` opened.",
)

Devices = Annotated[
    list[str] | None,
    typer.Argument(metavar="[DEVICE]...", help="Names, or patterns such as 'nvme-*'; default all."),
]
OfDevices = Annotated[
    list[str] | None,
    typer.Option(
        "--device", "-d", metavar="DEVICE", help="Name, or pattern; repeatable; default all."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="The answer as JSON.")]

_socket: Path | None = None
_patience = 0.0


@app.callback()
def main(control: EmulatorSocket = None, wait: Patience = 0.0) -> None:
    """Remember where the emulator is to be found."""
    global _socket, _patience
    _socket, _patience = control, wait


def connected() -> AbstractContextManager[ControlClient]:
    """The emulator's control, or an exit where there is none; what it refuses is an exit, too."""
    return reached(_socket, _patience, "ctl")


def call(operation: str, **arguments: Any) -> Any:
    """The result of an operation, or an exit; arguments that are None are left out."""
    given = {name: value for name, value in arguments.items() if value is not None}
    with connected() as client:
        return client.call(operation, **given)


def print_result(result: Any, lines: Iterator[str], *, as_json: bool) -> None:
    """The result as JSON, or in lines for a person."""
    if as_json:
        print_json(result)
        return
    for line in lines:
        print(line)


def each(found: dict[str, Any], what: str) -> Iterator[str]:
    """A line for each device: what came of it."""
    for name, value in found.items():
        told = ", ".join(map(str, value)) if isinstance(value, list) else value
        yield f"{name}: {what} {told}" if told != "" else f"{name}: nothing"
