"""`ctl record`: recording while devices are served."""

from pathlib import Path
from typing import Annotated, Any

import typer

from emulator.cli.ctl.app import AsJson, call, print_result
from emulator.cli.formats import RecordFormat

record = typer.Typer(no_args_is_help=True, help="Recordings of what is served.")


def _tell(found: dict[str, Any], as_json: bool) -> None:
    told = f"{found['file']}: {found['packets']} packets, {found['size']} bytes"
    print_result(found, iter([told if found["file"] else "nothing is recorded"]), as_json=as_json)


@record.command()
def start(
    file: Annotated[Path, typer.Argument(help="The file, which is written anew.")],
    form: Annotated[
        RecordFormat | None, typer.Option("--format", help="Default: by its suffix, else pcapng.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Size at which it ends, MiB.")] = None,
    as_json: AsJson = False,
) -> None:
    """Record every conversation, those under way included."""
    found = call("recording.start", file=str(file.absolute()), format=form, limit=limit)
    _tell(found, as_json)


@record.command()
def stop(as_json: AsJson = False) -> None:
    """Record no more."""
    _tell(call("recording.stop"), as_json)


@record.command()
def status(as_json: AsJson = False) -> None:
    """What is recorded now."""
    _tell(call("recording.get"), as_json)
