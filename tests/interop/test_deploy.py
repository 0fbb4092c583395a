"""The unit of systemd and the compose file in docs/deploy: correct, and what they promise."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import typer.main
from interop import dockerfile
from interop.serving import COMMAND
from ruamel.yaml import YAML
from support import require_or_skip
from typer.core import TyperGroup

from emulator.cli.main import app

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
UNIT = DEPLOY / "spdm-emulator.service"
INSTALLED = "/usr/local/lib/spdm-emulator/bin/spdm-emulator"
MOST_EXPOSED = 1.0
PATIENCE = 20.0


def tool(name: str, package: str) -> str:
    """The path of a program that is no part of the project."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    require_or_skip(found is not None, f"{name} not found: apt-get install {package}")
    return str(found)


def systemd_analyze(*arguments: str) -> "subprocess.CompletedProcess[str]":
    program = tool("systemd-analyze", "systemd")
    return subprocess.run([program, *arguments], check=False, capture_output=True, text=True)


def settings() -> dict[str, list[str]]:
    """The unit's settings, each with its values in order."""
    text = UNIT.read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def command_line(folder: Path) -> list[str]:
    """What the unit starts, its runtime folder being this one."""
    (line,) = settings()["ExecStart"]
    program, *words = line.replace("%t/spdm-emulator", str(folder)).split()
    assert program == INSTALLED
    options = ["--port", "0", "--json"]
    swapped = {"$OPTIONS": options, "$PROFILES": ["nvme-ssd"]}
    return [str(COMMAND), *(word for one in words for word in swapped.get(one, [one]))]


def parsed(*arguments: str) -> dict[str, Any]:
    """The values of a command line that means something; what does not is an exception."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    outer = group.make_context("spdm-emulator", list(arguments))
    name, command, rest = group.resolve_command(outer, [*outer._protected_args, *outer.args])
    assert command is not None
    return dict(command.make_context(name, rest, parent=outer).params)


def test_the_unit_is_correct(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8")
    assert text.count(INSTALLED) == 1
    copy.write_text(text.replace(INSTALLED, str(COMMAND)), encoding="utf-8")
    done = systemd_analyze("verify", str(copy))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_unit_is_sandboxed() -> None:
    threshold = str(int(MOST_EXPOSED * 10))
    done = systemd_analyze(
        "security", "--offline=true", f"--threshold={threshold}", "--no-pager", str(UNIT)
    )
    assert done.returncode == 0, done.stdout
    (exposure,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert float(exposure) <= MOST_EXPOSED


def test_the_units_command_line_means_something(tmp_path: Path) -> None:
    values = parsed(*command_line(tmp_path)[1:])
    assert values["profiles"] == ["nvme-ssd"]
    assert values["control"] == tmp_path / "control.sock"
    (stop,) = settings()["TimeoutStopSec"]
    assert values["grace"] < int(stop.removesuffix("s"))


@contextmanager
def traced(folder: Path) -> Iterator["tuple[subprocess.Popen[str], int]"]:
    """What the unit starts, its system calls written to `trace`; the process and its port."""
    strace = tool("strace", "strace")
    process = subprocess.Popen(
        [strace, "-f", "-qq", "-o", str(folder / "trace"), *command_line(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        yield process, json.loads(line)["port"]
    finally:
        # What is traced would live on without who traces it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE)


def allowed() -> set[str]:
    """The system calls that the unit's filter lets through."""
    calls: set[str] = set()
    for line in settings()["SystemCallFilter"]:
        named = {call for one in line.removeprefix("~").split() for call in group(one)}
        calls = calls - named if line.startswith("~") else calls | named
    return calls


def group(name: str) -> set[str]:
    """The system calls of a group, and those of the groups in it."""
    done = systemd_analyze("syscall-filter", name)
    words = re.findall(r"^    (@?[\w-]+)$", done.stdout, re.MULTILINE)
    assert words, done.stderr
    return {call for word in words for call in (group(word) if word[0] == "@" else {word})}


