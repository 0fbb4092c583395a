"""`spdm-emulator faults`: the catalogue of presets."""

import textwrap
from typing import Annotated

import typer
from rich import box
from rich.syntax import Syntax
from rich.table import Table

from emulator.cli.output import WRONG_USE, at_terminal, fail, print_json, stdout
from emulator.errors import ProfileError
from emulator.faults.catalogue import Preset
from emulator.profile import catalogue
from emulator.profile.faults import find_preset, presets

app = typer.Typer(help="List and show the presets of faults.", no_args_is_help=True)

As_json = Annotated[bool, typer.Option("--json", help="One JSON document.")]

_WIDTH = 98


@app.command("list")
def list_command(as_json: As_json = False) -> None:
    """List the presets: name, stages, what a sound requester comes to, and what the device does."""
    known = presets().values()
    if as_json:
        print_json(catalogue.listing(known))
        return
    table = Table("name", "stage", "expect", "title", box=box.SIMPLE_HEAD)
    for preset in known:
        table.add_row(preset.name, ", ".join(catalogue.stages(preset)), preset.expect, preset.title)
    if at_terminal():
        stdout().print(table)
        return
    width = max(map(len, presets()))
    for preset in known:
        stages = ",".join(catalogue.stages(preset))
        print(f"{preset.name:{width}}  {stages:15}  {preset.expect}  {preset.title}")


@app.command("show")
def show_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name that `faults list` has.")],
    as_json: As_json = False,
) -> None:
    """Show a preset: what is asked of a requester and why, and its rules as a file of faults.

    What it prints can be written to a file, changed, and given to `serve --faults`. Exit codes:
    0 good, 2 there is no such preset.
    """
    try:
        preset = find_preset(name)
    except ProfileError as error:
        fail(error.problems, code=WRONG_USE)
    if as_json:
        print_json(catalogue.whole(preset))
        return
    text = _comments(preset) + catalogue.rules_file(preset)
    if at_terminal():
        stdout().print(Syntax(text, "yaml", background_color="default", word_wrap=True))
    else:
        print(text, end="")


def _comments(preset: Preset) -> str:
    told = {
        "preset": f"{preset.name} (stage {', '.join(catalogue.stages(preset))})",
        "device": preset.profile or "any",
        "expect": preset.expect,
        "must": preset.must,
        "source": preset.source,
        "echoes": preset.echoes,
    }
    lines = [
        textwrap.fill(
            f"{key}: {value}", _WIDTH, initial_indent="# ", subsequent_indent="#   ",
            break_long_words=False, break_on_hyphens=False,
        )
        for key, value in told.items()
        if value
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
