"""`spdm-emulator qemu`: what it prints, what it warns of, and what it starts."""

import json
import shlex
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner

from emulator.cli import qemu as command
from emulator.qemu.launch import INSTALL_HINT, NVME_IDENTITY

_RUNNER = CliRunner()
_NVME = command._Served("disk", NVME_IDENTITY, "127.0.0.1", 2323)
_LINE = "qemu-system-x86_64 -M q35 -device nvme,serial=spdm2323,addr=0x4,spdm_port=2323"


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """The command by itself, for a device in QEMU's own likeness."""
    _serve(monkeypatch, _NVME)
    made = typer.Typer()
    made.command("qemu")(command.qemu)
    return made


def _serve(monkeypatch: pytest.MonkeyPatch, served: command._Served) -> None:
    monkeypatch.setattr(command, "_functions_of", lambda _profile, _sets: [served])


def _started(monkeypatch: pytest.MonkeyPatch, problem: str | None = None) -> list[list[str]]:
    """The commands that would have replaced this process."""
    started: list[list[str]] = []
    monkeypatch.setattr(command, "version_problem", lambda _program: problem)
    monkeypatch.setattr("os.execvp", lambda _file, arguments: started.append(arguments))
    return started


def test_a_profile_says_who_the_device_is_and_where_it_listens() -> None:
    (served,) = command._functions_of("nvme-ssd", ["listener.port=4000"])
    assert served == command._Served("nvme-ssd", NVME_IDENTITY, "127.0.0.1", 4000)


def test_a_profile_that_is_not_there_ends_with_2() -> None:
    with pytest.raises(typer.Exit) as ended:
        command._functions_of("no-such-profile", [])
    assert ended.value.exit_code == 2


def test_it_prints_one_line_for_a_shell(app: typer.Typer) -> None:
    result = _RUNNER.invoke(app, ["disk"])
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{_LINE}\n", "")


def test_further_functions_share_the_slot() -> None:
    app = typer.Typer()
    app.command("qemu")(command.qemu)
    ran = _RUNNER.invoke(app, ["sr-iov", "--port", "4000", "--serial", "s", "--json"])
    told = json.loads(ran.stdout)
    assert [one["port"] for one in told["functions"]] == [4000, 4001, 4002]
    assert told["command"][4::2] == [
        "nvme,serial=s,addr=0x4,spdm_port=4000,multifunction=on",
        "nvme,serial=s.1,addr=0x4.0x1,spdm_port=4001",
        "nvme,serial=s.2,addr=0x4.0x2,spdm_port=4002",
    ]
    many = [f"--set=functions.f{number}.identity.serial={number}" for number in range(8)]
    refused = _RUNNER.invoke(app, ["nvme-ssd", *many])
    assert refused.exit_code == 2
    assert "nvme-ssd has 9 functions; expected at most 8" in refused.stderr


def test_arguments_after_two_dashes_are_qemus(app: typer.Typer) -> None:
    result = _RUNNER.invoke(app, ["disk", "--", "-m", "2G", "-append", "a b"])
    assert result.stdout == f"{_LINE} -m 2G -append 'a b'\n"
    assert shlex.split(result.stdout)[-1] == "a b"


def test_port_slot_serial_and_program_can_be_chosen(app: typer.Typer) -> None:
    options = ["--port", "4000", "--slot", "17", "--serial", "S1", "--qemu", "./qemu"]
    result = _RUNNER.invoke(app, ["disk", *options])
    assert result.stdout == "./qemu -M q35 -device nvme,serial=S1,addr=0x11,spdm_port=4000\n"


def test_json_tells_the_same(app: typer.Typer) -> None:
    result = _RUNNER.invoke(app, ["disk", "--json"])
    assert json.loads(result.stdout) == {
        "device": "disk",
        "port": 2323,
        "command": shlex.split(_LINE),
        "notes": [],
    }


def test_another_identity_and_address_are_noted(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(NVME_IDENTITY, vendor=0x10DE)
    _serve(monkeypatch, command._Served("gpu", other, "192.0.2.1", 2323))
    result = _RUNNER.invoke(app, ["gpu", "--json"])
    assert result.exit_code == 0
    certified, address = json.loads(result.stdout)["notes"]
    assert certified.startswith("gpu is certified as Vendor=10de:Device=0010:CC=010802:")
    assert "Linux compares the two and refuses the certificate" in certified
    assert address == "gpu listens on 192.0.2.1, but QEMU connects to 127.0.0.1 only."
    notes = [line for line in result.stderr.splitlines() if line.startswith("note: ")]
    assert len(notes) == 2


def test_run_becomes_qemu(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    started = _started(monkeypatch)
    result = _RUNNER.invoke(app, ["disk", "--run", "--", "-nographic"])
    assert (result.exit_code, result.stdout) == (0, "")
    assert started == [[*shlex.split(_LINE), "-nographic"]]


def test_run_without_a_usable_qemu_tells_what_to_install(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = _started(monkeypatch, f"qemu is version 7.2. {INSTALL_HINT}")
    result = _RUNNER.invoke(app, ["disk", "--run"])
    assert result.exit_code == 2
    assert INSTALL_HINT in result.stderr.replace("\n", " ")
    assert started == []


def test_a_port_the_system_chooses_must_be_named(
    app: typer.Typer, monkeypatch: pytest.MonkeyPatch
) -> None:
    _serve(monkeypatch, _NVME._replace(port=0))
    result = _RUNNER.invoke(app, ["disk"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "name it with --port" in result.stderr
    assert _RUNNER.invoke(app, ["disk", "--port", "2323"]).stdout == f"{_LINE}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--run", "--json"], "cannot go with --json"),
        (["--slot", "31"], "PCI slot 31 where 1 to 30 are free"),
        (["--serial", "x" * 21], "1 to 20 ASCII characters"),
    ],
)
def test_wrong_use_ends_with_2(app: typer.Typer, arguments: list[str], words: str) -> None:
    result = _RUNNER.invoke(app, ["disk", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr.replace("\n", " ")
