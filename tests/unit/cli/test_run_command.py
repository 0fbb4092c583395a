import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from interop.serving import COMMAND
from typer.testing import CliRunner

from emulator.cli.main import app

ATTEST = (str(COMMAND), "attest", "127.0.0.1:{port}", "--seed", "{seed}")
SIGNATURE = """faults: 1
rules:
  - name: bad-signature
    on: {message: CHALLENGE_AUTH}
    do: [{xor: {at: -1, hex: "01"}}]
"""
NEVER = """faults: 1
rules:
  - name: never
    on: {connection: 9}
    do: [busy]
"""


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str, command: tuple[str, ...] = ATTEST) -> Done:
    done = CliRunner().invoke(app, ["run", *arguments, "--", *command])
    return Done(done.exit_code, done.stdout, done.stderr)


@pytest.fixture
def signature(tmp_path: Path) -> str:
    path = tmp_path / "signature.yaml"
    path.write_text(SIGNATURE, encoding="utf-8")
    return str(path)


@pytest.fixture
def never(tmp_path: Path) -> str:
    path = tmp_path / "never.yaml"
    path.write_text(NEVER, encoding="utf-8")
    return str(path)


def test_a_good_requester_and_a_good_device() -> None:
    done = run("nvme-ssd", "--seed", "7")
    assert done.returncode == 0
    assert done.stdout.startswith("ok   run 1: accepted (exit 0); got to MEASUREMENTS; 8 requests")
    assert done.stderr.startswith("seed 7 (repeat with --seed)\n")


def test_a_preset_says_what_it_expects() -> None:
    done = run("nvme-ssd", "--fault", "busy-once", "--require-fired")
    assert done.returncode == 0
    assert "asked again 1 time; fault busy-once x1" in done.stdout
    done = run("nvme-ssd", "--fault", "busy-once", "--json", command=("false",))
    *_, summary = map(json.loads, done.stdout.splitlines())
    assert summary["summary"]["expect"] == "accept"


def test_a_bad_run_is_told_in_detail(signature: str) -> None:
    done = run("nvme-ssd", "--faults", signature, "--expect", "accept", "--seed", "s")
    assert done.returncode == 1
    assert done.stdout.startswith("FAIL run 1: rejected (exit 1)")
    for told in (
        "  it rejected the device where it must have accepted it\n",
        "  alone again: --seed s\n",
        "    1: < CHALLENGE_AUTH  slot 0: signed, 96 bytes\n",
        "         # fault bad-signature at signed: changed bits from byte 237 on\n",
        "    ended: the peer shut the connection down\n",
        "    FAIL challenge signature ",
    ):
        assert told in done.stdout


def test_good_runs_are_told_in_detail_on_demand(signature: str) -> None:
    short = run("nvme-ssd", "--faults", signature, "--expect", "reject")
    long = run("nvme-ssd", "--faults", signature, "--expect", "reject", "-v")
    assert short.returncode == long.returncode == 0
    assert len(short.stdout.splitlines()) == 1
    assert "    1: > CHALLENGE  slot 0: sign this nonce" in long.stdout


def test_several_runs_each_of_its_own_seed() -> None:
    done = run("nvme-ssd", "--repeat", "2", "--seed", "x", "--json")
    first, second, last = map(json.loads, done.stdout.splitlines())
    assert (first["run"], first["seed"], second["run"], second["seed"]) == (1, "x", 2, "x-2")
    assert last["summary"] == {
        "runs": 2,
        "bad": 0,
        "outcomes": {"accepted": 2},
        "expect": None,
        "seed": "x",
        "fired": {},
        "unfired": [],
        "good": True,
    }
    done = run("nvme-ssd", "--repeat", "2", "--seed", "x")
    assert done.stdout.splitlines()[-1] == "2 runs: 2 accepted; 0 bad"


