import shutil
import subprocess
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from support import require_or_skip

from emulator.crypto import hashes
from emulator.crypto.keys import SCHEMES, SigningKey, VerifyingKey
from emulator.errors import PkiError
from emulator.pki.authority import sample_authority
from emulator.spdm.signing import CHALLENGE_AUTH, MEASUREMENTS, ToSign
from emulator.spdm.transcript import Entry

OPENSSL = shutil.which("openssl")
SIZES = {
    "ECDSA_P256": 64, "ECDSA_P384": 96, "ECDSA_P521": 132,
    "RSASSA_2048": 256, "RSASSA_3072": 384, "RSASSA_4096": 512,
    "RSAPSS_2048": 256, "RSAPSS_3072": 384, "RSAPSS_4096": 512,
    "EDDSA_25519": 64, "EDDSA_448": 114,
}  # fmt: skip


def key(scheme: str, secret: bytes = b"secret") -> SigningKey:
    """A derived key; of the large RSA sizes the sample ones, which take no seconds."""
    if scheme.startswith("RSA") and not scheme.endswith("2048"):
        shared = sample_authority(scheme).device_key
        assert shared is not None
        return shared.under(scheme)
    return derived(scheme, secret)


@cache
def derived(scheme: str, secret: bytes) -> SigningKey:
    return SigningKey.derive(scheme, secret)


def to_sign(hash_name: str, content: bytes = b"content", context: str = CHALLENGE_AUTH) -> ToSign:
    return ToSign(0x12, context, hash_name, (Entry(content),))


def test_every_scheme_has_its_size() -> None:
    assert {name: row.size for name, row in SCHEMES.items()} == SIZES


@pytest.mark.parametrize("name", hashes.NAMES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_signature_is_of_its_size_and_verifies(scheme: str, name: str) -> None:
    signature = key(scheme).sign(to_sign(name))
    assert len(signature) == SIZES[scheme]
    assert key(scheme).public.verify(signature, to_sign(name))
    again = key(scheme).sign(to_sign(name))
    assert (signature == again) == (not scheme.startswith("RSAPSS"))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_changed_signature_or_content_does_not_verify(scheme: str) -> None:
    signed = to_sign("SHA_256")
    public = key(scheme).public
    signature = key(scheme).sign(signed)
    flipped = signature[:1] + bytes((signature[1] ^ 1,)) + signature[2:]
    assert not public.verify(flipped, signed)
    assert not public.verify(signature[:-1], signed)
    assert not public.verify(bytes(len(signature)), signed)
    assert not public.verify(signature, to_sign("SHA_256", b"other"))
    assert not public.verify(signature, to_sign("SHA_256", context=MEASUREMENTS))


def test_ed448_without_its_context_is_another_signature() -> None:
    signing = key("EDDSA_448")
    assert isinstance(signing.pyca, ed448.Ed448PrivateKey)
    plain = signing.pyca.sign(to_sign("SHA_256").message())
    assert not signing.public.verify(plain, to_sign("SHA_256"))


@pytest.mark.parametrize("scheme", ["ECDSA_P256", "ECDSA_P521", "RSAPSS_2048", "EDDSA_448"])
def test_derived_keys_depend_on_the_secret_and_survive_pem(scheme: str) -> None:
    one = key(scheme)
    assert one.public.spki == SigningKey.derive(scheme, b"secret").public.spki
    assert one.scheme == scheme
    assert one.public.spki != key(scheme, b"two").public.spki
    assert SigningKey.from_pem(one.to_pem()).public.spki == one.public.spki


def test_an_rsa_key_serves_both_paddings() -> None:
    ssa = SigningKey.from_pem(key("RSAPSS_2048").to_pem())
    assert ssa.scheme == "RSASSA_2048"
    assert ssa.public.schemes == ("RSASSA_2048", "RSAPSS_2048")
    pss = ssa.under("RSAPSS_2048")
    assert pss.public.spki == ssa.public.spki
    signature = pss.sign(to_sign("SHA_384"))
    assert ssa.public.under("RSAPSS_2048").verify(signature, to_sign("SHA_384"))
    assert not ssa.public.verify(signature, to_sign("SHA_384"))
    with pytest.raises(PkiError, match="RSA key of 2048 bits where one for ECDSA_P256"):
        ssa.under("ECDSA_P256")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "curve secp256k1 where"),
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp224k1"], "not an unencrypted PEM"),
        (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2056"], "RSA key of 2056 bits where"),
        (["-algorithm", "X25519"], "X25519PrivateKey where one of ECDSA_P256"),
    ],
)
def test_other_keys_are_refused_by_name(options: list[str], problem: str) -> None:
    require_or_skip(OPENSSL is not None, "apt install openssl")
    made = subprocess.run([str(OPENSSL), "genpkey", *options], capture_output=True, check=True)
    with pytest.raises(PkiError, match=problem):
        SigningKey.from_pem(made.stdout)


def test_a_public_key_of_another_curve_is_refused() -> None:
    with pytest.raises(PkiError, match="curve secp256k1 where one of"):
        VerifyingKey(ec.derive_private_key(1, ec.SECP256K1()).public_key())


def test_text_that_is_no_key_is_refused() -> None:
    with pytest.raises(PkiError, match="not an unencrypted PEM private key"):
        SigningKey.from_pem(b"-----BEGIN NOTHING-----")


def test_public_keys_are_read_from_pem_and_der() -> None:
    one, other = (key(scheme).public for scheme in ("ECDSA_P256", "EDDSA_448"))
    (found,) = VerifyingKey.read(one.spki)
    assert found.spki == one.spki
    both = VerifyingKey.read(b"a comment\n" + one.to_pem() + other.to_pem())
    assert [public.spki for public in both] == [one.spki, other.spki]


@pytest.mark.parametrize(
    "data",
    [b"", b"\x30\x00", b"-----BEGIN PUBLIC KEY-----\n", key("ECDSA_P256").to_pem()],
    ids=["nothing", "der", "cut", "private"],
)
def test_what_is_no_public_key(data: bytes) -> None:
    with pytest.raises(PkiError, match="no public key, PEM or DER"):
        VerifyingKey.read(data)
