"""What goes onto the link, against a computation of its own: PyCryptodome's."""

import pytest
from Crypto.Cipher import AES
from linking import keyed, secret

from emulator.crypto.gcm import ShortTagGcm
from emulator.link import (
    Direction,
    End,
    KeySet,
    Place,
    Tlp,
    completion,
    memory_read,
    memory_write,
)

WRITE = memory_write(0x1_2345_6780, bytes(range(64)), requester=0x0100)
READ = memory_read(0x8000_0000, 16, tag=7, requester=0x0100)
COMPLETION = completion(READ, bytes(range(64)), completer=0x0000)


def independent(tlp: Tlp, raw: bytes, key: bytes, number: int) -> bytes:
    """The payload of a protected TLP; its MAC is verified."""
    long = bool(raw[4] & 0x20)
    head = 4 + (16 if long else 12)
    sub_stream = {"memory write": 0, "memory read": 1, "completion": 2}[tlp.kind.value]
    nonce = bytes((sub_stream << 4, 0, 0, 0)) + number.to_bytes(8, "big")
    cipher = AES.new(key, AES.MODE_GCM, nonce=nonce, mac_len=12)
    cipher.update(raw[:head])
    return cipher.decrypt_and_verify(raw[head:-12], raw[-12:])


@pytest.mark.parametrize("tlp", [WRITE, READ, COMPLETION], ids=str)
@pytest.mark.parametrize("sender", ["root port", "device"])
def test_each_tlp_is_aes_256_gcm_of_its_own_key_and_number(tlp: Tlp, sender: str) -> None:
    root, device = keyed()
    ends: dict[str, End] = {"root port": root, "device": device}
    place = Place(KeySet.K0, Direction.TX, tlp.kind.sub_stream)
    key = secret(place if sender == "device" else place.opposite)
    for number in (1, 2, 3):
        (raw,) = ends[sender].send(tlp)
        assert independent(tlp, raw, key, number) == tlp.data
        if tlp.data:
            assert tlp.data not in raw


def test_a_tlp_is_prefix_header_payload_and_mac() -> None:
    root, _ = keyed()
    (raw,) = root.send(WRITE)
    assert len(raw) == 4 + 16 + 64 + 12
    assert raw[:4].hex() == "92200000"
    assert raw[4:8].hex() == "60000010"
    assert raw[8:20].hex() == "010000ff" + "0000000123456780"
    (raw,) = root.send(READ)
    assert raw[:16].hex() == "92210001" + "00000010" + "010007ff" + "80000000"
    assert len(raw) == 16 + 12


@pytest.mark.parametrize("tag_size", [12, 16])
def test_a_cut_tag_is_the_first_bytes_of_the_whole_one(tag_size: int) -> None:
    key, nonce = bytes(range(32)), bytes(range(12))
    sealed, tag = ShortTagGcm(key, tag_size).seal(nonce, b"associated", b"plain")
    cipher = AES.new(key, AES.MODE_GCM, nonce=nonce)
    cipher.update(b"associated")
    assert cipher.encrypt_and_digest(b"plain") == (sealed, tag + cipher.digest()[tag_size:])
    opened = ShortTagGcm(key, tag_size).open(nonce, b"associated", sealed, tag)
    assert opened == b"plain"


def test_what_was_changed_does_not_open() -> None:
    gcm = ShortTagGcm(bytes(32), 12)
    sealed, tag = gcm.seal(bytes(12), b"a", b"plain")
    assert gcm.open(bytes(12), b"b", sealed, tag) is None
    assert gcm.open(bytes(12), b"a", sealed[::-1], tag) is None
    assert gcm.open(bytes(12), b"a", sealed, tag[:-1] + b"\xff") is None
    assert gcm.open(bytes(12), b"a", sealed, tag[:-1]) is None
    assert gcm.open(b"\1" + bytes(11), b"a", sealed, tag) is None
    with pytest.raises(ValueError, match="16 bytes of nonce where 12 belong"):
        gcm.seal(bytes(16), b"", b"")


def test_published_vectors_of_aes_256_gcm() -> None:
    """McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 14 and 16."""
    zero = ShortTagGcm(bytes(32), 16)
    assert zero.seal(bytes(12), b"", bytes(16)) == (
        bytes.fromhex("cea7403d4d606b6e074ec5d3baf39d18"),
        bytes.fromhex("d0d1c8a799996bf0265b98b5d48ab919"),
    )
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    plain = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    associated = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    sealed, tag = ShortTagGcm(key, 12).seal(
        bytes.fromhex("cafebabefacedbaddecaf888"), associated, plain
    )
    assert sealed.hex() == (
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    )
    assert tag.hex() == "76fc6ece0f4e1768cddf8853"
