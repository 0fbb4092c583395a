"""`ctl set`, `apply`, `measure`, `reset`, `drop`, `reload` and `stop`: changing."""

from typing import Annotated

import typer

from emulator.cli.ctl.app import AsJson, OfDevices, call, each, print_result

Reset = Annotated[
    bool,
    typer.Option("--reset", help="For open connections too: the device itself changes and resets."),
]


def set_values(
    settings: Annotated[list[str], typer.Argument(metavar="PATH=VALUE...", help="What to change.")],
    devices: OfDevices = None,
    reset: Reset = False,
    as_json: AsJson = False,
) -> None:
    """Change profile values, for the connections to come."""
    holds = "reset" if reset else "new"
    found = call("profile.set", devices=devices, set=settings, holds=holds)
    print_result(found, each(found, "changed"), as_json=as_json)


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
    print_result(found, each(found, "changed"), as_json=as_json)


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
    print_result(found, each(found, "measurements are generation"), as_json=as_json)


def key_update(devices: OfDevices = None, as_json: AsJson = False) -> None:
    """Let devices take a new key of their own in every session, once requesters ask."""
    found = call("sessions.key-update", devices=devices)
    print_result(found, each(found, "sessions to ask:"), as_json=as_json)


def reset(
    resynch: Annotated[bool, typer.Option(help="Tell requesters by ERROR RequestResynch.")] = False,
    devices: OfDevices = None,
    as_json: AsJson = False,
) -> None:
    """Reset devices; their connections stay, and forget what was agreed."""
    found = call("device.reset", devices=devices, resynch=resynch)
    print_result(found, each(found, "resets:"), as_json=as_json)


def drop(
    connection: Annotated[
        int | None, typer.Option(help="One connection's number; default: all.")
    ] = None,
    devices: OfDevices = None,
    as_json: AsJson = False,
) -> None:
    """End connections."""
    found = call("connections.drop", devices=devices, connection=connection)
    print_result(found, each(found, "connections dropped:"), as_json=as_json)


def reload(as_json: AsJson = False) -> None:
    """Read the fleet's file again."""
    found = call("fleet.reload")
    print_result(found, each(found, ""), as_json=as_json)


def stop() -> None:
    """End the emulator."""
    call("emulator.stop")
