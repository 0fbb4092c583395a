"""The `spdm-emulator` command."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from emulator import __version__
from emulator.cli import attest, certs, ctl, demo, faults, profile, qemu, replay, serve, show, top
from emulator.cli.logs import LogFormat, set_up
from emulator.cli.run import run as run_requester

app = typer.Typer(
    name="spdm-emulator",
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


app.command("serve")(serve.serve)
app.command("attest")(attest.attest)
app.command("demo")(demo.demo)
app.command("run")(run_requester)
app.command("show")(show.show)
app.command("replay")(replay.replay)
app.add_typer(profile.app, name="profile")
app.add_typer(faults.app, name="faults")
app.add_typer(certs.app, name="certs")
app.add_typer(ctl.app, name="ctl")
app.command("top")(top.top)
app.command("qemu", context_settings={"allow_extra_args": True})(qemu.qemu)


def run() -> None:
    """Entry point of the installed command."""
    app()
