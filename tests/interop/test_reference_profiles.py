"""DMTF's spdm_requester_emu and the ready profiles of endpoints, over every transport."""

import subprocess
from pathlib import Path

import pytest
from interop.serving import serving
from interop.test_reference_requester import HINT, REQUESTER, export

pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not REQUESTER, reason=HINT),
]

NAMES = ("gpu", "cxl-memory")


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("roots"))


def read(port: int, folder: Path, version: str, transport: str, reading: str) -> str:
    """Read everything; what the requester prints."""
    done = subprocess.run(
        [
            REQUESTER, "--trans", transport, "--port", str(port), "--ver", version,
            "--asym", "ECDSA_P384", "--hash", "SHA_384", "--pqc_asym", "NONE",
            "--meas_op", reading, "--exe_conn", "DIGEST,CERT,CHAL,MEAS",
            "--exe_session", "NO_END",
        ],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "ERROR:" not in output, output
    assert "Client stopped" in output, output
    if "verify_" in output:  # a debug build says what it verified
        assert "FAIL" not in output
        assert "verify_challenge_signature - PASS" in output
        assert "verify_measurement_signature - PASS" in output
    return output


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("transport", ["PCI_DOE", "MCTP", "TCP", "NONE"])
@pytest.mark.parametrize("reading", ["ALL", "ONE_BY_ONE"])
def test_reads_everything(
    roots: Path, name: str, version: str, transport: str, reading: str
) -> None:
    # A device for each: one by one, it logs every index there is not into a pipe nobody empties.
    with serving(name) as (port,):
        read(port, roots, version, transport, reading)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_many_measurements_in_chunks(roots: Path, version: str) -> None:
    with serving("gpu", options=("--set", "sizes.transmit=512")) as (port,):
        output = read(port, roots, version, "PCI_DOE", "ALL")
        if "verify_" in output:
            assert "CHUNK_GET" in output
