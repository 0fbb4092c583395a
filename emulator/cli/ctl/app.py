"""The command itself, and how its parts reach the emulator."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from emulator.cli.output import print_json
from emulator.cli.reaching import EmulatorSocket, Patience, reached
from emulator.control.client import ControlClient

app = typer.Typer(
    name="ctl",
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
