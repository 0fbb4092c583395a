"""`run` finds out a requester without a check, and finds nothing in one with all of them."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from emulator.cli.main import app

BUGGY = Path(__file__).with_name("buggy_requester.py")

RULES = {
    "signature": """
  - name: bad-signature
    on: {message: CHALLENGE_AUTH}
    do: [{xor: {at: -1, hex: "01"}}]
""",
    "nonce": """
  - name: old-answer
    on: {message: CHALLENGE, connection: 2}
    do: [{replay: {from: other}}]
""",
    "busy": """
  - name: always-busy
    on: {message: GET_DIGESTS}
    do: [busy]
""",
}
BUGS = sorted(RULES)


def judged(
    folder: Path, fault: str, bug: str, *options: str, times: int = 1
) -> tuple[int, dict[str, Any]]:
    """The exit code of `run` and what it says of the run."""
    rules = folder / "rules.yaml"
    rules.write_text(f"faults: 1\nrules:{RULES[fault]}", encoding="utf-8")
    requester = [sys.executable, str(BUGGY), "{address}", bug, str(times)]
    options = (*options, "--require-fired", "--json", "--expect", "reject")
    done = CliRunner().invoke(
        app, ["run", "nvme-ssd", "--faults", str(rules), *options, "--", *requester]
    )
    run, summary = map(json.loads, done.stdout.splitlines())
    assert summary["summary"]["unfired"] == []
    return done.exit_code, run


@pytest.mark.parametrize("fault", BUGS)
def test_a_sound_requester_is_found_sound(tmp_path: Path, fault: str) -> None:
    code, run = judged(tmp_path, fault, "sound", times=2)
    assert (code, run["outcome"], run["problem"]) == (0, "rejected", "")


def test_one_that_skips_the_signature_is_found_out(tmp_path: Path) -> None:
    code, run = judged(tmp_path, "signature", "signature")
    assert (code, run["outcome"]) == (1, "accepted")
    assert run["problem"] == "it accepted the device where it must have rejected it"
    assert run["reached"] == "MEASUREMENTS"


def test_one_that_ignores_its_nonce_is_found_out(tmp_path: Path) -> None:
    """On the second connection it takes the answer to the first one's CHALLENGE for a new one."""
    code, run = judged(tmp_path, "nonce", "nonce", times=2)
    assert (code, run["outcome"]) == (1, "accepted")
    assert run["problem"] == "it accepted the device where it must have rejected it"
    assert run["connections"] == 2


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--max-requests", "30"], "it asked 30 times"),
        (["--timeout", "6"], "it had not ended after 6 s"),
    ],
)
def test_one_that_asks_a_busy_device_for_ever_is_found_out(
    tmp_path: Path, options: list[str], why: str
) -> None:
    code, run = judged(tmp_path, "busy", "busy", *options)
    assert (code, run["outcome"], run["why"]) == (1, "hung", why)
    assert run["retries"] > 0
    assert run["last_request"] == "GET_DIGESTS"


@pytest.mark.parametrize(
    ("fault", "bug"), [("nonce", "busy"), ("signature", "nonce"), ("busy", "signature")]
)
def test_a_bug_does_not_show_at_another_fault(tmp_path: Path, fault: str, bug: str) -> None:
    code, run = judged(tmp_path, fault, bug, times=2)
    assert (code, run["outcome"], run["problem"]) == (0, "rejected", "")
