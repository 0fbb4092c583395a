"""Commands are imported once they are wanted, and are all there."""

import subprocess
import sys

import pytest
import typer.main
from typer.testing import CliRunner

from emulator.cli.ctl.app import app as ctl
from emulator.cli.main import app

SLOW = ("cryptography", "Crypto", "construct", "ruamel.yaml")
"""What takes long to import, and is not needed to ask an emulator that runs."""


@pytest.mark.parametrize("command", [["--version"], ["ctl", "info"], ["ctl", "devices"]])
def test_asking_imports_nothing_of_what_a_device_is_made_of(command: list[str]) -> None:
    code = (
        "import sys\n"
        "from emulator.cli.main import app\n"
        f"app({[*command]!r}, standalone_mode=False)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    imported = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert "emulator.cli.main" in imported
    assert imported.isdisjoint(SLOW)


@pytest.mark.parametrize("group", [app, ctl])
def test_every_command_is_there_and_says_what_it_does(group: typer.Typer) -> None:
    made = typer.main.get_group(group)
    context = made.make_context("spdm-emulator", [], resilient_parsing=True)
    for name in made.list_commands(context):
        command = made.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.help


@pytest.mark.parametrize(
    ("typed", "meant"), [(["servee"], "'serve'"), (["ctl", "devics"], "'device'")]
)
def test_a_name_that_is_near_is_suggested(typed: list[str], meant: str) -> None:
    ran = CliRunner().invoke(app, typed)
    assert ran.exit_code == 2
    assert f"No such command '{typed[-1]}'. Did you mean " in ran.stderr
    assert meant in ran.stderr
