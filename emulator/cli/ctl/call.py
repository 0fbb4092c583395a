"""`ctl call`: any operation."""

import json
from typing import Annotated

import typer

from emulator.cli.ctl.app import call
from emulator.cli.output import WRONG_USE, fail, print_json


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
