"""`ctl watch`: the events as they come, and `ctl call`: any operation."""

import contextlib
import json
from itertools import islice
from typing import Annotated, Any

import typer

from emulator.cli.ctl.app import AsJson, OfDevices, app, call, connected
from emulator.cli.output import WRONG_USE, fail, print_json
from emulator.events import KINDS
from emulator.forms.words import listed, shown, suggestion

_HEAD = frozenset(("v", "event", "time", "emulator", "sequence", "device", "connection"))


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
                print(_line(event), flush=True)


def _line(event: dict[str, Any]) -> str:
    """An event for a person."""
    where = event.get("device", event.get("emulator", ""))
    if "connection" in event:
        where += f" connection {event['connection']}"
    rest = " ".join(f"{name}={_short(value)}" for name, value in event.items() if name not in _HEAD)
    return f"{event.get('time', '')[11:23]} {where}: {event['event']} {rest}".strip()


def _short(value: Any) -> str:
    return value if isinstance(value, str) and " " not in value else json.dumps(value)


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
