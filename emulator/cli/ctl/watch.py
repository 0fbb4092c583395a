"""`ctl watch`: the events as they come, and `ctl call`: any operation."""

import contextlib
import json
from itertools import islice
from typing import Annotated

import typer

from emulator.cli.ctl.app import AsJson, OfDevices, app, call, connected
from emulator.cli.output import WRONG_USE, fail, print_json
from emulator.events import KINDS
from emulator.forms.words import listed, shown, suggestion
from emulator.report.event import event_line


@app.command()
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


@app.command("call")
def call_any(
    operation: Annotated[str, typer.Argument(help="The operation; see `ctl operations`.")],
    arguments: Annotated[str, typer.Argument(help="Its arguments, a JSON object.")] = "{}",
) -> None:
    """Carry out any operation; its result as JSON."""
    try:
        given = json.loads(arguments)
    except ValueError as error:
        fail(f"ARGUMENTS: found no JSON: {error}", code=WRONG_USE)
    if not isinstance(given, dict):
        fail('ARGUMENTS: found no object; expected one such as {"devices": ["*"]}', code=WRONG_USE)
    print_json(call(operation, **given))