def test_the_sandbox_lets_all_through_that_is_needed(tmp_path: Path) -> None:
    """A conversation under strace: every call is one that the unit's sandbox allows."""
    with traced(tmp_path) as (process, port):
        done = subprocess.run(
            [COMMAND, "attest", f"127.0.0.1:{port}", "--json"], check=False, capture_output=True
        )
        assert done.returncode == 0
        asked = [str(COMMAND), "ctl", "--control", str(tmp_path / "control.sock"), "devices"]
        assert subprocess.run(asked, check=False, capture_output=True).returncode == 0
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        (own,) = map(int, children.read_text(encoding="ascii").split())
        for number in (signal.SIGHUP, signal.SIGTERM):
            os.kill(own, number)
        assert process.wait(PATIENCE) == 0
    trace = (tmp_path / "trace").read_text(encoding="utf-8", errors="replace")
    # The first call is the execution itself, which the manager does.
    calls = re.findall(r"^\d+ +(\w+)\((.*)$", trace, re.MULTILINE)
    assert len(calls) > 1000
    used = {name for name, _ in calls}
    assert sorted(used - allowed()) == []
    families = {what.split(",")[0] for name, what in calls if name in ("socket", "socketpair")}
    assert families <= set(settings()["RestrictAddressFamilies"][0].split())
    for name, what in calls:
        if name in ("mmap", "mprotect"):
            assert not re.search(r"PROT_WRITE\|PROT_EXEC", what), f"{name}({what}"
        if name == "mprotect":
            assert "PROT_EXEC" not in what, f"{name}({what}"


def compose() -> dict[str, Any]:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    read: dict[str, Any] = YAML(typ="safe").load(text)
    return read


def test_compose_builds_what_there_is_and_starts_it_rightly() -> None:
    devices = compose()["services"]["devices"]
    stages = dockerfile.read((DEPLOY / devices["build"]).resolve())
    (entry,) = stages[-1].every("ENTRYPOINT")
    own: list[str] = devices["command"]
    program, *words = [*entry.command(), *own]
    assert program == "spdm-emulator"
    values = parsed(*words)
    assert values["host"] == "0.0.0.0"  # noqa: S104 - inside the container
    assert values["profiles"] == ["nvme-ssd", "gpu"]
    stop = int(devices["stop_grace_period"].removesuffix("s"))
    assert values["grace"] < stop


def test_compose_publishes_on_the_loopback_alone() -> None:
    services = compose()["services"]
    for name, service in services.items():
        assert service["ports"], name
        assert all(one.startswith("127.0.0.1:") for one in service["ports"])
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["mem_limit"]
    assert set(services["devices"]["depends_on"]) <= set(services)


def test_composes_environment_is_what_the_command_reads(tmp_path: Path) -> None:
    environment = compose()["services"]["devices"]["environment"]
    group = typer.main.get_command(app)
    assert set(environment) <= {one.envvar for one in group.params}
    file = tmp_path / "log"
    with subprocess.Popen(
        [COMMAND, "serve", "--port", "0", "--json"],
        env={**environment, "SPDM_EMULATOR_LOG_FILE": str(file), "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline()
        process.terminate()
    told = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert told[-1]["message"] == "SIGTERM: stopping"


def test_the_brokers_configuration_is_one(tmp_path: Path) -> None:
    """A real broker takes it: its listener is on another port, and on the loopback."""
    (mount,) = compose()["services"]["broker"]["volumes"]
    text = (DEPLOY / mount.partition(":")[0]).read_text(encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert text.count("listener 1883\n") == 1
    copy = tmp_path / "mosquitto.conf"
    copy.write_text(
        text.replace("listener 1883\n", f"listener {port} 127.0.0.1\n"), encoding="utf-8"
    )
    broker = subprocess.Popen(
        [tool("mosquitto", "mosquitto"), "-c", str(copy)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    check = compose()["services"]["broker"]["healthcheck"]["test"]
    client = tool("mosquitto_sub", "mosquitto-clients")
    words = [one.replace("$$", "$") for one in check[2:]]
    try:
        until = time.monotonic() + PATIENCE
        health = None
        while health is None or (health.returncode and time.monotonic() < until):
            health = subprocess.run(
                [client, "-p", str(port), *words], check=False, capture_output=True, text=True
            )
        assert health.returncode == 0, health.stderr
        assert health.stdout.endswith("seconds\n")
    finally:
        broker.terminate()
        said, _ = broker.communicate(timeout=PATIENCE)
    assert "Error" not in said


@pytest.mark.parametrize("file", ["spdm-emulator.service", "compose.yaml", "mosquitto.conf"])
def test_the_how_to_names_each_file(file: str) -> None:
    page = (ROOT / "docs" / "how-to" / "deploy.md").read_text(encoding="utf-8")
    assert f"](../deploy/{file})" in page
