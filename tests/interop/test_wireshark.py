"""Wireshark's tshark reads what `serve --record` writes."""

import json
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from devices import GET_VERSION, data_object, frame, spdm_frame
from interop.serving import COMMAND, serving
from support import require_or_skip

TSHARK = shutil.which("tshark") or ""


@pytest.fixture(autouse=True)
def _tshark() -> None:
    require_or_skip(bool(TSHARK), "apt install tshark")


def recorded(file: Path) -> None:
    """An attestation of one device and odd frames to a second one, recorded in `file`."""
    options = ["--record", str(file)]
    with serving("nvme-ssd", "linux-cma", options=options) as (first, second):
        subprocess.run([COMMAND, "attest", f"127.0.0.1:{first}"], check=True, capture_output=True)
        with socket.create_connection(("127.0.0.1", second), timeout=5) as peer:
            peer.sendall(spdm_frame(GET_VERSION))
            assert peer.recv(4096)
            peer.sendall(frame(data_object(b"", kind=2)))
            assert peer.recv(4096)


def layers(file: Path) -> list[dict[str, Any]]:
    """What tshark found in each packet."""
    done = subprocess.run(
        [TSHARK, "-r", file, "-T", "json", "--no-duplicate-keys"],
        check=True,
        capture_output=True,
        text=True,
    )
    return [packet["_source"]["layers"] for packet in json.loads(done.stdout)]


def test_pcapng_with_devices_directions_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "both.pcapng"
    recorded(file)
    packets = layers(file)
    interfaces = [one["frame"]["frame.interface_id_tree"] for one in packets]
    assert {one["frame.interface_name"] for one in interfaces} == {"nvme-ssd", "linux-cma"}
    text = json.dumps(packets)
    for comment in (
        "connection 1 opened",
        "connection 1 closed: the peer shut the connection down",
        "no response: a record of session 00000000, and there is none",
    ):
        assert comment in text
    assert text.count('"frame.encap_type"') == len(packets)


def test_pcap(tmp_path: Path) -> None:
    file = tmp_path / "both.pcap"
    recorded(file)
    sizes = [int(one["frame"]["frame.len"]) for one in layers(file)]
    assert sizes[:2] == [len(data_object(GET_VERSION)), 20]
    assert all(sizes)
