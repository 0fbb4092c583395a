"""Groups whose commands are imported once they are wanted.

`ctl` asks an emulator that runs already: it need not wait until all that a device is made of has
been imported.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

import typer
import typer.main
from typer.core import TyperGroup


class LazyGroup(TyperGroup):
    """A group of commands that are named with the places they come from.

    Attributes:
        PLACES: each command's name, and MODULE:NAME of its function or of its own group.
        SETTINGS: what commands are given beside, by their names.
    """

    PLACES: ClassVar[Mapping[str, str]] = {}
    SETTINGS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands, in the order in which they are told."""
        del ctx
        return list(self.PLACES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, which is imported if it was not before; None: there is none.

        Then all of them are imported, so that the group knows which name is near.
        """
        del ctx
        for name in [cmd_name] if cmd_name in self.PLACES else self.PLACES:
            if name not in self.commands:
                self.commands[name] = self._made(name)
        return self.commands.get(cmd_name)

    def _made(self, name: str) -> Any:
        module, _, attribute = self.PLACES[name].partition(":")
        found = getattr(import_module(module), attribute)
        around = typer.Typer(
            add_completion=False,
            rich_markup_mode=self.rich_markup_mode,
            pretty_exceptions_show_locals=False,
        )
        if isinstance(found, typer.Typer):
            around.add_typer(found, name=name)
        else:
            around.command(name, context_settings=dict(self.SETTINGS.get(name, {})))(found)
        # With a callback it is a group, from which the one command is taken.
        around.callback()(_nothing)
        group = typer.main.get_group(around)
        return group.commands[name]


def _nothing() -> None:
    """What the group does that is there only for its command."""
