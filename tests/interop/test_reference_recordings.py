"""DMTF's tools and our recordings.

What spdm_requester_emu records with `--pcap` stands beside our own recording of the same; spdm_dump
reads a pcap of ours. The environment variables SPDM_REQUESTER_EMU and SPDM_DUMP name the programs.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from interop.serving import COMMAND, serving

from emulator.spdm.versions import BY_TEXT

pytestmark = pytest.mark.reference

REQUESTER = os.environ.get("SPDM_REQUESTER_EMU", "")
DUMP = os.environ.get("SPDM_DUMP", "")


@pytest.mark.parametrize("name", ["ours.pcapng", "ours.pcap"])
def test_both_record_the_same(tmp_path: Path, name: str) -> None:
    if not REQUESTER:
        pytest.skip("set SPDM_REQUESTER_EMU to DMTF's spdm_requester_emu (OpenSSL build)")
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


def test_spdm_dump_reads_our_pcap(tmp_path: Path) -> None:
    """A connection for each version, and every message of them in its words."""
    if not DUMP:
        pytest.skip("set SPDM_DUMP to DMTF's spdm_dump")
    file = tmp_path / "ours.pcap"
    with serving("everything", options=["--record", str(file)]) as (port,):
        for version in BY_TEXT:
            command: list[str | Path] = [COMMAND, "attest", f"127.0.0.1:{port}"]
            subprocess.run([*command, "--version", version], check=True, capture_output=True)
    done = subprocess.run([DUMP, "-r", file], capture_output=True, text=True, check=True)
    assert not done.stderr
    assert "DataLink - 292 (PCI_DOE)" in done.stdout
    shown = subprocess.run(
        [COMMAND, "show", file, "--json"], capture_output=True, text=True, check=True
    )
    packets = json.loads(shown.stdout)["conversations"][0]["packets"]
    ways = {"request": "REQ->RSP", "reply": "RSP->REQ"}
    told = re.findall(r"\) (\S+) SPDM\([^)]*\) SPDM_(\w+) ", done.stdout)
    assert told == [(ways[one["direction"]], one["name"]) for one in packets]
    assert len(told) == 16 * len(BY_TEXT)
    # Nothing selected is what it does not know either.
    unknown = re.findall(r"(\w+=0x\w+)\(<Unknown>\)", done.stdout)
    assert set(unknown) == {"MelSpec=0x00", "PqcAsym=0x00"}
    assert done.stdout.count("<Unknown>") == len(unknown)
