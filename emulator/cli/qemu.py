"""`spdm-emulator qemu`: the QEMU command line that puts a profile's device into a machine."""

import os
import shlex
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import typer

from emulator.cli.options import Sets, load_or_exit
from emulator.cli.output import WRONG_USE, fail, print_json, stderr
from emulator.device.identity import PciIdentity
from emulator.qemu.launch import (
    DEFAULT_SLOT,
    FUNCTIONS,
    NVME_IDENTITY,
    QEMU,
    QemuDevice,
    QemuError,
    command_line,
    version_problem,
)
from emulator.tcp import UNIX

_REACHED_BY_QEMU = ("127.0.0.1", "localhost", "0.0.0.0")  # noqa: S104 - compared with, not bound


class _Served(NamedTuple):
    """What of a profile matters to QEMU: who its device is, and where it listens."""

    name: str
    identity: PciIdentity
    host: str
    port: int


def _functions_of(profile: str, sets: list[str]) -> list[_Served]:
    """The device of `profile` and its further functions.

    The command ends with the profile's problems if it has any.
    """
    loaded = load_or_exit(profile, sets, at=datetime.now(UTC))
    served: list[_Served] = []
    for one in (loaded, *loaded.functions.values()):
        listener = one.profile.listener
        host = listener.host if listener.path is None else UNIX + listener.path
        served.append(_Served(one.profile.name, one.identity, host, listener.port))
    return served


def _notes(served: _Served) -> list[str]:
    """What works otherwise than the profile's author may expect."""
    notes: list[str] = []
    if served.identity != NVME_IDENTITY:
        notes.append(
            f"{served.name} is certified as {served.identity.san}, but QEMU's nvme device shows"
            f" {NVME_IDENTITY.san} in its configuration space: Linux compares the two and refuses"
            " the certificate."
        )
    if served.host not in _REACHED_BY_QEMU:
        notes.append(
            f"{served.name} listens on {served.host}, but QEMU connects to 127.0.0.1 only."
        )
    return notes


def qemu(
    profile: Annotated[str, typer.Argument(help="Ready profile's name, or a file.")],
    extra: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- ARG", help="Further arguments for QEMU."),
    ] = None,
    *,
    port: Annotated[
        int | None,
        typer.Option(help="Where the device listens; default: the profile's.", min=1, max=65535),
    ] = None,
    slot: Annotated[int, typer.Option(help="PCI device number, 1 to 30.")] = DEFAULT_SLOT,
    serial: Annotated[str | None, typer.Option(help="NVMe serial number.")] = None,
    program: Annotated[str, typer.Option("--qemu", help="The QEMU to use.")] = QEMU,
    sets: Sets = None,
    run: Annotated[bool, typer.Option("--run", help="Start QEMU instead of printing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the QEMU command line for a profile's device, or start it.

    Further functions of the device are functions in its slot. Serve the profile first: QEMU does
    not start without its device. QEMU's exit code is passed on.
    """
    if run and as_json:
        fail("--run hands the terminal to QEMU; it cannot go with --json", code=WRONG_USE)
    functions = [
        one if port is None else one._replace(port=port + number)
        for number, one in enumerate(_functions_of(profile, sets or []))
    ]
    for one in functions:
        if not one.port:
            fail(f"{one.name} lets the system choose its port; name it with --port", code=WRONG_USE)
    if len(functions) > FUNCTIONS:
        found = f"{functions[0].name} has {len(functions)} functions"
        fail(f"{found}; expected at most {FUNCTIONS}, which a slot of QEMU has", code=WRONG_USE)
    try:
        devices = [
            QemuDevice(
                one.port,
                slot=slot,
                serial=serial if serial is None or not number else f"{serial}.{number}",
                function=number,
            )
            for number, one in enumerate(functions)
        ]
        command = command_line(devices, qemu=program, extra=extra or [])
    except QemuError as error:
        fail(str(error), code=WRONG_USE)
    served = functions[0]
    notes = [note for one in functions for note in _notes(one)]
    for note in notes:
        stderr().print(f"note: {note}", style="yellow", markup=False)
    if run:
        _replace_by(command)
    elif as_json:
        told = {"device": served.name, "port": served.port, "command": command, "notes": notes}
        if len(functions) > 1:
            told["functions"] = [{"device": one.name, "port": one.port} for one in functions]
        print_json(told)
    else:
        print(shlex.join(command))


def _replace_by(command: list[str]) -> None:
    """Become QEMU: its exit code, its signals and the terminal are then its own."""
    problem = version_problem(command[0])
    if problem is not None:
        fail(problem, code=WRONG_USE)
    os.execvp(command[0], command)  # noqa: S606 - the user's own program, read by no shell
