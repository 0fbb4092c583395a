"""Ephemeral Diffie-Hellman, against the RFCs' examples and OpenSSL."""

import shutil
import subprocess
from pathlib import Path

import pytest
from Crypto.Util.number import isPrime
from cryptography.hazmat.primitives.asymmetric import ec
from support import require_or_skip

from emulator.crypto import der
from emulator.crypto.dhe import GROUPS
from emulator.crypto.ffdhe import PRIMES, PRIVATE_BITS
from emulator.entropy import Seeded
from emulator.errors import InvalidRequest

INTEGER = 0x02
OPENSSL = shutil.which("openssl")
SIZES = {
    "FFDHE_2048": (256, 256), "FFDHE_3072": (384, 384), "FFDHE_4096": (512, 512),
    "SECP_256_R1": (64, 32), "SECP_384_R1": (96, 48), "SECP_521_R1": (132, 66),
}  # fmt: skip
CURVES = tuple(name for name in SIZES if name.startswith("SECP"))
ORDERS = {"SECP_256_R1": ec.SECP256R1(), "SECP_384_R1": ec.SECP384R1()}

each = pytest.mark.parametrize("name", SIZES)
fields = pytest.mark.parametrize("name", PRIMES)

# RFC 5903 §8.1 and §8.2: i, the public value of r, and the shared secret.
EXAMPLES = {
    "SECP_256_R1": (
        "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
        (
            "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
            "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab"
        ),
        "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
    ),
    "SECP_384_R1": (
        (
            "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655"
            "e35b538041e649ee3faef896783ab194"
        ),
        (
            "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d"
            "0d1ac43a0336def96fda41d0774a3571"
            "dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1ff"
            "f83fa40142209dff5eaad96db9e6386c"
        ),
        (
            "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4"
            "d603135569b9e9d09cf5d4a270f59746"
        ),
    ),
}


def drawn(name: str, seed: int = 0) -> bytes:
    return Seeded(seed).bytes(GROUPS[name].drawn, label=name)


def test_every_group_of_the_standard_but_sm2_can_be_computed() -> None:
    found = {name: (group.public_size, group.secret_size) for name, group in GROUPS.items()}
    assert found == SIZES


@each
def test_both_sides_get_the_same_secret(name: str) -> None:
    ours, theirs = GROUPS[name].pair(drawn(name, 1)), GROUPS[name].pair(drawn(name, 2))
    secret = ours.shared(theirs.public)
    assert secret == theirs.shared(ours.public)
    assert (len(ours.public), len(secret)) == SIZES[name]
    assert ours.public != theirs.public


@each
def test_the_same_bytes_give_the_same_key(name: str) -> None:
    group = GROUPS[name]
    assert group.pair(drawn(name)).public == group.pair(drawn(name)).public


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_curve_is_the_rfcs(name: str) -> None:
    number, peer, secret = EXAMPLES[name]
    before = int(number, 16) - 1
    assert before < ORDERS[name].group_order
    pair = GROUPS[name].pair(before.to_bytes(GROUPS[name].drawn, "big"))
    assert pair.shared(bytes.fromhex(peer)).hex() == secret


@each
def test_leading_zeros_are_kept(name: str) -> None:
    group, ours = GROUPS[name], GROUPS[name].pair(drawn(name))
    seen: set[str] = set()
    for seed in range(1, 4000):
        theirs = group.pair(drawn(name, seed))
        if not theirs.public[0]:
            seen.add("public")
            assert len(ours.shared(theirs.public)) == group.secret_size
        if not ours.shared(theirs.public)[0]:
            seen.add("secret")
            assert theirs.shared(ours.public) == ours.shared(theirs.public)
        if len(seen) == 2:
            return
    raise AssertionError(f"no leading zeros in 4000 exchanges: {seen}")


@fields
def test_a_prime_is_safe(name: str) -> None:
    prime = PRIMES[name]
    assert prime.bit_length() == int(name.removeprefix("FFDHE_"))
    assert isPrime(prime)
    assert isPrime((prime - 1) // 2)


@fields
def test_private_values_are_as_long_as_the_rfc_asks(name: str) -> None:
    group = GROUPS[name]
    least = 1 << (PRIVATE_BITS[name] - 1)
    smallest = group.pair(bytes(group.drawn))
    largest = group.pair(b"\xff" * group.drawn)
    assert int.from_bytes(smallest.public, "big") == pow(2, least, PRIMES[name])
    assert int.from_bytes(largest.public, "big") == pow(2, 2 * least - 1, PRIMES[name])


@each
@pytest.mark.parametrize("size", [-1, 1, None])
def test_a_value_of_another_size_is_refused(name: str, size: int | None) -> None:
    pair = GROUPS[name].pair(drawn(name))
    peer = b"" if size is None else (pair.public + b"\0")[: len(pair.public) + size]
    with pytest.raises(InvalidRequest, match=f"{len(peer)} bytes where {name} has"):
        pair.shared(peer)


@fields
@pytest.mark.parametrize("offset", [0, 1, -1])
def test_a_value_everyone_can_compute_with_is_refused(name: str, offset: int) -> None:
    size = GROUPS[name].public_size
    for value in {offset % PRIMES[name], PRIMES[name] + max(0, offset), (1 << 8 * size) - 1}:
        with pytest.raises(InvalidRequest, match="out of range"):
            GROUPS[name].pair(drawn(name)).shared(value.to_bytes(size, "big"))


@pytest.mark.parametrize("name", CURVES)
def test_a_point_of_another_curve_is_refused(name: str) -> None:
    pair = GROUPS[name].pair(drawn(name))
    last = bytes((pair.public[-1] ^ 1,))
    for peer in (bytes(len(pair.public)), b"\xff" * len(pair.public), pair.public[:-1] + last):
        with pytest.raises(InvalidRequest, match=f"no point of {name}"):
            pair.shared(peer)


@fields
def test_openssl_gets_the_same_secret(name: str, tmp_path: Path) -> None:
    require_or_skip(OPENSSL is not None, "apt install openssl")
    size = GROUPS[name].public_size

    def openssl(*arguments: str) -> bytes:
        made = subprocess.run(
            [str(OPENSSL), *arguments], cwd=tmp_path, capture_output=True, check=True
        )
        return made.stdout

    group = name.lower().replace("_", "")
    openssl("genpkey", "-algorithm", "DH", "-pkeyopt", f"group:{group}", "-out", "key.pem")
    spki = openssl("pkey", "-in", "key.pem", "-pubout", "-outform", "DER")
    algorithm, bits = der.children(der.read(spki).content)
    theirs = int.from_bytes(der.read(bits.content[1:]).content, "big").to_bytes(size, "big")
    ours = GROUPS[name].pair(drawn(name))
    number = der.encode(INTEGER, b"\0" * (ours.public[0] >> 7) + ours.public)
    key = der.encode(bits.tag, b"\0", number)
    spki = der.encode(der.SEQUENCE, der.encode(algorithm.tag, algorithm.content), key)
    (tmp_path / "peer.der").write_bytes(spki)
    secret = openssl(
        *("pkeyutl", "-derive", "-inkey", "key.pem", "-peerkey", "peer.der", "-peerform", "DER"),
        *("-pkeyopt", "dh_pad:1"),
    )
    assert secret == ours.shared(theirs)
