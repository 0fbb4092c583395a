import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.transport import doe
from emulator.transport.doe import DataObject, DataObjectError, DataObjectType


def test_an_object_is_the_headers() -> None:
    assert doe.spdm_object(bytes.fromhex("10840000")) == bytes.fromhex("01000100 03000000 10840000")
    assert DataObject(0x1234, 0x56, b"").to_bytes() == bytes.fromhex("34125600 02000000")


def test_numbers_are_the_headers() -> None:
    assert [int(kind) for kind in DataObjectType] == [0, 1, 2]
    assert (doe.VENDOR_PCISIG, doe.HEADER_SIZE, doe.DWORD, doe.PADDING) == (1, 8, 4, 3)
    assert doe.MAX_OBJECT == 0x100000  # PCI_DOE_MAX_SIZE_IN_BYTE


@pytest.mark.parametrize("length", range(9))
def test_a_payload_is_padded_to_dwords_with_zeros(length: int) -> None:
    raw = DataObject(1, 1, b"\xff" * length).to_bytes()
    dwords = (length + 3) // 4
    assert len(raw) == 8 + 4 * dwords
    assert raw[4:8] == struct.pack("<I", 2 + dwords)
    assert raw[8:] == (b"\xff" * length).ljust(4 * dwords, b"\0")


@settings(print_blob=True, deadline=None)
@given(vendor=st.integers(0, 0xFFFF), kind=st.integers(0, 0xFF), payload=st.binary(max_size=64))
def test_round_trip(vendor: int, kind: int, payload: bytes) -> None:
    got = doe.parse(DataObject(vendor, kind, payload).to_bytes())
    assert got[:2] == (vendor, kind)
    assert got.payload == payload + bytes(-len(payload) % 4)


def test_a_length_of_zero_is_the_largest() -> None:
    largest = DataObject(1, 1, bytes(doe.MAX_OBJECT - 8)).to_bytes()
    assert largest[4:8] == bytes(4)
    assert len(doe.parse(largest).payload) == 0x100000 - 8
    with pytest.raises(DataObjectError, match="its length says 1048576 bytes, it has 12"):
        doe.parse(bytes.fromhex("01000100 00000000 10840000"))


def test_reserved_bits_are_ignored() -> None:
    reserved = bytes.fromhex("010001ff 0300fcff 10840000")
    assert doe.parse(reserved) == DataObject(1, 1, bytes.fromhex("10840000"))


@pytest.mark.parametrize("length", range(8))
def test_an_object_has_a_header(length: int) -> None:
    with pytest.raises(DataObjectError, match=f"{length} bytes where a header takes 8"):
        doe.parse(bytes.fromhex("0100010002000000")[:length])


@pytest.mark.parametrize(
    ("raw", "stated", "held"),
    [
        ("01000100 04000000 10840000", 16, 12),
        ("01000100 02000000 10840000", 8, 12),
        ("01000100 03000000 108400", 12, 11),
        ("01000100 03000000 1084000000", 12, 13),
        ("01000100 01000000", 4, 8),
        ("01000100 ffff0300 10840000", 0xFFFFC, 12),
    ],
)
def test_its_length_is_its_own(raw: str, stated: int, held: int) -> None:
    with pytest.raises(DataObjectError, match=f"its length says {stated} bytes, it has {held}"):
        doe.parse(bytes.fromhex(raw))


@pytest.mark.parametrize(
    ("index", "answer"),
    [
        (0, "0100 00 01"),
        (1, "0100 01 02"),
        (2, "0100 02 00"),
        (3, "ffff 00 00"),
        (255, "ffff 00 00"),
    ],
)
def test_discovery(index: int, answer: str) -> None:
    request = doe.parse(doe.discovery_request(index))
    assert request == DataObject(1, 0, bytes((index, 0, 0, 0)))
    expected = bytes.fromhex("01000000 03000000" + answer)
    assert doe.discovery_response(request.payload) == expected
    assert doe.discovery_response(request.payload + b"more") == expected


def test_discovery_without_an_index_is_of_the_first() -> None:
    assert doe.discovery_response(b"") == bytes.fromhex("01000000 03000000 01000001")
