import json

import jsonschema
import pytest
from typer.testing import CliRunner

from emulator.cli.main import app
from emulator.profile.catalogue import LIST_SCHEMA, SHOW_SCHEMA
from emulator.profile.faults import presets


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["faults", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_list_has_every_preset() -> None:
    lines = run("list").splitlines()
    assert [line.split()[0] for line in lines] == list(presets())
    [busy] = [line for line in lines if line.startswith("busy-once ")]
    assert busy.split(maxsplit=3)[1:] == [
        "request",
        "accept",
        "The first CHALLENGE is answered with ERROR Busy",
    ]


def test_the_list_for_programs() -> None:
    told = json.loads(run("list", "--json"))
    jsonschema.validate(told, dict(LIST_SCHEMA))
    assert [row["name"] for row in told["presets"]] == list(presets())


def test_at_a_terminal_the_list_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.cli.faults.at_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    shown = run("list")
    assert "expect" in shown.splitlines()[1]
    assert "busy-once" in shown


def test_a_preset_is_shown_as_a_file_of_faults() -> None:
    text = run("show", "version-downgrade")
    assert (
        "# preset: version-downgrade (stage signed)\n# device: nvme-ssd\n# expect: reject\n" in text
    )
    assert "\nfaults: 1\n" in text
    assert "  - name: version-downgrade\n    on:\n      message: VERSION\n" in text


def test_at_a_terminal_it_has_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.cli.faults.at_terminal", lambda: True)
    assert "faults: 1" in run("show", "busy-once")


def test_a_preset_for_programs() -> None:
    told = json.loads(run("show", "certificate-endless", "--json"))
    jsonschema.validate(told, dict(SHOW_SCHEMA))
    assert told["stages"] == ["request", "message"]
    assert "DMTF/libspdm#484" in told["echoes"]


def test_a_name_that_is_near_is_suggested() -> None:
    result = CliRunner().invoke(app, ["faults", "show", "bussy-once"])
    assert result.exit_code == 2
    assert result.stderr == (
        'preset: found "bussy-once"; expected a name that `spdm-emulator faults list` has;'
        " did you mean busy-once?\n"
    )
