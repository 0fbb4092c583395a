"""The `spdm-emulator` command."""

import logging
import sys
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from emulator import __version__
from emulator.cli.lazy import LazyGroup
from emulator.cli.logs import LogFormat, set_up


class _Commands(LazyGroup):
    """All commands there are."""

    PLACES: ClassVar = {
        "serve": "emulator.cli.serve:serve",
        "attest": "emulator.cli.attest:attest",
        "demo": "emulator.cli.demo:demo",
        "run": "emulator.cli.run:run",
        "show": "emulator.cli.show:show",
        "replay": "emulator.cli.replay:replay",
        "profile": "emulator.cli.profile:app",
        "faults": "emulator.cli.faults:app",
        "measurements": "emulator.cli.measurements:app",
        "certs": "emulator.cli.certs:app",
        "provision": "emulator.cli.provision:app",
        "ctl": "emulator.cli.ctl.app:app",
        "top": "emulator.cli.top:top",
        "mitm": "emulator.cli.mitm:mitm",
        "qemu": "emulator.cli.qemu:qemu",
    }
    SETTINGS: ClassVar = {"qemu": {"allow_extra_args": True}}


app = typer.Typer(
    name="spdm-emulator",
    cls=_Commands,
    no_args_is_help=True,
    # Boxes at a terminal, plain text when piped.
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
    pretty_exceptions_show_locals=False,
    help="An SPDM device for QEMU and for everyone who writes a requester.",
    epilog="Exit codes: 0 good, 1 the thing tested failed, 2 wrong use.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"spdm-emulator {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
    log_level: Annotated[
        str,
        typer.Option(
            "--log-level",
            help="debug, info, warning or error.",
            metavar="LEVEL",
            envvar="SPDM_EMULATOR_LOG_LEVEL",
        ),
    ] = "warning",
    log_format: Annotated[
        LogFormat,
        typer.Option(help="text, or json: one object a line.", envvar="SPDM_EMULATOR_LOG_FORMAT"),
    ] = LogFormat.TEXT,
    log_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the log goes; default: stderr.",
            envvar="SPDM_EMULATOR_LOG_FILE",
        ),
    ] = None,
) -> None:
    """Set up what all commands share."""
    del version
    level = logging.getLevelNamesMapping().get(log_level.upper())
    if level is None:
        raise typer.BadParameter(f"{log_level!r}; use debug, info, warning or error")
    set_up(level, log_format, log_file)


def run() -> None:
    """Entry point of the installed command."""
    app()
