"""DMTF's spdm_requester_emu against our device.

The environment variable SPDM_REQUESTER_EMU names the program; nothing of it is in this repository.
It needs folders of sample keys in its working directory: ours, written by
`certs export --spdm-emu`, hold our authority as its root. Its exit status says little: a bad option
prints the usage and ends with 0, so its output is read.
"""

import itertools
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop.serving import COMMAND, EVERY_VERSION, serving

from emulator.spdm.algorithms import HASHES, SIGNATURES
from emulator.spdm.versions import BY_TEXT

pytestmark = pytest.mark.reference

REQUESTER = os.environ.get("SPDM_REQUESTER_EMU", "")
HINT = "set SPDM_REQUESTER_EMU to DMTF's spdm_requester_emu (OpenSSL build)"

MATRIX = list(
    itertools.product(
        BY_TEXT,
        ("ECDSA_P256", "ECDSA_P384"),
        ("SHA_256", "SHA_384"),
        ("ONE_BY_ONE", "ALL"),
    )
)
SIGNATURE_NAMES = [row.name for row in SIGNATURES if row.offered]
HASH_NAMES = [row.name for row in HASHES if row.offered]
ALGORITHMS = [
    *itertools.product(("1.2", "1.3"), SIGNATURE_NAMES, ("SHA_256", "SHA_512")),
    *itertools.product(("1.2", "1.3"), ["ECDSA_P256"], HASH_NAMES),
    ("1.3", "RSAPSS_3072", "SHA3_384"),
    ("1.3", "EDDSA_448", "SHA3_512"),
]


@pytest.fixture(scope="module", autouse=True)
def _requester() -> None:
    if not REQUESTER:
        pytest.skip(HINT)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving("nvme-ssd", options=EVERY_VERSION) as ports:
        yield ports[0]


@pytest.fixture(scope="module")
def able_port() -> Iterator[int]:
    """A device with every algorithm there is."""
    asym, hash_names = ",".join(SIGNATURE_NAMES), ",".join(HASH_NAMES)
    options = ("--set", f"algorithms.asym=[{asym}]", "--set", f"algorithms.hash=[{hash_names}]")
    with serving("nvme-ssd", options=options) as ports:
        yield ports[0]


def export(folder: Path, *options: str) -> Path:
    subprocess.run([COMMAND, "certs", "export", "--spdm-emu", folder, *options], check=True)
    return folder


@pytest.fixture(scope="module")
def our_roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def foreign_roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    authority = tmp_path_factory.mktemp("authority")
    subprocess.run(
        [COMMAND, "certs", "make", "--dir", authority, "--seed", "someone else"], check=True
    )
    return export(tmp_path_factory.mktemp("foreign"), "--dir", str(authority))


