"""The command itself, and how its parts reach the emulator."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from emulator.cli.controlled import CONTROL_VARIABLE
from emulator.cli.output import FAILED, WRONG_USE, fail, print_json
from emulator.control.client import ControlClient
from emulator.control.port import ControlError

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


@app.callback()
def main(
    control: Annotated[
        Path | None,
        typer.Option(metavar="PATH", envvar=CONTROL_VARIABLE, help="The emulator's socket."),
    ] = None,
) -> None:
    """Remember where the emulator is to be found."""
    global _socket  # noqa: PLW0603 - typer hands options of a group to nobody else
    _socket = control


@contextlib.contextmanager
def connected() -> Iterator[ControlClient]:
    """The emulator's control, or an exit where there is none; what it refuses is an exit, too."""
    if _socket is None:
        expect = f"--control PATH, or {CONTROL_VARIABLE} in the environment"
        fail(f"ctl: found no socket; expected {expect}", code=WRONG_USE)
    try:
        client = ControlClient(str(_socket))
    except OSError as error:
        hint = "expected the socket of a running `serve --control`"
        fail(f"ctl: {_socket}: {error.strerror or error}; {hint}", code=WRONG_USE)
    with client:
        try:
            yield client
        except ControlError as error:
            fail(error.problems, code=FAILED if error.code == "failed" else WRONG_USE)
        except OSError as error:
            fail(f"ctl: {_socket}: {error.strerror or error}", code=FAILED)


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
