"""`spdm-emulator mitm` and `demo mitm` as commands."""

import json
import socket
import subprocess
from collections.abc import Iterator

import pytest
from interop.serving import COMMAND, serving


@pytest.fixture(scope="module")
def device() -> Iterator[int]:
    with serving("secure-session") as (port,):
        yield port


def test_what_it_does_is_told_as_json(device: int) -> None:
    with subprocess.Popen(
        [COMMAND, "mitm", "--to", f"127.0.0.1:{device}", "--listen", "127.0.0.1:0", "--json",
         "--mode", "terminate"],
        stdout=subprocess.PIPE, text=True,
    ) as middle:  # fmt: skip
        assert middle.stdout is not None
        listening = json.loads(middle.stdout.readline())
        assert listening["event"] == "listening"
        target = f"127.0.0.1:{listening['port']}"
        verdict = subprocess.run(
            [COMMAND, "attest", target, "--session", "--json"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        middle.terminate()
        deeds = [json.loads(line) for line in middle.stdout]
    assert middle.returncode == 0
    assert verdict.returncode == 1
    failed = [step for step in json.loads(verdict.stdout)["steps"] if step["ok"] is False]
    assert [step["name"] for step in failed] == ["session signature"]
    assert [one["event"] for one in deeds if one["event"] != "read"] == ["opened"]
    assert {"GET_VERSION", "CHALLENGE_AUTH", "MEASUREMENTS"} <= {one["name"] for one in deeds}
    assert all(bytes.fromhex(one["data"]) for one in deeds if one["event"] == "read")


def test_an_address_that_cannot_be_had(device: int) -> None:
    done = subprocess.run(
        [COMMAND, "mitm", "--to", f"127.0.0.1:{device}", "--listen", f"127.0.0.1:{device}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{device}" in done.stderr


def test_the_link_of_a_device_has_a_middle_too() -> None:
    options = ("--set", "ide={selective: [{stream: 0}], socket: {}}")
    with (
        serving("secure-session", options=options) as (port,),
        subprocess.Popen(
            [COMMAND, "mitm", "--to", f"127.0.0.1:{port}", "--listen", "127.0.0.1:0", "--json",
             "--link-to", "127.0.0.1:1", "--link-listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, text=True,
        ) as middle,
    ):  # fmt: skip
        assert middle.stdout is not None
        listening = json.loads(middle.stdout.readline())
        with socket.create_connection(("127.0.0.1", listening["link_port"]), timeout=10) as line:
            assert line.recv(1) == b""  # there is nothing behind it
        told = json.loads(middle.stdout.readline())
        middle.terminate()
    assert (told["event"], told["connection"]) == ("failed", None)
    assert middle.returncode == 0


def test_the_link_needs_both_of_its_addresses() -> None:
    done = subprocess.run(
        [COMMAND, "mitm", "--to", "127.0.0.1:1", "--link-to", "127.0.0.1:1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--link-listen" in done.stderr


def test_the_experiment_as_json_and_again() -> None:
    def run() -> dict[str, list[dict[str, object]]]:
        done = subprocess.run(
            [COMMAND, "demo", "mitm", "--seed", "7", "--json"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found: dict[str, list[dict[str, object]]] = json.loads(done.stdout)
        return found

    first = run()
    assert len(first["attempts"]) == 30
    kept = ("a session", "a session, IDE keys in it, then the link")
    assert not any(one["worked"] for one in first["attempts"] if one["protection"] in kept)
    assert first == run()


def test_json_is_for_the_experiment_alone() -> None:
    done = subprocess.run([COMMAND, "demo", "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "attest --json" in done.stderr
