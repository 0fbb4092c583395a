"""DMTF's spdm_requester_emu with all its defaults, but for its application phase: a whole run.

See test_reference_requester.py. The conversation is recorded here, and read with the secrets of its
sessions, so that a release build cannot leave out anything unnoticed.
"""

import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from interop.serving import COMMAND, serving

pytestmark = pytest.mark.reference

REQUESTER = os.environ.get("SPDM_REQUESTER_EMU", "")
HINT = "set SPDM_REQUESTER_EMU to DMTF's spdm_requester_emu (OpenSSL build)"
RECORDED = ("PCI_DOE", "MCTP")
TRANSPORTS = (*RECORDED, "TCP")
VERSIONS = ("1.1", "1.2", "1.3", "1.4")
INSIDE = (
    *("KEY_EX", "PSK", "KEY_UPDATE", "HEARTBEAT", "MEAS", "MEL", "DIGEST", "CERT", "GET_CSR"),
    *("SET_CERT", "GET_KEY_PAIR_INFO", "SET_KEY_PAIR_INFO", "EP_INFO"),
)
"""Its own list without APP."""

ALWAYS = {
    *("GET_VERSION", "GET_CAPABILITIES", "NEGOTIATE_ALGORITHMS"),
    *("GET_DIGESTS", "GET_CERTIFICATE", "CHALLENGE", "GET_MEASUREMENTS"),
    *("GET_ENCAPSULATED_REQUEST", "DELIVER_ENCAPSULATED_RESPONSE"),
    *("KEY_EXCHANGE", "FINISH", "PSK_EXCHANGE", "PSK_FINISH", "END_SESSION"),
    *("HEARTBEAT", "KEY_UPDATE"),
}
SINCE = {
    "1.2": {"GET_CSR", "SET_CERTIFICATE"},
    "1.3": {
        *("GET_MEASUREMENT_EXTENSION_LOG", "GET_ENDPOINT_INFO"),
        *("GET_KEY_PAIR_INFO", "SET_KEY_PAIR_INFO"),
    },
}
"""What it asks its own responder, by the version that brought it."""

IDENTITY = ["GET_DIGESTS", "GET_CERTIFICATE"]


@pytest.fixture(autouse=True)
def _requester() -> None:
    if not REQUESTER:
        pytest.skip(HINT)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Keys of the sample authority."""
    folder = tmp_path / "keys"
    subprocess.run([COMMAND, "certs", "export", "--spdm-emu", folder], check=True)
    return folder


def run(port: int, folder: Path, *options: str) -> None:
    """The requester, which must come to a good end."""
    done = subprocess.run(
        [
            REQUESTER, "--port", str(port), "--pqc_asym", "NONE",
            "--exe_session", ",".join(INSIDE), *options,
        ],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "ERROR:" not in output, output
    assert "[--trans" not in output, output  # its usage, which a debug build speaks of otherwise
    assert "Client stopped" in output, output


def recorded(folder: Path, keys: Path, *options: str) -> list[dict[str, Any]]:
    """What `show` tells of each packet of a run."""
    recording, keylog = folder / "r.pcapng", folder / "keys.log"
    written = ("--record", str(recording), "--keylog", str(keylog))
    with serving("libspdm-compat", options=written) as (port,):
        run(port, keys, *options)
    done = subprocess.run(
        [COMMAND, "show", "--json", "--keylog", keylog, recording],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    [conversation] = json.loads(done.stdout)["conversations"]
    packets: list[dict[str, Any]] = conversation["packets"]
    return packets


def asked_in_turn(packets: list[dict[str, Any]]) -> list[str]:
    """The requests that the device has had encapsulated, in order."""
    carriers = {"ENCAPSULATED_REQUEST", "ENCAPSULATED_RESPONSE_ACK"}
    told = [one["meaning"] for one in packets if one.get("name") in carriers]
    return [line.rpartition(": ")[2] for line in told if "request" in line]


@pytest.mark.parametrize(("transport", "version"), [*itertools.product(RECORDED, VERSIONS)])
def test_all_that_is_asked(tmp_path: Path, keys: Path, transport: str, version: str) -> None:
    packets = recorded(tmp_path, keys, "--trans", transport, "--ver", version)
    asked = {one.get("name") for one in packets if one.get("direction") == "request"}
    brought = (names for since, names in SINCE.items() if since <= version)
    assert asked - {"DISCOVERY"} == ALWAYS.union(*brought)
    assert not [one for one in packets if one.get("name") == "ERROR"]
    sessions = {one["session"] for one in packets if one.get("session")}
    assert len(sessions) == 3
    signed = [one["size"] for one in packets if "GET_ENDPOINT_INFO" in one.get("meaning", "")]
    assert set(signed) <= {44}  # with a nonce
    # In the challenge; what it is, from 1.3 on; two of the sessions are of a key exchange.
    described = ["GET_ENDPOINT_INFO"] if version >= "1.3" else []
    assert asked_in_turn(packets) == [
        *(*IDENTITY, "CHALLENGE", *described),
        *(*IDENTITY, *described),
        *described,
        *(*IDENTITY, *described),
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_over_tcp_which_recordings_have_no_form_for(keys: Path, version: str) -> None:
    with serving("libspdm-compat") as (port,):
        run(port, keys, "--trans", "TCP", "--ver", version)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_with_the_keys_it_comes_with(tmp_path: Path, transport: str) -> None:
    """Its requesters' roots are not ours; it does not have to know ours either."""
    own = Path(REQUESTER).parent
    if not (own / "ecp384").is_dir():
        pytest.skip(f"no sample keys beside {REQUESTER}: copy libspdm's unit_test/sample_key there")
    kept = tmp_path / "own"
    for folder in ("ecp256", "ecp384", "rsa2048", "rsa3072"):
        shutil.copytree(own / folder, kept / folder)
    with serving("libspdm-compat") as (port,):
        run(port, kept, "--trans", transport)