def test_a_runs_seed_repeats_it_alone(tmp_path: Path) -> None:
    rules = tmp_path / "chance.yaml"
    rules.write_text(
        "faults: 1\nrules: [{name: chance, on: {probability: 0.3}, do: [busy]}]", encoding="utf-8"
    )
    options = ("nvme-ssd", "--faults", str(rules), "--json")
    _, second, _ = run(*options, "--repeat", "2", "--seed", "7").stdout.splitlines()
    alone, _ = run(*options, "--seed", "7-2").stdout.splitlines()
    second, alone = json.loads(second), json.loads(alone)
    assert second["fired"]["chance"] > 0
    assert [second[key] for key in ("messages", "fired", "errors", "outcome")] == [
        alone[key] for key in ("messages", "fired", "errors", "outcome")
    ]
    # Nonces are of the seed, too: the requester says them.
    said = [line for line in second["output"].splitlines() if " seed " not in line]
    assert [line for line in said if "valid at" not in line] == [
        line
        for line in alone["output"].splitlines()
        if " seed " not in line and "valid at" not in line
    ]


def test_a_rule_that_must_fire(never: str) -> None:
    assert run("nvme-ssd", "--faults", never).returncode == 0
    done = run("nvme-ssd", "--faults", never, "--require-fired")
    assert done.returncode == 1
    assert done.stderr.endswith("never fired: never\n")


def test_a_requester_that_says_it_failed_and_exits_0() -> None:
    options = ("--reject-output", "^ERROR:", "--expect", "reject", "--json")
    shell = f'{COMMAND} attest "127.0.0.1:$SPDM_PORT" --json >/dev/null; echo ERROR: x; exit 0'
    done = run("nvme-ssd", *options, command=("sh", "-c", shell))
    told = json.loads(done.stdout.splitlines()[0])
    assert (done.returncode, told["outcome"]) == (0, "rejected")
    assert told["why"] == 'exit 0, and it said "ERROR: x"'


def test_a_requester_that_takes_its_time_is_told_of() -> None:
    done = run("nvme-ssd", "--timeout", "4", command=("sleep", "100"))
    assert done.returncode == 1
    assert re.search(r"^run 1: [23] s, 0 requests$", done.stderr, re.MULTILINE)
    assert done.stdout.startswith("FAIL run 1: hung (it had not ended after 4 s); got to nothing")
    assert "  messages: none\n  output: none\n" in done.stdout


def test_a_recording_has_every_run(tmp_path: Path) -> None:
    file = tmp_path / "runs.pcapng"
    assert run("nvme-ssd", "--repeat", "2", "--record", str(file)).returncode == 0
    shown = subprocess.run(
        [COMMAND, "show", file, "--device", "nvme-ssd (2)"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "CHALLENGE_AUTH" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "command", "told"),
    [
        (["no-such-profile"], ATTEST, "found no such profile"),
        (["nvme-ssd", "--fault", "busy-onse"], ATTEST, "did you mean busy-once?"),
        (["nvme-ssd", "--reject-output", "("], ATTEST, "expected a regular expression"),
        (["nvme-ssd", "--record", "/no/such/folder/x"], ATTEST, "No such file or directory"),
        (["nvme-ssd"], ("no-such-command",), "cannot run no-such-command: No such file"),
        (["nvme-ssd"], (), "Missing argument"),
        (["nvme-ssd", "--expect", "nothing"], ATTEST, "expect"),
    ],
)
def test_wrong_use(arguments: list[str], command: tuple[str, ...], told: str) -> None:
    done = run(*arguments, command=command)
    assert done.returncode == 2
    assert told in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_ends_it_ends_the_requester(tmp_path: Path, number: signal.Signals) -> None:
    note = tmp_path / "pid"
    code = f"import os, time; open({str(note)!r}, 'w').write(f'{{os.getpid()}} '); time.sleep(100)"
    process = subprocess.Popen(
        [COMMAND, "run", "nvme-ssd", "--", sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        for _ in range(1000):
            if note.exists() and note.read_text(encoding="utf-8").endswith(" "):
                break
            time.sleep(0.01)
        process.send_signal(number)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 128 + number
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text(encoding="utf-8")), 0)
