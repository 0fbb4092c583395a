"""DMTF's spdm_requester_emu asks our device for its log of measurements and for what it is.

See test_reference_sessions.py, whose judging of the output this shares. The requester asks its
responder by a command beside SPDM to ask it in turn, and says where that fails.
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
ASKED = ("GET_MEASUREMENT_EXTENSION_LOG", "GET_ENDPOINT_INFO")
BASIC = "CERT,CHAL,MAC,ENCRYPT,KEY_EX,PSK,HBEAT,KEY_UPD,ENCAP"
SIGNING = f"{BASIC},EP_INFO_SIG,MUT_AUTH"


@pytest.fixture(scope="module", autouse=True)
def _requester() -> None:
    if not REQUESTER:
        pytest.skip(HINT)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving("everything") as ports:
        yield ports[0]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    subprocess.run([COMMAND, "certs", "export", "--spdm-emu", folder], check=True)
    return folder


@pytest.mark.parametrize(
    ("transport", "version", "flags"),
    [
        *itertools.product(
            ("PCI_DOE", "MCTP", "TCP"), ("1.3", "1.4"), (BASIC, SIGNING, f"{SIGNING},CHUNK")
        )
    ],
)
def test_the_log_and_what_the_device_is(
    port: int, keys: Path, transport: str, version: str, flags: str
) -> None:
    done = subprocess.run(
        [
            REQUESTER, "--port", str(port), "--pqc_asym", "NONE", "--trans", transport,
            "--ver", version, "--cap", flags, "--exe_conn", "DIGEST,CERT,MEL,EP_INFO",
            "--exe_session", "KEY_EX,PSK,MEL,EP_INFO",
        ],
        cwd=keys, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "ERROR:" not in output, output
    assert "FAIL" not in output, output
    assert "Client stopped" in output, output
    sent = re.findall(r"spdm_request\[([0-9a-f]+)\] msg SPDM_([A-Z_]+)", output)
    if sent:  # a debug build
        sessions = dict.fromkeys(session for session, _ in sent)
        assert len(sessions) >= 3, sent
        for session in sessions:
            names = [name for one, name in sent if one == session]
            assert all(name in names for name in ASKED), sent
        delivered = [name for _, name in sent if name == "DELIVER_ENCAPSULATED_RESPONSE"]
        assert len(delivered) == (len(sessions) if "EP_INFO_SIG" in flags else 0)
        signatures = output.count("!!! verify_endpoint_info_signature - PASS !!!")
        assert signatures == len(sessions)
