"""HMAC, HKDF and AEAD against the RFCs' examples and `cryptography`."""

import pytest
from cryptography.hazmat.primitives import hashes as pyca_hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from emulator.crypto import hashes, kdf
from emulator.crypto.aead import NONCE_SIZE, SUITES, TAG_SIZE, Aead

each = pytest.mark.parametrize("name", SUITES)


def test_hkdf_is_rfc_5869s() -> None:
    """Appendix A.1."""
    key = kdf.extract("SHA_256", bytes(range(13)), b"\x0b" * 22)
    assert key.hex() == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"
    made = kdf.expand("SHA_256", key, bytes(range(0xF0, 0xFA)), 42)
    assert made.hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )


@pytest.mark.parametrize("name", hashes.NAMES)
@pytest.mark.parametrize("size", [1, 12, 32, 48, 64, 65, 200])
def test_expansion_is_cryptographys(name: str, size: int) -> None:
    algorithm: pyca_hashes.HashAlgorithm = hashes.PYCA[name]
    key, info = b"k" * hashes.size(name), b"info"
    assert kdf.expand(name, key, info, size) == HKDFExpand(algorithm, size, info).derive(key)


def test_hmac_is_rfc_4231s() -> None:
    """Test case 2."""
    found = {
        name: kdf.hmac(name, b"Jefe", b"what do ya want for nothing?") for name in ("SHA_256",)
    }
    assert found["SHA_256"].hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )
    assert [len(kdf.hmac(name, b"", b"")) for name in hashes.NAMES] == [32, 48, 64, 32, 48, 64]


def test_comparing_is_comparing() -> None:
    assert kdf.same(b"same", b"same")
    assert not kdf.same(b"same", b"some")
    assert not kdf.same(b"same", b"same, but longer")


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("AES_128_GCM", "58e2fccefa7e3061367f1d57a4e7455a"),
        ("AES_256_GCM", "530f8afbc74536b9a963b4f1c4cb738b"),
    ],
)
def test_gcm_is_its_inventors(name: str, tag: str) -> None:
    """Test cases 1 and 13 of McGrew and Viega."""
    sealed = Aead(name, bytes(SUITES[name].key_size)).seal(bytes(NONCE_SIZE), b"", b"")
    assert sealed.hex() == tag


def test_chacha20_poly1305_is_rfc_8439s() -> None:
    """Section 2.8.2."""
    cipher = Aead("CHACHA20_POLY1305", bytes(range(0x80, 0xA0)))
    nonce = bytes.fromhex("070000004041424344454647")
    associated = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    plain = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the"
        b" future, sunscreen would be it."
    )
    sealed = cipher.seal(nonce, associated, plain)
    assert sealed[:8].hex() == "d31a8d34648e60db"
    assert sealed[-TAG_SIZE:].hex() == "1ae10b594f09e26a7e902ecbd0600691"
    assert cipher.open(nonce, associated, sealed) == plain


@each
@given(plain=st.binary(max_size=64), associated=st.binary(max_size=16), data=st.data())
def test_no_bit_can_change(name: str, plain: bytes, associated: bytes, data: st.DataObject) -> None:
    cipher, nonce = Aead(name, bytes(SUITES[name].key_size)), bytes(NONCE_SIZE)
    sealed = cipher.seal(nonce, associated, plain)
    assert len(sealed) == len(plain) + TAG_SIZE
    assert cipher.open(nonce, associated, sealed) == plain
    bent = bytearray(sealed)
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    bent[bit // 8] ^= 1 << bit % 8
    assert cipher.open(nonce, associated, bytes(bent)) is None
    assert cipher.open(nonce, associated + b"x", sealed) is None
    assert cipher.open(nonce[:-1] + b"x", associated, sealed) is None


@each
def test_what_is_too_short_for_a_tag_does_not_open(name: str) -> None:
    cipher = Aead(name, bytes(SUITES[name].key_size))
    assert [cipher.open(bytes(NONCE_SIZE), b"", bytes(size)) for size in range(TAG_SIZE)] == [
        None
    ] * TAG_SIZE


@each
@pytest.mark.parametrize("wrong", [-1, 1, -32])
def test_a_key_of_another_size_is_none(name: str, wrong: int) -> None:
    size = max(0, SUITES[name].key_size + wrong)
    with pytest.raises(ValueError, match=f"{size} bytes of key where {name} needs"):
        Aead(name, bytes(size))
