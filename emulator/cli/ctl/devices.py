"""`ctl info`, `devices`, `device`, `connections`, `snapshot` and the like: asking."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from emulator.cli.ctl.app import AsJson, Devices, call, print_result
from emulator.cli.output import print_json, stdout

_WIDEST = 1000
"""Columns for a table that is piped."""


def info(as_json: AsJson = False) -> None:
    """What the emulator is, and how much it does."""
    found = call("emulator.info")
    print_result(
        found, (f"{name}: {_shown(value)}" for name, value in found.items()), as_json=as_json
    )


def devices(devices: Devices = None, as_json: AsJson = False) -> None:
    """The devices, and what each has done."""
    found = call("devices.list", devices=devices)
    if as_json:
        print_json(found)
        return
    console = stdout()
    if not console.is_terminal:
        console.width = _WIDEST
    table = _table(found, ["address", "profile"])
    if (
        console.measure(table, options=console.options.update(width=_WIDEST)).maximum
        > console.width
    ):
        table = _table(found, ["address"])
    console.print(table)


def _table(found: dict[str, dict[str, Any]], texts: list[str]) -> Table:
    """The devices in a table, with these of their texts; its numbers are never cut."""
    names = [Column(head, no_wrap=True) for head in ("device", *texts)]
    heads = ("open", "requests", "errors", "faults", "fired")
    numbers = [Column(head, no_wrap=True, justify="right", min_width=len(head)) for head in heads]
    table = Table(*names, *numbers, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name, one in found.items():
        keys = ("connections", "requests", "errors", "faults", "fired")
        table.add_row(name, *(one[key] for key in texts), *(str(one[key]) for key in keys))
    return table


def device(devices: Devices = None, as_json: AsJson = False) -> None:
    """Devices in full."""
    found = call("device.get", devices=devices)
    print_result(found, _told(found, ""), as_json=as_json)


def connections(devices: Devices = None, as_json: AsJson = False) -> None:
    """The connections that are open."""
    found = call("connections.list", devices=devices)
    lines = (
        f"{name} connection {one['connection']} from {one['peer']}: {one['state']},"
        f" SPDM {one['version'] or '-'}, {one['requests']} requests"
        for name, open_ones in found.items()
        for one in open_ones
    )
    print_result(found, lines, as_json=as_json)


def get(
    path: Annotated[str, typer.Argument(help="Way to a value, such as sizes.transmit.")] = "",
    devices: Devices = None,
) -> None:
    """Values of devices' profiles, as JSON."""
    print_json(call("profile.get", path=path, devices=devices))


def snapshot(devices: Devices = None) -> None:
    """Devices in full with their profiles' values, as JSON."""
    print_json(call("snapshot", devices=devices))


def _shown(value: Any) -> str:
    return "-" if value is None else str(value)


def _told(value: Any, indent: str) -> Iterator[str]:
    """A nested value, a line each."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value, 1)
    for name, inner in pairs:
        if isinstance(inner, list) and all(isinstance(one, str | int) for one in inner):
            yield f"{indent}{name}: {', '.join(map(str, inner)) or '-'}"
        elif isinstance(inner, dict | list):
            yield f"{indent}{name}:"
            yield from _told(inner, f"{indent}  ")
        else:
            yield f"{indent}{name}: {_shown(inner)}"
