"""`ctl watch`: the events as they come."""

import contextlib
from itertools import islice
from typing import Annotated

import typer

from emulator.cli.ctl.app import AsJson, OfDevices, connected
from emulator.cli.output import WRONG_USE, fail, print_json
from emulator.events import KINDS
from emulator.forms.words import listed, shown, suggestion
from emulator.report.event import event_line


def watch(
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kind", "-k", help="Kind, or pattern such as 'connection.*'; repeatable."),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many events.")] = None,
    devices: OfDevices = None,
    as_json: AsJson = False,
) -> None:
    """Show events as they come, until interrupted or the emulator ends."""
    for kind in kinds or ():
        if kind.replace(".", "").isalpha() and kind not in KINDS:
            expect = listed(KINDS) + suggestion(kind, KINDS)
            fail(f"--kind: found {shown(kind)}; expected {expect}", code=WRONG_USE)
    with connected() as client, contextlib.suppress(KeyboardInterrupt):
        for event in islice(client.events(devices or ["*"], kinds or ["*"]), count):
            if as_json:
                print_json(event, indent=None)
            else:
                print(event_line(event), flush=True)
