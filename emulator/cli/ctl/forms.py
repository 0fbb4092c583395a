"""`ctl operations` and `ctl schema`: the forms of what is asked and told; they need no emulator."""

from emulator.cli.ctl.app import AsJson, print_result
from emulator.cli.output import print_json
from emulator.control.local import operations
from emulator.control.operation import OPERATIONS
from emulator.events import schema

_ = operations  # their import fills OPERATIONS


def list_operations(as_json: AsJson = False) -> None:
    """All operations; with --json, their schemas too. Needs no emulator."""
    found = {
        name: {
            "about": one.about,
            "arguments": one.arguments.model_json_schema(),
            "result": one.result.json_schema(mode="serialization"),
        }
        for name, one in sorted(OPERATIONS.items())
    }
    lines = (f"{name}: {one['about']}" for name, one in found.items())
    print_result(found, lines, as_json=as_json)


def event_schema() -> None:
    """The JSON Schema of events. Needs no emulator."""
    print_json(schema())
