"""DMTF's spdm_requester_emu against the certificates that few devices have.

As in test_reference_requester.py, whose helpers run it. Only its debug build says what it verified.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chains import issued_by
from interop.serving import serving
from interop.test_reference_requester import HINT, REQUESTER, export, run

from emulator.pki import files
from emulator.pki.authority import sample_authority
from emulator.pki.issue import LeafOptions

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module", autouse=True)
def _requester() -> None:
    if not REQUESTER:
        pytest.skip(HINT)


@pytest.fixture(scope="module")
def our_roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("ours"))


def read(port: int, folder: Path, version: str) -> str:
    """Read everything; where the requester says what it verified, all of it is good."""
    output = run(port, folder, version, "ECDSA_P384", "SHA_384", "ALL")
    if "verify_" in output:
        assert "FAIL" not in output
        assert "verify_challenge_signature - PASS" in output
        assert "verify_measurement_signature - PASS" in output
    return output


@pytest.fixture(scope="module")
def large_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A device of 1.4 with a chain of more than 0xFFFF bytes, from the authority it trusts."""
    folder = tmp_path_factory.mktemp("large")
    chain = issued_by(
        sample_authority("ECDSA_P384"), options=LeafOptions(more_names=("x" * 70_000,))
    )
    (folder / "chain.pem").write_bytes(files.to_pem(chain.certificates))
    (folder / "key.pem").write_bytes(chain.key.to_pem())
    profile = folder / "large.yaml"
    profile.write_text(
        """profile: 1
name: large
extends: nvme-ssd
versions: ["1.2", "1.4"]
capabilities: [CERT, CHAL, MEAS_SIG, CHUNK, LARGE_RESP]
algorithms: {asym: [ECDSA_P384]}
slots:
  0: {chains: [{certificates: [chain.pem], key: key.pem}]}
""",
        encoding="utf-8",
    )
    with serving(str(profile)) as ports:
        yield ports[0]


def test_a_chain_of_more_than_64_kib_is_read_in_the_large_form(
    large_port: int, our_roots: Path
) -> None:
    read(large_port, our_roots, "1.4")
