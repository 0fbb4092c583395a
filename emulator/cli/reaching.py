"""How commands reach the control socket of a running emulator."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.output import FAILED, WRONG_USE, fail
from emulator.control.client import ControlClient
from emulator.control.port import ControlError

CONTROL_VARIABLE = "SPDM_EMULATOR_CONTROL"
"""The environment variable that names the control socket, for `serve` and what controls it."""

_EVERY = 0.1
"""Seconds between attempts to reach a socket that is waited for."""

EmulatorSocket = Annotated[
    Path | None,
    typer.Option(
        "--control", metavar="PATH", envvar=CONTROL_VARIABLE, help="The emulator's socket."
    ),
]
Patience = Annotated[
    float, typer.Option("--wait", min=0.0, help="Seconds to wait for the socket to be there.")
]


@contextlib.contextmanager
def reached(path: Path | None, patience: float, command: str) -> Iterator[ControlClient]:
    """The emulator's control, or an exit where there is none; what it refuses is an exit, too."""
    if path is None:
        expect = f"--control PATH, or {CONTROL_VARIABLE} in the environment"
        fail(f"{command}: found no socket; expected {expect}", code=WRONG_USE)
    try:
        client = _wait(str(path), time.monotonic() + patience)
    except OSError as error:
        hint = "expected the socket of a running `serve --control`"
        fail(f"{command}: {path}: {error.strerror or error}; {hint}", code=WRONG_USE)
    with client:
        try:
            yield client
        except ControlError as error:
            fail(error.problems, code=FAILED if error.code == "failed" else WRONG_USE)
        except ConnectionError:
            fail(f"{command}: {path}: the emulator has gone", code=FAILED)
        except OSError as error:
            fail(f"{command}: {path}: {error.strerror or error}", code=FAILED)


def _wait(path: str, until: float) -> ControlClient:
    """A connection, once there is something to connect to. Raises OSError if there never is."""
    while True:
        try:
            return ControlClient(path)
        except OSError:
            if time.monotonic() >= until:
                raise
        time.sleep(_EVERY)
