"""Keys of IDE: their places, and their bytes on the wire."""

import pytest

from emulator.errors import LinkError
from emulator.link import PLACES, Direction, KeySet, Place, Stream, SubStream, stream_control
from emulator.link.keys import (
    ifv_from_wire,
    ifv_to_wire,
    initialization_vector,
    key_from_wire,
    key_to_wire,
)

# tee-io-validator `doc/key_byte_order.md`, which says it is PCIe's Appendix L: the key as AES-GCM
# takes it, and the DWORDs of KEY_PROG from the first to the last, as numbers.
KEY = bytes.fromhex("df254152056e02e0ef8b7feb9739d4d96a4eb80103241df7cd5e24b49ccd2720")
DWORDS = (
    0xDF254152,
    0x056E02E0,
    0xEF8B7FEB,
    0x9739D4D9,
    0x6A4EB801,
    0x03241DF7,
    0xCD5E24B4,
    0x9CCD2720,
)
IFV_DWORDS = (0x00000000, 0x00000001)
IV = bytes.fromhex("000000000000000000000001")


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "little") for value in values)


def test_key_bytes_on_the_wire_are_the_published_ones() -> None:
    assert key_to_wire(KEY) == words(*DWORDS)
    assert key_from_wire(words(*DWORDS)) == KEY


def test_the_first_invocation_field_is_the_published_one() -> None:
    assert ifv_to_wire(1) == words(*IFV_DWORDS)
    assert ifv_from_wire(words(*IFV_DWORDS)) == 1
    assert ifv_from_wire(ifv_to_wire(0x0123456789ABCDEF)) == 0x0123456789ABCDEF


def test_the_first_iv_is_the_published_one() -> None:
    assert initialization_vector(SubStream.PR, 1) == IV


def test_an_iv_has_the_sub_stream_in_its_top_bits_and_counts_in_its_last() -> None:
    assert initialization_vector(SubStream.NPR, 0x102).hex() == "100000000000000000000102"
    assert initialization_vector(SubStream.CPL, 2**64 - 1).hex() == "20000000ffffffffffffffff"


def test_places_are_the_bytes_of_idekm() -> None:
    assert len(set(PLACES)) == 12
    assert Place(KeySet.K0, Direction.RX, SubStream.PR).byte == 0x00
    assert Place(KeySet.K1, Direction.RX, SubStream.NPR).byte == 0x11
    assert Place(KeySet.K0, Direction.TX, SubStream.CPL).byte == 0x22
    assert Place(KeySet.K1, Direction.TX, SubStream.CPL).byte == 0x23
    for place in PLACES:
        assert Place.of(place.byte) == place


@pytest.mark.parametrize("byte", range(256))
def test_no_other_byte_is_a_place(byte: int) -> None:
    known = byte >> 4 <= 2 and not byte & 0x0C
    assert (Place.of(byte) is not None) == known


def test_a_place_is_the_opposite_one_at_the_other_end() -> None:
    for place in PLACES:
        assert place.opposite.opposite == place
        assert place.opposite.direction is not place.direction
        assert place.opposite.sub_stream is place.sub_stream
        assert place.other_set.other_set == place
        assert place.other_set.key_set is not place.key_set


def test_a_key_of_another_size() -> None:
    stream = Stream(selective=True, control=stream_control(0, enabled=True))
    with pytest.raises(LinkError, match="16 bytes of key where 32 belong"):
        stream.program(PLACES[0], bytes(16), 1)
