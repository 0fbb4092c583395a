"""`ctl set`, `apply`, `measure`, `slot`, `reset`, `drop`, `reload` and `stop`: changing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from emulator.cli.ctl.app import AsJson, OfDevices, app, call, connected, print_result
from emulator.cli.output import WRONG_USE, fail
from emulator.profile import syntax
from emulator.profile.tree import plain

slots = typer.Typer(no_args_is_help=True, help="Certificate slots.")
app.add_typer(slots, name="slot")

Reset = Annotated[
    bool,
    typer.Option("--reset", help="For open connections too: the device itself changes and resets."),
]


def _each(found: dict[str, Any], what: str) -> Iterator[str]:
    for name, value in found.items():
        told = ", ".join(map(str, value)) if isinstance(value, list) else value
        yield f"{name}: {what} {told}" if told != "" else f"{name}: nothing"


@app.command("set")
def set_values(
    settings: Annotated[list[str], typer.Argument(metavar="PATH=VALUE...", help="What to change.")],
    devices: OfDevices = None,
    reset: Reset = False,
    as_json: AsJson = False,
) -> None:
    """Change profile values, for the connections to come."""
    holds = "reset" if reset else "new"
    found = call("profile.set", devices=devices, set=settings, holds=holds)
    print_result(found, _each(found, "changed"), as_json=as_json)


@app.command()
def apply(
    profile: Annotated[str, typer.Argument(help="Ready profile's name, or a file.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="On top; repeatable.")
    ] = None,
    devices: OfDevices = None,
    reset: Reset = False,
    as_json: AsJson = False,
) -> None:
    """Give devices another profile, for the connections to come."""
    holds = "reset" if reset else "new"
    found = call("profile.apply", devices=devices, profile=profile, set=settings, holds=holds)
    print_result(found, _each(found, "changed"), as_json=as_json)


@app.command()
def measure(
    index: Annotated[int, typer.Argument(help="The measurement's index.")],
    text: Annotated[str | None, typer.Option(help="Its value, before any digest, as text.")] = None,
    value: Annotated[str | None, typer.Option("--hex", help="The same as hex digits.")] = None,
    at_reset: Annotated[
        bool, typer.Option("--at-reset", help="It changes when the device is reset.")
    ] = False,
    devices: OfDevices = None,
    as_json: AsJson = False,
) -> None:
    """Change what devices measure."""
    when = "reset" if at_reset else "now"
    found = call(
        "measurement.change", devices=devices, index=index, text=text, hex=value, when=when
    )
    print_result(found, _each(found, "measurements are generation"), as_json=as_json)


@slots.command("swap")
def swap(
    slot: Annotated[int, typer.Argument(help="A slot.")] = 0,
    other: Annotated[int, typer.Argument(help="The other one.")] = 1,
    devices: OfDevices = None,
    as_json: AsJson = False,
) -> None:
    """Let two slots change their chains and keys."""
    found = call("slot.swap", **{"devices": devices, "slot": slot, "with": other})
    print_result(found, _each(found, "has chains in slots"), as_json=as_json)


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
    print_result(found, _each(found, "has chains in slots"), as_json=as_json)


@app.command()
def reset(
    resynch: Annotated[bool, typer.Option(help="Tell requesters by ERROR RequestResynch.")] = False,
    devices: OfDevices = None,
    as_json: AsJson = False,
) -> None:
    """Reset devices; their connections stay, and forget what was agreed."""
    found = call("device.reset", devices=devices, resynch=resynch)
    print_result(found, _each(found, "resets:"), as_json=as_json)


@app.command()
def drop(
    connection: Annotated[
        int | None, typer.Option(help="One connection's number; default: all.")
    ] = None,
    devices: OfDevices = None,
    as_json: AsJson = False,
) -> None:
    """End connections."""
    found = call("connections.drop", devices=devices, connection=connection)
    print_result(found, _each(found, "connections dropped:"), as_json=as_json)


@app.command()
def reload(as_json: AsJson = False) -> None:
    """Read the fleet's file again."""
    found = call("fleet.reload")
    print_result(found, _each(found, ""), as_json=as_json)


@app.command()
def stop() -> None:
    """End the emulator."""
    call("emulator.stop")
