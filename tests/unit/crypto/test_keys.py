import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from support import require_or_skip

from emulator.crypto.keys import SCHEMES, SigningKey
from emulator.errors import PkiError

OPENSSL = shutil.which("openssl")
HASHES = {"SHA_256": (hashes.SHA256(), 32), "SHA_384": (hashes.SHA384(), 48)}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", HASHES)
def test_signatures_are_r_and_s_as_wide_as_the_order(scheme: str, name: str) -> None:
    algorithm, size = HASHES[name]
    key = SigningKey.derive(scheme, b"secret")
    digest = bytes(range(size))
    signature = key.sign(digest, name)
    half = len(signature) // 2
    assert half == {"ECDSA_P256": 32, "ECDSA_P384": 48}[scheme]
    der = encode_dss_signature(
        int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    )
    key.public.pyca.verify(der, digest, ec.ECDSA(Prehashed(algorithm)))
    assert key.public.verify(signature, digest, name)
    assert signature == key.sign(digest, name)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_changed_signature_or_digest_does_not_verify(scheme: str) -> None:
    key = SigningKey.derive(scheme, b"secret")
    digest = bytes(32)
    signature = key.sign(digest, "SHA_256")
    flipped = bytes((signature[0] ^ 1,)) + signature[1:]
    assert not key.public.verify(flipped, digest, "SHA_256")
    assert not key.public.verify(signature, bytes((1,)) * 32, "SHA_256")
    assert not key.public.verify(signature[:-1], digest, "SHA_256")
    assert not key.public.verify(bytes(len(signature)), digest, "SHA_256")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_derived_keys_depend_on_the_secret_and_survive_pem(scheme: str) -> None:
    key = SigningKey.derive(scheme, b"one")
    assert key.public.spki == SigningKey.derive(scheme, b"one").public.spki
    assert key.public.spki != SigningKey.derive(scheme, b"two").public.spki
    assert SigningKey.from_pem(key.to_pem()).public.spki == key.public.spki


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp521r1"], "curve secp521r1 where"),
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp224k1"], "not an unencrypted PEM"),
        (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "an ECDSA key is needed"),
    ],
)
def test_other_keys_are_refused_by_name(options: list[str], problem: str) -> None:
    require_or_skip(OPENSSL is not None, "apt install openssl")
    made = subprocess.run([str(OPENSSL), "genpkey", *options], capture_output=True, check=True)
    with pytest.raises(PkiError, match=problem):
        SigningKey.from_pem(made.stdout)


def test_text_that_is_no_key_is_refused() -> None:
    with pytest.raises(PkiError, match="not an unencrypted PEM private key"):
        SigningKey.from_pem(b"-----BEGIN NOTHING-----")
