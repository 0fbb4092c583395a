"""DMTF's spdm_requester_emu provisions our device: see test_reference_sessions.py."""

import itertools
import os
import re
import subprocess
from pathlib import Path

import pytest
from interop.serving import COMMAND, serving

pytestmark = pytest.mark.reference

REQUESTER = os.environ.get("SPDM_REQUESTER_EMU", "")
HINT = "set SPDM_REQUESTER_EMU to DMTF's spdm_requester_emu (OpenSSL build)"
TRANSPORTS = ("PCI_DOE", "MCTP", "TCP")
PROVISIONING = ("GET_CSR", "SET_CERT")
KEYS = ("GET_KEY_PAIR_INFO", "SET_KEY_PAIR_INFO")
SENT = ("GET_CSR", "SET_CERTIFICATE", *KEYS)


@pytest.fixture(scope="module", autouse=True)
def _requester() -> None:
    if not REQUESTER:
        pytest.skip(HINT)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    subprocess.run([COMMAND, "certs", "export", "--spdm-emu", folder], check=True)
    return folder


def run(port: int, folder: Path, *options: str) -> list[tuple[str, str]]:
    """Everything that can be provisioned, outside of sessions and in three of them.

    Returns the requests of a debug build, each with its session.
    """
    asked = ",".join((*PROVISIONING, *KEYS))
    done = subprocess.run(
        [
            REQUESTER, "--port", str(port), "--pqc_asym", "NONE", "--meas_op", "ALL",
            "--exe_conn", f"DIGEST,CERT,CHAL,MEAS,{asked}",
            "--exe_session", f"KEY_EX,PSK,KEY_UPDATE,HEARTBEAT,MEAS,DIGEST,CERT,{asked}", *options,
        ],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "ERROR:" not in output, output
    assert "[--trans" not in output, output  # its usage, which a debug build speaks of otherwise
    assert "Client stopped" in output, output
    return re.findall(r"spdm_request\[([0-9a-f]+)\] msg SPDM_([A-Z_]+)", output)


@pytest.mark.parametrize(
    ("transport", "version"), [*itertools.product(TRANSPORTS, ("1.2", "1.3", "1.4"))]
)
def test_all_that_it_provisions(keys: Path, transport: str, version: str) -> None:
    with serving("libspdm-compat") as (port,):
        sent = run(port, keys, "--trans", transport, "--ver", version)
    if sent:  # a debug build
        names = [name for _, name in sent]
        for name in SENT if version != "1.2" else SENT[:2]:
            assert name in names, names
        sessions = {session for session, _ in sent if session != "0"}
        assert len(sessions) == 3
        inside = [name for session, name in sent if session != "0"]
        assert "SET_CERTIFICATE" in inside


@pytest.mark.parametrize("asym", ["ECDSA_P256", "ECDSA_P521", "RSAPSS_3072", "EDDSA_25519"])
def test_every_kind_of_key(keys: Path, asym: str) -> None:
    with serving("libspdm-compat", options=("--set", f"algorithms.asym=[{asym}]")) as (port,):
        run(port, keys, "--trans", "PCI_DOE", "--asym", asym)


def test_what_it_installs_is_there_after_a_restart(keys: Path, tmp_path: Path) -> None:
    options = ("--state", str(tmp_path))
    with serving("libspdm-compat", options=options) as (port,):
        run(port, keys, "--trans", "PCI_DOE")
    installed = (keys / "ecp384" / "bundle_responder.certchain.der").read_bytes()
    chain = tmp_path / "chain.der"
    script = (
        "import asyncio, sys\n"
        "from emulator.client import connect\n"
        "async def main():\n"
        "    async with connect('127.0.0.1', int(sys.argv[1])) as client:\n"
        "        await client.connect()\n"
        "        for slot in (0, 4):\n"
        "            found = await client.certificate(slot)\n"
        "            assert b''.join(found.certificates) == open(sys.argv[2], 'rb').read()\n"
        "asyncio.run(main())\n"
    )
    chain.write_bytes(installed)
    with serving("libspdm-compat", options=options) as (port,):
        python = COMMAND.with_name("python")
        subprocess.run([python, "-c", script, str(port), chain], check=True)
