"""DMTF's spdm_requester_emu against the certificates that few devices have.

As in test_reference_requester.py, whose helpers run it. Only its debug build says what it verified.
"""

import itertools
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


def read(port: int, folder: Path, version: str, *options: str) -> str:
    """Read everything; where the requester says what it verified, all of it is good."""
    output = run(port, folder, version, "ECDSA_P384", "SHA_384", "ALL", *options)
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


MODELS = {
    "alias": """
versions: ["1.2", "1.3", "1.4"]
capabilities: [CERT, CHAL, MEAS_SIG, MEAS_FRESH, ALIAS_CERT]
slots: {0: {auto: {model: alias}}}
""",
    "generic": """
versions: ["1.3", "1.4"]
slots: {0: auto, 1: {auto: {model: generic}}}
""",
}


@pytest.fixture(scope="module")
def model_ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    folder = tmp_path_factory.mktemp("models")
    for name, text in MODELS.items():
        profile = f"profile: 1\nname: {name}\nextends: nvme-ssd\n{text}"
        (folder / f"{name}.yaml").write_text(profile, encoding="utf-8")
    with serving(*(str(folder / f"{name}.yaml") for name in MODELS)) as ports:
        yield dict(zip(MODELS, ports, strict=True))


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4"])
def test_alias_certificates(model_ports: dict[str, int], our_roots: Path, version: str) -> None:
    read(model_ports["alias"], our_roots, version)


@pytest.mark.parametrize("version", ["1.3", "1.4"])
def test_a_generic_certificate_in_slot_1(
    model_ports: dict[str, int], our_roots: Path, version: str
) -> None:
    read(model_ports["generic"], our_roots, version, "--slot_id", "1")


KEYED = """profile: 1
name: keyed
extends: nvme-ssd
versions: ["1.1", "1.2", "1.3", "1.4"]
capabilities: [CHAL, MEAS_SIG, MEAS_FRESH, PUB_KEY_ID]
algorithms: {asym: [ECDSA_P384, RSAPSS_3072, EDDSA_25519]}
slots: {0: null}
public_key: auto
"""


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The port of a device known by its public key, and a folder with that key."""
    folder = tmp_path_factory.mktemp("keyed")
    profile = folder / "keyed.yaml"
    profile.write_text(KEYED, encoding="utf-8")
    with serving(str(profile)) as ports:
        yield ports[0], export(folder / "keys", "--profile", str(profile))


@pytest.mark.parametrize(
    ("version", "asym"),
    [
        *itertools.product(("1.1", "1.2", "1.3", "1.4"), ("ECDSA_P384", "RSAPSS_3072")),
        ("1.2", "EDDSA_25519"),
        ("1.3", "EDDSA_25519"),
    ],
)
def test_a_device_known_by_its_public_key(keyed: tuple[int, Path], version: str, asym: str) -> None:
    port, folder = keyed
    output = run(port, folder, version, asym, "SHA_384", "ALL", "--slot_id", "0xFF")
    if "verify_" in output:
        assert "FAIL" not in output
        assert "verify_public_key_hash - PASS" in output
        assert "verify_challenge_signature - PASS" in output
        assert "verify_measurement_signature - PASS" in output