def run(
    port: int,
    folder: Path,
    version: str,
    asym: str,
    hash_name: str,
    reading: str,
    *options: str,
) -> str:
    done = subprocess.run(
        [
            REQUESTER, "--trans", "PCI_DOE", "--port", str(port), "--ver", version,
            "--asym", asym, "--hash", hash_name, "--pqc_asym", "NONE", "--meas_op", reading,
            "--exe_conn", "DIGEST,CERT,CHAL,MEAS", "--exe_session", "NO_END", *options,
        ],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "ERROR:" not in output, output
    assert "usage" not in output.lower(), output
    assert "Client stopped" in output, output
    return output


@pytest.mark.parametrize(("version", "asym", "hash_name", "reading"), MATRIX)
def test_reads_everything_with_our_authority_as_its_root(
    port: int, our_roots: Path, version: str, asym: str, hash_name: str, reading: str
) -> None:
    run(port, our_roots, version, asym, hash_name, reading)


@pytest.mark.parametrize(("version", "asym", "hash_name", "reading"), MATRIX)
def test_reads_everything_with_a_foreign_root(
    port: int, foreign_roots: Path, version: str, asym: str, hash_name: str, reading: str
) -> None:
    run(port, foreign_roots, version, asym, hash_name, reading)


@pytest.mark.parametrize(("version", "asym", "hash_name"), ALGORITHMS)
def test_every_algorithm(
    able_port: int, our_roots: Path, version: str, asym: str, hash_name: str
) -> None:
    output = run(able_port, our_roots, version, asym, hash_name, "ALL")
    if "verify_" in output:  # a debug build says what it verified
        assert "FAIL" not in output
        assert "verify_challenge_signature - PASS" in output
        assert "verify_measurement_signature - PASS" in output


def test_its_debug_build_finds_our_root_and_every_signature_good(
    port: int, our_roots: Path
) -> None:
    output = run(port, our_roots, "1.3", "ECDSA_P384", "SHA_384", "ONE_BY_ONE")
    if "verify_" not in output:
        pytest.skip("only a debug build says what it verified")
    assert "FAIL" not in output
    assert "verify_challenge_signature - PASS" in output
    assert "verify_measurement_signature - PASS" in output
    assert "VerifyCertificateChainBuffer - PASS" in output


def over(port: int, folder: Path, version: str, transport: str, *options: str) -> None:
    """Read everything over a transport."""
    done = subprocess.run(
        [
            REQUESTER, "--trans", transport, "--port", str(port), "--ver", version,
            "--asym", "ECDSA_P384", "--hash", "SHA_384", "--pqc_asym", "NONE", "--meas_op", "ALL",
            "--exe_conn", "DIGEST,CERT,CHAL,MEAS", "--exe_session", "NO_END",
            *options,  # the last of two counts
        ],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "ERROR:" not in output, output
    assert "usage" not in output.lower(), output
    assert "Client stopped" in output, output


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("transport", ["PCI_DOE", "MCTP", "TCP", "NONE"])
def test_reads_everything_over_each_transport(
    port: int, our_roots: Path, version: str, transport: str
) -> None:
    over(port, our_roots, version, transport)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_reads_everything_over_tcp_without_role_inquiry_by_name(
    port: int, our_roots: Path, version: str
) -> None:
    over(port, our_roots, version, "TCP", "--tcp_sub", "NO_RI")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_reads_everything_after_a_role_inquiry(our_roots: Path, version: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    # The device connects; it keeps trying until the requester listens.
    device = subprocess.Popen(
        [COMMAND, "serve", "--role-inquiry", f"127.0.0.1:{port}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        over(port, our_roots, version, "TCP", "--tcp_sub", "RI")
    finally:
        told, errors = device.communicate(timeout=60)
    assert device.returncode == 0, errors
    assert f"nvme-ssd connected to 127.0.0.1:{port}" in told


@pytest.mark.parametrize("version", BY_TEXT)
def test_waits_for_a_slow_device(our_roots: Path, version: str) -> None:
    slow = ("--set", "timing.not_ready={rdt_exponent: 12, rdtm: 4}")
    with serving("nvme-ssd", options=(*EVERY_VERSION, *slow)) as (port,):
        over(port, our_roots, version, "PCI_DOE")


KNOWN = 'provisioned={version: "%s", asym: ECDSA_P384, hash: SHA_384}'
# One bit of each, as there is no negotiation to choose.
CHOSEN = (
    "--meas_hash", "SHA_384", "--kem", "NONE", "--dhe", "SECP_384_R1", "--aead", "AES_256_GCM",
    "--req_asym", "ECDSA_P384", "--other_param", "OPAQUE_FMT_1",
    "--peer_cap", "CERT,CHAL,MEAS_SIG,MEAS_FRESH",
)  # fmt: skip


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4"])
def test_goes_on_after_get_version_from_what_it_knows(our_roots: Path, version: str) -> None:
    options = (*EVERY_VERSION, "--set", KNOWN % version)
    with serving("nvme-ssd", options=options) as (port,):
        over(
            port, our_roots, version, "PCI_DOE", *CHOSEN,
            "--exe_conn", "VER_ONLY,DIGEST,CERT,CHAL,MEAS",
        )  # fmt: skip


@pytest.mark.parametrize("mode", ["CONTINUE", "SHUTDOWN"])
@pytest.mark.parametrize("version", BY_TEXT)
def test_goes_on_from_a_saved_negotiation(
    our_roots: Path, tmp_path: Path, version: str, mode: str
) -> None:
    """Digests only: what it loads lacks the signature algorithm, against its own responder too."""
    saved = tmp_path / "saved"
    cache = ("--set", "capabilities=[CACHE,CERT,CHAL,MEAS_SIG,MEAS_FRESH]")
    with serving("nvme-ssd", options=(*EVERY_VERSION, *cache)) as (port,):
        over(
            port, our_roots, version, "PCI_DOE", "--exe_conn", "VCA", "--save_state", str(saved),
            "--exe_mode", mode,
        )  # fmt: skip
        over(
            port, our_roots, version, "PCI_DOE", "--exe_conn", "DIGEST", "--load_state", str(saved)
        )
