"""DMTF's spdm_requester_emu in its application phase: IDE_KM, TDISP, CXL IDE_KM and CXL TSP.

It stops at the first of these that fails, with an `ERROR:` line. A release build does not tell what
it asked, so the conversation is recorded here, and read with the secrets of its sessions.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from interop.serving import COMMAND, serving

pytestmark = pytest.mark.reference

REQUESTER = os.environ.get("SPDM_REQUESTER_EMU", "")
HINT = "set SPDM_REQUESTER_EMU to DMTF's spdm_requester_emu (OpenSSL build)"
PROTOCOLS = ("CXL IDE_KM", "CXL TSP", "TDISP", "IDE_KM")

IDE_KM = ["QUERY", *["KEY_PROG", "K_SET_GO"] * 6, *["K_SET_STOP"] * 6]
TDISP = [
    *("GET_TDISP_VERSION", "GET_TDISP_CAPABILITIES", "GET_DEVICE_INTERFACE_STATE"),
    *("LOCK_INTERFACE", "GET_DEVICE_INTERFACE_STATE"),
    *("GET_DEVICE_INTERFACE_REPORT", "GET_DEVICE_INTERFACE_REPORT"),
    *("START_INTERFACE", "GET_DEVICE_INTERFACE_STATE"),
    *("STOP_INTERFACE", "GET_DEVICE_INTERFACE_STATE"),
]
STATES = ["CONFIG_UNLOCKED", "CONFIG_LOCKED", "RUN", "CONFIG_UNLOCKED"]
CXL_IDE_KM = [
    *("QUERY", "GET_KEY", "KEY_PROG", "KEY_PROG"),
    *("K_SET_GO", "K_SET_GO", "K_SET_STOP", "K_SET_STOP"),
]
TSP = ["GET_TARGET_TSP_VERSION", "GET_TARGET_CAPABILITIES"]
TSP_PRIMARY = [
    *TSP,
    *("SET_TARGET_CONFIGURATION", "GET_TARGET_CONFIGURATION", "GET_TARGET_CONFIGURATION_REPORT"),
    *("LOCK_TARGET_CONFIGURATION", "GET_TARGET_CONFIGURATION"),
    *("SET_TARGET_TE_STATE", "SET_TARGET_TE_STATE"),
]
TSP_SECONDARY = [
    *TSP,
    *("GET_TARGET_CONFIGURATION", "GET_TARGET_CONFIGURATION_REPORT", "GET_TARGET_CONFIGURATION"),
    *("SET_TARGET_TE_STATE", "SET_TARGET_TE_STATE"),
]

Lines = dict[str, list[tuple[str, str]]]
"""By session, what was asked and answered: the direction, and the line `show` has for it."""


@pytest.fixture(autouse=True)
def _requester() -> None:
    if not REQUESTER:
        pytest.skip(HINT)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    subprocess.run([COMMAND, "certs", "export", "--spdm-emu", folder], check=True)
    return folder


def run(port: int, folder: Path, *options: str) -> None:
    """The requester, which must come to a good end."""
    done = subprocess.run(
        [REQUESTER, "--port", str(port), "--trans", "PCI_DOE", "--pqc_asym", "NONE", *options],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "ERROR:" not in output, output
    assert "usage" not in output.lower(), output
    assert "Client stopped" in output, output


def packets(recording: Path, keylog: Path) -> list[list[dict[str, Any]]]:
    """What `show` tells of each packet, by connection."""
    done = subprocess.run(
        [COMMAND, "show", "--json", "--keylog", keylog, recording],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [one["packets"] for one in json.loads(done.stdout)["conversations"]]


def shown(recording: Path, keylog: Path) -> list[Lines]:
    """What passed inside of sessions in vendor-defined messages, by connection."""
    found = []
    for conversation in packets(recording, keylog):
        lines: Lines = {}
        for packet in conversation:
            if packet.get("name", "").startswith("VENDOR_DEFINED"):
                line = packet["meaning"].partition(": ")[2]
                lines.setdefault(packet["session"], []).append((packet["direction"], line))
        found.append(lines)
    return found


def asked(lines: list[tuple[str, str]], protocol: str) -> list[str]:
    """The requests of a protocol, in order."""
    return [
        line.removeprefix(f"{protocol} ").partition(":")[0]
        for direction, line in lines
        if direction == "request" and line.startswith(f"{protocol} ")
    ]


EVERYTHING = {
    *("DISCOVERY", "GET_VERSION", "GET_CAPABILITIES", "NEGOTIATE_ALGORITHMS"),
    *("GET_DIGESTS", "GET_CERTIFICATE", "CHALLENGE", "GET_MEASUREMENTS"),
    *("GET_ENCAPSULATED_REQUEST", "DELIVER_ENCAPSULATED_RESPONSE"),
    *("GET_MEASUREMENT_EXTENSION_LOG", "GET_ENDPOINT_INFO"),
    *("GET_KEY_PAIR_INFO", "SET_KEY_PAIR_INFO", "GET_CSR", "SET_CERTIFICATE"),
    *("KEY_EXCHANGE", "FINISH", "PSK_EXCHANGE", "PSK_FINISH", "END_SESSION"),
    *("HEARTBEAT", "KEY_UPDATE", "VENDOR_DEFINED_REQUEST"),
}
"""What it asks with all its defaults over PCI DOE."""


def test_all_that_it_asks_by_default(tmp_path: Path, keys: Path) -> None:
    """Its whole run: three sessions with their application phase, and one within the first."""
    recording, keylog = tmp_path / "r.pcapng", tmp_path / "keys.log"
    options = ("--record", str(recording), "--keylog", str(keylog))
    with serving("libspdm-compat", options=options) as [port]:
        run(port, keys)
    [conversation] = packets(recording, keylog)
    asked_for = {one.get("name") for one in conversation if one.get("direction") == "request"}
    assert asked_for == EVERYTHING
    assert not [one for one in conversation if one.get("name") == "ERROR"]
    [lines] = shown(recording, keylog)
    judge(lines)
    assert len(lines) == 4


def judge(lines: Lines) -> None:
    """Sessions with all protocols, and within the first one of the key it handed over."""
    first, secondary, *others = lines.values()
    assert others
    for session in (first, *others):
        assert asked(session, "IDE_KM") == IDE_KM
        assert asked(session, "TDISP") == TDISP
        assert asked(session, "CXL IDE_KM") == CXL_IDE_KM
        said = [line.rpartition(", ")[2] for _, line in session if "INTERFACE_STATE: " in line]
        assert [state for state in said if not state.startswith("TDISP")] == STATES
        acknowledged = [line for _, line in session if "KP_ACK" in line]
        assert len(acknowledged) == 8
        assert all(line.endswith(": SUCCESS") for line in acknowledged)
    assert asked(first, "CXL TSP") == TSP_PRIMARY
    assert asked(secondary, "CXL TSP") == TSP_SECONDARY
    for session in others:
        assert asked(session, "CXL TSP") == TSP
    everything = [line for session in lines.values() for _, line in session]
    assert all(line.startswith(PROTOCOLS) for line in everything)
    assert not [line for line in everything if "ERROR" in line]


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4"])
def test_the_whole_application_phase_and_once_more(
    tmp_path: Path, keys: Path, version: str
) -> None:
    """What one run leaves locked, the end of its session unlocks: the next one meets it anew."""
    recording, keylog = tmp_path / "r.pcapng", tmp_path / "keys.log"
    options = ("--record", str(recording), "--keylog", str(keylog))
    with serving("everything", options=options) as [port]:
        for _ in range(2):
            run(
                port, keys, "--ver", version,
                "--exe_conn", "DIGEST,CERT,CHAL", "--exe_session", "KEY_EX,PSK,APP",
            )  # fmt: skip
    conversations = shown(recording, keylog)
    assert len(conversations) == 2
    for lines in conversations:
        judge(lines)
