"""`run` with DMTF's spdm_requester_emu, whose exit status says little.

As in test_reference_requester.py, which says where the program comes from.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from interop.serving import COMMAND
from interop.test_reference_requester import HINT, REQUESTER, export

pytestmark = pytest.mark.reference

RULES = {
    "signature": "{on: {message: CHALLENGE_AUTH}, do: [{xor: {at: -1, hex: '01'}}], name: x}",
    "digest": "{on: {message: DIGESTS}, do: [{xor: {at: 10, hex: '01'}}], name: x}",
    "measurements": "{on: {message: MEASUREMENTS}, do: [{xor: {at: -1, hex: '01'}}], name: x}",
    "busy": "{on: {message: CHALLENGE}, do: [busy], name: x}",
}


@pytest.fixture(scope="module", autouse=True)
def _requester() -> None:
    if not REQUESTER:
        pytest.skip(HINT)


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("ours"))


def run(folder: Path, *options: str, arguments: tuple[str, ...] = ()) -> dict[str, Any]:
    """What `run` says of one run, its exit code among it."""
    done = subprocess.run(
        [
            COMMAND, "run", "nvme-ssd", "--json", "--reject-output", "^ERROR:", *options, "--",
            REQUESTER, "--trans", "PCI_DOE", "--port", "{port}", "--ver", "1.3", "--asym",
            "ECDSA_P384", "--hash", "SHA_384", "--pqc_asym", "NONE", "--meas_op", "ALL",
            "--exe_conn", "DIGEST,CERT,CHAL,MEAS", "--exe_session", "NO_END", *arguments,
        ],
        cwd=folder, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return {**told, "code": done.returncode}


def test_a_good_device_is_accepted(roots: Path) -> None:
    told = run(roots, "--expect", "accept")
    assert (told["code"], told["outcome"]) == (0, "accepted"), told["output"]
    assert told["reached"] == "MEASUREMENTS"


@pytest.mark.parametrize("fault", RULES)
def test_a_bad_device_is_rejected(roots: Path, tmp_path: Path, fault: str) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(f"faults: 1\nrules: [{RULES[fault]}]\n", encoding="utf-8")
    told = run(roots, "--faults", str(rules), "--expect", "reject", "--require-fired")
    assert (told["code"], told["outcome"]) == (0, "rejected"), told["output"]


def test_a_usage_text_is_no_rejection(roots: Path) -> None:
    told = run(roots, "--expect", "reject", arguments=("--no-such-option",))
    assert (told["code"], told["outcome"], told["exit"]) == (1, "silent", 0)
