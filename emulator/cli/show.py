"""`spdm-emulator show`: what a recording holds, and how two of them differ."""

from pathlib import Path
from typing import Annotated, Any

import typer

from emulator.cli.output import FAILED, GOOD, WRONG_USE, fail, print_json, stdout
from emulator.cli.recordings import (
    Connection,
    DeviceName,
    chosen,
    one_or_exit,
    open_or_exit,
    place_json,
)
from emulator.errors import KeyLogError
from emulator.record import Session
from emulator.report import Beside, ConsoleReport, Entry, compare, entries, entry_json
from emulator.requester import Direction
from emulator.spdm.keylog import KeyLog, read_keylog


def show(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE [FILE]", help="Recordings, pcapng or pcap.")
    ],
    *,
    diff: Annotated[
        bool, typer.Option("--diff", help="Compare a conversation of one file with another's.")
    ] = False,
    keylog: Annotated[
        Path | None,
        typer.Option(
            "--keylog", help="Read what was said in sessions, with the secrets in this key log."
        ),
    ] = None,
    device: DeviceName = None,
    connection: Connection = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the fields of every message.")
    ] = False,
) -> None:
    """Show the conversations of a recording, or how two of them differ.

    With --diff nonces, signatures and contexts are not compared; the exit code is 0 where the
    conversations are the same and 1 where they differ. A file that cannot be read, or not to its
    end, gives 2.
    """
    wanted = 2 if diff else 1
    if len(files) != wanted:
        fail(f"{len(files)} files where {wanted} are needed", code=WRONG_USE)
    if diff and keylog is not None:
        fail("--keylog shows one recording; it is not for --diff", code=WRONG_USE)
    if diff:
        _differences(files[0], files[1], device, connection, as_json=as_json)
    recording = open_or_exit(files[0])
    secrets = _keylog(keylog) if keylog is not None else None
    sessions = chosen(recording, device, connection)
    if as_json:
        print_json(
            {
                "file": recording.file,
                "format": recording.format,
                "conversations": [_session_json(session, secrets) for session in sessions],
            }
        )
    else:
        for number, session in enumerate(sessions):
            _show(session, secrets, first=number == 0, verbose=verbose)
    if recording.problem is not None:
        fail(str(recording.problem), code=WRONG_USE)
    raise typer.Exit(GOOD)


def _keylog(path: Path) -> KeyLog:
    """The secrets in a file, or an exit that says why there are none."""
    try:
        return read_keylog(str(path), path.read_text())
    except OSError as error:
        fail(f"{path}: {error.strerror or error}", code=WRONG_USE)
    except UnicodeDecodeError:
        fail(f"{path}: found bytes that are no text; expected a key log", code=WRONG_USE)
    except KeyLogError as error:
        fail(str(error), code=WRONG_USE)


def _show(session: Session, secrets: KeyLog | None, *, first: bool, verbose: bool) -> None:
    console = stdout()
    report = ConsoleReport(console, verbose=verbose)
    console.print(("" if first else "\n") + session.title, style="bold", markup=False)
    for entry in entries(session, secrets):
        before = entry.packet.direction is Direction.REQUEST
        if before:
            _remarks(report, entry)
        if entry.told is not None:
            report.message(entry.told)
        if not before:
            _remarks(report, entry)


def _remarks(report: ConsoleReport, entry: Entry) -> None:
    for comment in entry.packet.comments:
        report.remark(comment)


def _session_json(session: Session, secrets: KeyLog | None) -> dict[str, Any]:
    return {
        "device": session.device,
        "connection": session.connection,
        "packets": [entry_json(entry) for entry in entries(session, secrets)],
    }


def _differences(
    first: Path, second: Path, device: str | None, connection: int | None, *, as_json: bool
) -> None:
    """Print how a conversation of each file differ, and exit."""
    left, right = (one_or_exit(path, device, connection) for path in (first, second))
    rows = compare(*([e.told for e in entries(one) if e.told] for one in (left, right)))
    same = all(row.same for row in rows)
    if as_json:
        print_json(
            {
                "same": same,
                "left": place_json(first, left),
                "right": place_json(second, right),
                "rows": [row.to_json() for row in rows],
            }
        )
    else:
        Beside(stdout()).draw(f"{first}: {left.title}", f"{second}: {right.title}", rows)
    raise typer.Exit(GOOD if same else FAILED)
