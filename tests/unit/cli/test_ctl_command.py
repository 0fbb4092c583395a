"""`ctl` against a device that listens."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from emulator import events
from emulator.campaign.hosted import HostedDevice, host
from emulator.cli.main import app
from emulator.cli.reaching import CONTROL_VARIABLE
from emulator.control.operation import OPERATIONS


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostedDevice]:
    with host(seed="x") as device:
        monkeypatch.setenv(CONTROL_VARIABLE, device.control)
        yield device


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["ctl", *arguments])


def run(*arguments: str) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def as_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def refused(*arguments: str) -> tuple[int, str]:
    result = invoke(*arguments)
    return result.exit_code, " ".join(result.stderr.split())


@pytest.mark.usefixtures("device")
def test_devices_are_asked_about() -> None:
    assert as_json("info")["devices"] == 1
    assert "devices: 1" in run("info").splitlines()
    assert list(as_json("devices")) == ["nvme-ssd"]
    assert re.search(r"nvme-ssd +127\.0\.0\.1:\d+ +nvme-ssd +0 +0", run("devices"))
    assert as_json("device", "nvme-*")["nvme-ssd"]["asym"] == ["ECDSA_P384", "ECDSA_P256"]
    assert "  asym: ECDSA_P384, ECDSA_P256" in run("device").splitlines()
    assert json.loads(run("get", "sizes.transmit")) == {"nvme-ssd": 4600}
    assert json.loads(run("snapshot"))["nvme-ssd"]["values"]["name"] == "nvme-ssd"
    assert run("connections") == ""


@pytest.mark.usefixtures("device")
def test_faults_are_armed_listed_and_cleared(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("faults: 1\nrules: [{name: mine, do: [busy]}]\n", encoding="utf-8")
    assert run("fault", "list") == ""
    told = run("fault", "add", "busy-once", "--faults", str(rules), "-d", "nvme-ssd")
    assert told == "nvme-ssd: armed: busy-once, mine\n"
    assert "nvme-ssd: mine at request, fired 0 times" in run("fault", "list").splitlines()
    assert run("fault", "clear", "busy-once") == "nvme-ssd: armed: mine\n"
    assert as_json("fault", "clear") == {"nvme-ssd": []}


@pytest.mark.usefixtures("device")
def test_devices_are_changed() -> None:
    assert run("measure", "1", "--text", "x") == "nvme-ssd: measurements are generation 1\n"
    assert run("measure", "2", "--hex", "00", "--at-reset").endswith("generation 2\n")
    assert run("set", "sizes.transmit=1024", "--reset") == "nvme-ssd: changed sizes.transmit\n"
    assert run("set", "sizes.transmit=1024") == "nvme-ssd: nothing\n"
    assert run("slot", "set", "1", "{auto: {model: device}}").endswith("in slots 0, 1\n")
    assert run("key-update") == "nvme-ssd: sessions to ask: 0\n"
    assert run("slot", "swap") == "nvme-ssd: has chains in slots 0, 1\n"
    assert run("slot", "set", "1", "null", "-d", "nvme*").endswith("in slots 0\n")
    assert run("reset", "--resynch") == "nvme-ssd: resets: 2\n"
    assert run("drop") == "nvme-ssd: connections dropped: 0\n"
    assert "versions" in run("apply", "minimal-1.0", "--set", "name=other")
    assert json.loads(run("get", "name")) == {"nvme-ssd": "other"}


@pytest.mark.usefixtures("device")
def test_what_is_served_is_recorded(tmp_path: Path) -> None:
    file = tmp_path / "live.pcap"
    assert run("record", "status") == "nothing is recorded\n"
    assert run("record", "start", str(file)) == f"{file}: 0 packets, 0 bytes\n"
    assert as_json("record", "status")["file"] == str(file)
    assert run("record", "stop") == f"{file}: 0 packets, 0 bytes\n"


def test_events_are_watched(device: HostedDevice) -> None:
    seen: list[str] = []
    watching = threading.Thread(
        target=lambda: seen.append(run("watch", "--kind", "device.*", "--count", "2", "--json"))
    )
    watching.start()
    while watching.is_alive():
        device.reset()
    watching.join()
    told = [json.loads(line) for line in seen[0].splitlines()]
    assert [event["event"] for event in told] == ["device.reset"] * 2
    for event in told:
        jsonschema.Draft202012Validator(events.schema()).validate(event)


def test_events_are_shown_in_lines(device: HostedDevice) -> None:
    seen: list[str] = []
    watching = threading.Thread(
        target=lambda: seen.append(run("watch", "-k", "faults.*", "--count", "1"))
    )
    watching.start()
    while watching.is_alive():
        device.clear()
    watching.join()
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} nvme-ssd: faults\.changed rules=\[\]\n", seen[0])


@pytest.mark.usefixtures("device")
def test_any_operation_is_called() -> None:
    assert json.loads(run("call", "device.reset", '{"resynch": true}')) == {"nvme-ssd": 1}


def test_what_needs_no_emulator() -> None:
    assert json.loads(run("schema")) == events.schema()
    told = as_json("operations")
    assert told.keys() == OPERATIONS.keys()
    assert run("operations").splitlines() == [f"{name}: {told[name]['about']}" for name in told]


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["device", "gpu"], 'devices: found "gpu"; expected a device of nvme-ssd'),
        (["fault", "add", "nope"], 'preset: found "nope"; expected a name that'),
        (["watch", "--kind", "stpe"], '--kind: found "stpe"; expected one of emulator.up'),
        (["call", "device.reset", "{"], "ARGUMENTS: found no JSON: "),
        (["call", "device.reset", "[]"], "ARGUMENTS: found no object; expected one such as"),
        (["slot", "set", "1", "[a"], "CONTENTS: [1]: found a mistake in the syntax"),
        (["reload"], "fleet.reload: the devices come from no fleet file"),
        (["stop"], "emulator.stop: this one is not to be ended from outside"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], told: str) -> None:
    code, text = refused(*arguments)
    assert code == 2
    assert text.startswith(told)


def test_where_no_emulator_is(tmp_path: Path) -> None:
    code, text = refused("info")
    assert code == 2
    assert text.startswith(
        "ctl: found no socket; expected --control PATH, or SPDM_EMULATOR_CONTROL"
    )
    code, text = refused("--control", str(tmp_path / "none"), "info")
    assert code == 2
    assert text.endswith(
        "No such file or directory; expected the socket of a running `serve --control`"
    )
