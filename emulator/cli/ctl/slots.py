"""`ctl slot`: certificate slots of live devices."""

from pathlib import Path
from typing import Annotated, Any

import typer

from emulator.cli.ctl.app import AsJson, OfDevices, call, connected, each, print_result
from emulator.cli.output import WRONG_USE, fail
from emulator.profile import syntax
from emulator.profile.tree import plain

slots = typer.Typer(no_args_is_help=True, help="Certificate slots.")


@slots.command("swap")
def swap(
    slot: Annotated[int, typer.Argument(help="A slot.")] = 0,
    other: Annotated[int, typer.Argument(help="The other one.")] = 1,
    devices: OfDevices = None,
    as_json: AsJson = False,
) -> None:
    """Let two slots change their chains and keys."""
    found = call("slot.swap", **{"devices": devices, "slot": slot, "with": other})
    print_result(found, each(found, "has chains in slots"), as_json=as_json)


@slots.command("set")
def set_slot(
    slot: Annotated[int, typer.Argument(help="The slot.")],
    contents: Annotated[
        str,
        typer.Argument(help="As in a profile: auto, {auto: {model: alias}}, or null to empty it."),
    ],
    devices: OfDevices = None,
    as_json: AsJson = False,
) -> None:
    """Let a slot hold other chains."""
    read, problems = syntax.parse(contents, "CONTENTS", Path(), lines=False)
    if problems or read is None:
        fail([f"{place.file}: {problem}" for place, problem in problems], code=WRONG_USE)
    # call() leaves out what is None, which empties a slot here.
    given: dict[str, Any] = {"slot": slot, "contents": plain(read)}
    with connected() as client:
        found = client.call("slot.set", **given, **({"devices": devices} if devices else {}))
    print_result(found, each(found, "has chains in slots"), as_json=as_json)
