"""DMTF's spdm_requester_emu in sessions with our device: see test_reference_requester.py.

Its exit status does not tell of failures inside sessions, so its output is read; a debug build
says what it sent, too.
"""

import itertools
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop.serving import COMMAND, serving

pytestmark = pytest.mark.reference

REQUESTER = os.environ.get("SPDM_REQUESTER_EMU", "")
HINT = "set SPDM_REQUESTER_EMU to DMTF's spdm_requester_emu (OpenSSL build)"
VERSIONS = ("1.1", "1.2", "1.3", "1.4")
TRANSPORTS = ("PCI_DOE", "MCTP", "TCP")
BASIC = "CERT,CHAL,MAC,KEY_EX,PSK,HBEAT,KEY_UPD"
CAPABILITIES = {
    "by default": (),
    "encrypted handshake": ("--cap", f"{BASIC},ENCRYPT"),
    "handshake in the clear": ("--cap", f"{BASIC},ENCRYPT,HANDSHAKE_IN_CLEAR"),
    "authenticated only": ("--cap", BASIC),
}
GROUPS = (
    *("FFDHE_2048", "FFDHE_3072", "FFDHE_4096"),
    *("SECP_256_R1", "SECP_384_R1", "SECP_521_R1"),
)
AEADS = ("AES_128_GCM", "AES_256_GCM", "CHACHA20_POLY1305")
BESIDE = {"FINISH", "PSK_FINISH", "CHUNK_GET", "RESPOND_IF_READY"}
ASKED_OF_US = (
    *("HEARTBEAT", "GET_ENCAPSULATED_REQUEST", "DELIVER_ENCAPSULATED_RESPONSE"),
    *("GET_MEASUREMENTS", "GET_DIGESTS", "GET_CERTIFICATE"),
)
ASKED = ("HEARTBEAT", "KEY_UPDATE", "GET_MEASUREMENTS", "GET_DIGESTS", "GET_CERTIFICATE")


@pytest.fixture(scope="module", autouse=True)
def _requester() -> None:
    if not REQUESTER:
        pytest.skip(HINT)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving("secure-session") as ports:
        yield ports[0]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    subprocess.run([COMMAND, "certs", "export", "--spdm-emu", folder], check=True)
    return folder


