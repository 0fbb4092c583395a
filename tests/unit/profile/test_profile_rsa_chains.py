"""An RSA chain from files: one key for two signature algorithms."""

from pathlib import Path

import pytest
from chains import issued
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from unit.profile.conftest import Load, Problems

from emulator.entropy import Seeded
from emulator.pki import files
from emulator.profile import build
from emulator.spdm.signing import CHALLENGE_AUTH, ToSign
from emulator.spdm.transcript import Entry

SLOTS = "{0: {chains: [{certificates: [chain.pem], key: key.pem}]}}"
SIGNED = ToSign(0x12, CHALLENGE_AUTH, "SHA_384", (Entry(b"content"),))


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> None:
    chain = issued("RSA_2048")
    files.write_file(tmp_path / "chain.pem", files.to_pem(chain.certificates))
    files.write_file(tmp_path / "key.pem", chain.key.to_pem())


@pytest.mark.parametrize(
    "offered",
    [
        pytest.param(("RSASSA_2048",), id="PKCS#1"),
        pytest.param(("RSAPSS_2048",), id="PSS"),
        pytest.param(("RSAPSS_2048", "RSASSA_2048"), id="both"),
    ],
)
def test_the_chain_serves_what_is_offered(load_sections: Load, offered: tuple[str, ...]) -> None:
    loaded = load_sections(slots=SLOTS, algorithms=f"{{asym: [{', '.join(offered)}]}}")
    assert {one.chain.key.scheme for one in loaded.chains} == set(offered)
    device = build(loaded, entropy=Seeded(1), at=loaded.chains[0].not_before)
    held = device.slots[0].chains
    assert set(held) == set(offered)
    for scheme in offered:
        signature = held[scheme].key.sign(SIGNED)
        assert issued("RSA_2048").key.public.under(scheme).verify(signature, SIGNED)
        assert held[scheme].certificates == issued("RSA_2048").certificates


def test_another_size_must_have_another_chain(problems: Problems) -> None:
    assert problems(slots=SLOTS, algorithms="{asym: [RSASSA_3072]}") == [
        (
            "p.yaml:7:22: slots.0.chains[0]: found an RSASSA_2048 key; expected a key of "
            "RSASSA_3072, as in algorithms.asym"
        )
    ]


def test_a_key_that_is_none_is_told(problems: Problems, tmp_path: Path) -> None:
    """The primes of a key from a file are tested; those of the sample authority are not."""
    key = issued("RSA_2048").key.pyca
    assert isinstance(key, rsa.RSAPrivateKey)
    numbers = key.private_numbers()
    public = rsa.RSAPublicNumbers(numbers.public_numbers.e, (numbers.p + 2) * numbers.q)
    bent = rsa.RSAPrivateNumbers(
        numbers.p + 2, numbers.q, numbers.d, numbers.dmp1, numbers.dmq1, numbers.iqmp, public
    )
    broken = bent.private_key(unsafe_skip_rsa_key_validation=True)
    pem = broken.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (tmp_path / "key.pem").write_bytes(pem)
    [problem] = problems(slots=SLOTS, algorithms="{asym: [RSASSA_2048]}")
    assert "slots.0.chains[0].key: found" in problem
    assert "not an unencrypted PEM private key" in problem
