"""`ctl fault`: arming, listing and clearing faults of live devices."""

from pathlib import Path
from typing import Annotated, Any

import typer

from emulator.cli.ctl.app import AsJson, Devices, OfDevices, call, print_result

faults = typer.Typer(no_args_is_help=True, help="Faults of live devices.")


def _armed(found: dict[str, list[str]], as_json: bool) -> None:
    lines = (f"{name}: armed: {', '.join(rules) or 'none'}" for name, rules in found.items())
    print_result(found, lines, as_json=as_json)


@faults.command()
def add(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Presets; see `faults list`.")
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option("--faults", metavar="FILE", help="A file of fault rules; repeatable."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="In place of rules of the same name.")
    ] = False,
    devices: OfDevices = None,
    as_json: AsJson = False,
) -> None:
    """Arm faults, from the next request on; open connections included."""
    rules = _rules(files) if files else []
    found = call("faults.add", devices=devices, presets=names, rules=rules, replace=replace)
    _armed(found, as_json)


@faults.command("list")
def list_faults(devices: Devices = None, as_json: AsJson = False) -> None:
    """The faults that are armed, and how often each has reached in."""
    found: dict[str, list[dict[str, Any]]] = call("faults.list", devices=devices)
    lines = (
        f"{name}: {one['name']} at {one['stage']}, fired {one['fired']} times"
        for name, rules in found.items()
        for one in rules
    )
    print_result(found, lines, as_json=as_json)


@faults.command()
def clear(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Rules, or presets; default: all."),
    ] = None,
    devices: OfDevices = None,
    as_json: AsJson = False,
) -> None:
    """Clear faults, from the next request on."""
    _armed(call("faults.clear", devices=devices, names=names or None), as_json)


def _rules(files: list[Path]) -> list[dict[str, Any]]:
    """The rules of files, as the emulator is told them."""
    from emulator.cli.options import rules_or_exit  # noqa: PLC0415 - slow, and for files alone

    rules = rules_or_exit(None, files)
    return [rule.model_dump(mode="json", by_alias=True, exclude_defaults=True) for rule in rules]