def run(
    port: int, folder: Path, *options: str, psk_finish: bool = True, asked_of_us: bool = False
) -> str:
    """Two sessions, of a key exchange and of a pre-shared key, and all that is asked inside."""
    done = subprocess.run(
        [
            REQUESTER, "--port", str(port), "--pqc_asym", "NONE", "--meas_op", "ALL",
            "--exe_conn", "DIGEST,CERT,CHAL,MEAS",
            "--exe_session", "KEY_EX,PSK,KEY_UPDATE,HEARTBEAT,MEAS,DIGEST,CERT", *options,
        ],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "ERROR:" not in output, output
    assert "usage" not in output.lower(), output
    assert "Client stopped" in output, output
    assert "FAIL" not in output, output
    sent = re.findall(r"spdm_request\[([0-9a-f]+)\] msg SPDM_([A-Z_]+)", output)
    if sent:  # a debug build
        by_session: dict[str, list[str]] = {}
        for session, name in sent:
            if session != "0":
                by_session.setdefault(session, []).append(name)
        assert len(by_session) == 2, sent
        for names in by_session.values():
            asked = [name for name in dict.fromkeys(names) if name not in BESIDE]
            assert asked == [*(ASKED_OF_US if asked_of_us else ASKED), "END_SESSION"]
        assert ("PSK_FINISH" in [name for _, name in sent]) == psk_finish
    return output


@pytest.mark.parametrize(
    ("transport", "version", "which"), [*itertools.product(TRANSPORTS, VERSIONS, CAPABILITIES)]
)
def test_sessions_over_each_transport(
    port: int, keys: Path, transport: str, version: str, which: str
) -> None:
    run(port, keys, "--trans", transport, "--ver", version, *CAPABILITIES[which])


@pytest.mark.parametrize(("version", "group"), [*itertools.product(VERSIONS, GROUPS)])
def test_every_group(port: int, keys: Path, version: str, group: str) -> None:
    run(port, keys, "--trans", "PCI_DOE", "--ver", version, "--dhe", group)


@pytest.mark.parametrize(
    ("transport", "version", "aead"), [*itertools.product(TRANSPORTS, ("1.1", "1.4"), AEADS)]
)
def test_every_cipher(port: int, keys: Path, transport: str, version: str, aead: str) -> None:
    run(port, keys, "--trans", transport, "--ver", version, "--aead", aead)


@pytest.mark.parametrize(("version", "keys_of"), [*itertools.product(VERSIONS, ("REQ", "ALL"))])
def test_key_updates(port: int, keys: Path, version: str, keys_of: str) -> None:
    run(port, keys, "--trans", "PCI_DOE", "--ver", version, "--key_upd", keys_of)


@pytest.mark.parametrize(("transport", "version"), [*itertools.product(TRANSPORTS, VERSIONS)])
def test_the_device_takes_a_new_key(port: int, keys: Path, transport: str, version: str) -> None:
    run(port, keys, "--trans", transport, "--ver", version, "--key_upd", "RSP", asked_of_us=True)


@pytest.mark.parametrize("secured", ["1.0", "1.1", "1.2"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_versions_of_secured_messages(port: int, keys: Path, transport: str, secured: str) -> None:
    run(port, keys, "--trans", transport, "--ver", "1.3", "--sec_ver", secured)


@pytest.mark.parametrize("summary", ["NO", "TCB", "ALL"])
@pytest.mark.parametrize("version", VERSIONS)
def test_measurement_summaries(port: int, keys: Path, version: str, summary: str) -> None:
    run(port, keys, "--trans", "PCI_DOE", "--ver", version, "--meas_sum", summary)


@pytest.mark.parametrize("asym", ["ECDSA_P256", "RSAPSS_3072", "RSASSA_2048", "EDDSA_25519"])
def test_every_kind_of_signature(keys: Path, asym: str) -> None:
    with serving("secure-session", options=("--set", f"algorithms.asym=[{asym}]")) as (port,):
        run(port, keys, "--trans", "PCI_DOE", "--ver", "1.3", "--asym", asym)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_device_without_a_context(keys: Path, version: str) -> None:
    """There is no PSK_FINISH."""
    flags = "CERT,CHAL,MEAS_SIG,MEAS_FRESH,ENCRYPT,MAC,KEY_EX,PSK,HBEAT,KEY_UPD"
    options = ("--set", f"capabilities=[{flags}]", "--set", "sizes.max_message=4600")
    with serving("secure-session", options=options) as (port,):
        run(port, keys, "--trans", "PCI_DOE", "--ver", version, psk_finish=False)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4"])
def test_large_messages_inside(keys: Path, transport: str, version: str) -> None:
    """The chain comes in chunks, in the sessions too."""
    options = ("--set", "sizes.transmit=600")
    with serving("secure-session", options=options) as (port,):
        flags = f"{BASIC},ENCRYPT,CHUNK"
        run(port, keys, "--trans", transport, "--ver", version, "--cap", flags)


@pytest.mark.parametrize("transport", ["PCI_DOE", "MCTP"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_recording_is_read_with_the_key_log(
    keys: Path, tmp_path: Path, transport: str, version: str
) -> None:
    kept, recording = tmp_path / "keys.log", tmp_path / "sessions.pcapng"
    options = ("--keylog", str(kept), "--record", str(recording))
    with serving("secure-session", options=options) as (port,):
        run(port, keys, "--trans", transport, "--ver", version)
    assert kept.stat().st_mode & 0o777 == 0o600
    shown = subprocess.run(
        [COMMAND, "show", "--keylog", kept, recording], capture_output=True, text=True, check=True
    ).stdout
    for name in (*ASKED, "END_SESSION_ACK"):
        assert name in shown, shown


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_replies_that_are_not_ready(keys: Path, transport: str) -> None:
    slow = "timing.not_ready={rdt_exponent: 8, requests: [GET_DIGESTS, GET_MEASUREMENTS]}"
    with serving("secure-session", options=("--set", slow)) as (port,):
        run(port, keys, "--trans", transport, "--ver", "1.3")
