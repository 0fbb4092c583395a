import os
import subprocess
from pathlib import Path

import pytest
from interop.serving import COMMAND
from typer.testing import CliRunner

from emulator import __version__
from emulator.cli.main import app

COMMANDS = ("serve", "attest", "demo", "show", "replay", "qemu", "profile", "certs")


def test_says_its_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout == f"spdm-emulator {__version__}\n"


def test_help_lists_every_command_and_the_exit_codes() -> None:
    done = subprocess.run([COMMAND, "--help"], capture_output=True, text=True, check=True)
    for command in COMMANDS:
        assert command in done.stdout
    assert "0 good, 1 the thing tested failed, 2 wrong use" in " ".join(done.stdout.split())
    assert "╭" not in done.stdout, "plain text when piped"


def test_without_a_command_it_shows_help() -> None:
    result = CliRunner().invoke(app, [])
    assert "Usage" in result.output
    assert result.exit_code == 2


@pytest.mark.parametrize("arguments", [["--log-level", "loud", "demo"], ["nonsense"]])
def test_wrong_use_ends_with_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_completes_commands_in_a_shell() -> None:
    done = subprocess.run(
        [COMMAND],
        env={
            **os.environ,
            "_SPDM_EMULATOR_COMPLETE": "complete_bash",
            "COMP_WORDS": "spdm-emulator prof",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["profile"]


def test_is_typed_for_those_who_import_it() -> None:
    import emulator  # noqa: PLC0415 - its place is what is asked for

    assert (Path(str(emulator.__file__)).parent / "py.typed").exists()
