"""What DMTF's spdm_requester_emu records with `--pcap`, beside our own recording of the same."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from interop.serving import COMMAND, serving

pytestmark = pytest.mark.reference

REQUESTER = os.environ.get("SPDM_REQUESTER_EMU", "")


@pytest.fixture(autouse=True)
def _requester() -> None:
    if not REQUESTER:
        pytest.skip("set SPDM_REQUESTER_EMU to DMTF's spdm_requester_emu (OpenSSL build)")


@pytest.mark.parametrize("name", ["ours.pcapng", "ours.pcap"])
def test_both_record_the_same(tmp_path: Path, name: str) -> None:
    subprocess.run([COMMAND, "certs", "export", "--spdm-emu", tmp_path], check=True)
    ours, theirs = tmp_path / name, tmp_path / "theirs.pcap"
    with serving("nvme-ssd", options=["--record", str(ours)]) as (port,):
        done = subprocess.run(
            [
                REQUESTER, "--trans", "PCI_DOE", "--port", str(port), "--ver", "1.3",
                "--pqc_asym", "NONE", "--exe_conn", "DIGEST,CERT,CHAL,MEAS",
                "--exe_session", "NO_END", "--pcap", theirs,
            ],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert "Client stopped" in done.stdout, done.stdout + done.stderr
        replayed = subprocess.run(
            [COMMAND, "replay", theirs, "--to", f"127.0.0.1:{port}", "--json"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert replayed.returncode == 0, replayed.stdout
    shown = subprocess.run(
        [COMMAND, "show", theirs, "--json"], capture_output=True, text=True, check=True
    )
    packets = json.loads(shown.stdout)["conversations"][0]["packets"]
    names = [one["name"] for one in packets]
    assert names[:2] == ["DISCOVERY", "DISCOVERY"]
    assert {"CHALLENGE_AUTH", "MEASUREMENTS"} <= set(names)
    assert [one["direction"] for one in packets] == ["request", "reply"] * (len(packets) // 2)
    compared = subprocess.run(
        [COMMAND, "show", "--diff", ours, theirs, "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    rows = json.loads(compared.stdout)["rows"]
    differing = [row for row in rows if row["fields"] or not row["left"] or not row["right"]]
    # Our pcap holds the replay's requests behind these, our pcapng as a connection of their own.
    expected = [] if name.endswith("ng") else [row for row in rows if not row["right"]]
    assert differing == expected
    assert len(rows) - len(expected) == len(packets)
