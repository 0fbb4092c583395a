"""`spdm-emulator profile`."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from emulator.cli.profile import app
from emulator.profile import find, new, ready, schema

SOUND = "profile: 1\nextends: nvme-ssd\nname: sound\n"


def _run(*arguments: str | Path) -> Result:
    words: Sequence[str] = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, words)


def test_check_takes_all_ready_profiles_by_default() -> None:
    result = _run("check")
    assert result.exit_code == 0
    assert result.stdout == "".join(f"{name}: good\n" for name in ready())


def test_check_tells_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(f"{SOUND}versions: [1.2]\ntiming: {{delay: x}}\n")
    result = _run("check", "nvme-ssd", path)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "nvme-ssd: good",
        (
            f'{path}:4:12: versions[0]: found the number 1.2; expected one of "1.0", "1.1",'
            ' "1.2", "1.3", "1.4",'
            ' in quotes: "1.2"'
        ),
        (
            f'{path}:5:17: timing.delay: found "x"; expected a number from 0 to 600 or text such as'
            " 20ms"
        ),
    ]


def test_check_of_no_profile_is_wrong_use(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("profile: 1\n")
    result = _run("check", path, "nvme-sd")
    assert result.exit_code == 2
    assert result.stdout.splitlines()[-1] == (
        f"nvme-sd: found no such profile; expected one of {', '.join(ready())}, or the path of a"
        " file; did you mean nvme-ssd?"
    )


def test_check_in_json_with_settings() -> None:
    result = _run("check", "nvme-ssd", "linux-cma", "--set", "sizes.transmit=230", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == [
        {
            "profile": "nvme-ssd",
            "good": False,
            "problems": [
                (
                    "--set sizes.transmit: sizes.transmit: found 230 bytes; expected at least 238,"
                    " the size of CHALLENGE_AUTH in 1.3 with SHA_384 and ECDSA_P384"
                )
            ],
        },
        {"profile": "linux-cma", "good": True, "problems": []},
    ]


def test_check_at_another_time() -> None:
    result = _run("check", "nvme-ssd", "--at", "2020-01-01")
    assert result.exit_code == 1
    assert "expected certificates that are valid at 2020-01-01 00:00:00 UTC" in result.stdout


@pytest.mark.parametrize(("setting", "code"), [("transmit", 2), ("sizes.transmit=1", 1)])
def test_show_tells_problems_on_stderr(setting: str, code: int) -> None:
    result = _run("show", "nvme-ssd", "--set", setting)
    assert result.exit_code == code
    assert result.stdout == ""
    assert "expected" in result.stderr


def test_show_can_be_loaded_again(tmp_path: Path) -> None:
    result = _run("show", "nvme-ssd", "--set", "name=another", "--set", "identity.serial=1")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"# file: {find('nvme-ssd')}\n# subjectAltName: Vendor=1b36:")
    path = tmp_path / "p.yaml"
    path.write_text(result.stdout)
    again = _run("show", path)
    assert again.stdout.splitlines()[1:] == result.stdout.splitlines()[1:]


def test_show_in_json() -> None:
    told = json.loads(_run("show", "nvme-ssd", "--json").stdout)
    assert told["profile"]["identity"]["vendor"] == 0x1B36
    assert told["san"].startswith("Vendor=1b36:")
    assert [chain["asym"] for chain in told["chains"]] == ["ECDSA_P384", "ECDSA_P256"]


def test_show_is_coloured_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.cli.profile.at_terminal", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in _run("show", "nvme-ssd").stdout


def test_schema() -> None:
    assert json.loads(_run("schema").stdout) == schema()


def test_list() -> None:
    lines = _run("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ready()
    assert any(line.split()[:3] == ["nvme-ssd", "1.2,", "1.3"] for line in lines)
    told = json.loads(_run("list", "--json").stdout)
    assert [row["name"] for row in told] == ready()
    assert [row["file"] for row in told] == [str(find(name)) for name in ready()]


def test_new_prints_or_writes(tmp_path: Path) -> None:
    assert _run("new", "mine").stdout == new("mine")
    path = tmp_path / "p.yaml"
    result = _run("new", "mine", "--output", path)
    assert (result.exit_code, path.read_text()) == (0, new("mine"))
    assert result.stdout == f"{path}: written; try `spdm-emulator profile check {path}`\n"
    assert _run("check", path).exit_code == 0


def test_new_replaces_no_file(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("precious")
    result = _run("new", "mine", "-o", path)
    assert (result.exit_code, path.read_text()) == (2, "precious")
    assert result.stderr == f"{path}: found a file; expected none, so choose another --output\n"
    result = _run("new", "mine", "-o", tmp_path / "no" / "folder")
    assert result.exit_code == 2
    assert "No such file or directory" in result.stderr
