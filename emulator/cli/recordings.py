"""Recordings on the command line: opening one, and choosing a conversation in it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from emulator.cli.output import WRONG_USE, fail, stderr
from emulator.errors import RecordingError
from emulator.record import Recording, Session, read, sessions
from emulator.requester import Direction

Connection = Annotated[int | None, typer.Option(min=0, help="Number of the connection. None: any.")]
DeviceName = Annotated[str | None, typer.Option("--device", help="Name of the device. None: any.")]


def open_or_exit(path: Path) -> Recording:
    """The recording in a file, or an exit that says why there is none."""
    try:
        return read(str(path), path.read_bytes())
    except OSError as error:
        fail(f"{path}: {error.strerror or error}", code=WRONG_USE)
    except RecordingError as error:
        fail(str(error), code=WRONG_USE)


def chosen(recording: Recording, device: str | None, connection: int | None) -> list[Session]:
    """The conversations the options choose, or an exit that says which there are."""
    there = sessions(recording.packets)
    found = [
        one
        for one in there
        if device in (None, one.device) and connection in (None, one.connection)
    ]
    if there and not found:
        titles = ", ".join(one.title for one in there)
        fail(f"{recording.file}: no such conversation; it has {titles}", code=WRONG_USE)
    return found


def one_or_exit(path: Path, device: str | None, connection: int | None) -> Session:
    """The one conversation of a whole recording to work with, or an exit.

    The first that has a request, where there are several; which one is said on stderr.
    """
    recording = open_or_exit(path)
    if recording.problem is not None:
        fail(str(recording.problem), code=WRONG_USE)
    found = [
        session
        for session in chosen(recording, device, connection)
        if any(packet.direction is Direction.REQUEST for packet in session.packets)
    ]
    if not found:
        fail(f"{path}: it has no request", code=WRONG_USE)
    if len(found) > 1:
        note = f"{path}: {found[0].title} is taken; --device and --connection choose another: "
        note += ", ".join(session.title for session in found[1:])
        stderr().print(note, style="dim", markup=False)
    return found[0]


def place_json(path: Path, session: Session) -> dict[str, Any]:
    """Where a conversation stands, for a script."""
    return {"file": str(path), "device": session.device, "connection": session.connection}
