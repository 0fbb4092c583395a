"""Opaque data of KEY_EXCHANGE: which version of secured messages is offered and chosen.

The bytes are those of DMTF's emulators.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import WireError
from emulator.spdm.opaque import OpaqueElement, read_elements, write_elements
from emulator.spdm.secured_versions import (
    ALL,
    SecuredVersion,
    choose,
    offer,
    offered,
    selected,
    selection,
)

EARLY_OFFER = bytes.fromhex("46544d4401010000 00000900 010103 001000110012 000000")
EARLY_CHOICE = bytes.fromhex("46544d4401010000 00000400 01000012")
OFFER = bytes.fromhex("01000000 00000900 010103 001000110012 000000")
CHOICE = bytes.fromhex("01000000 00000400 01000012")


@pytest.mark.parametrize(
    ("version", "asked", "told"),
    [(0x11, EARLY_OFFER, EARLY_CHOICE), *((v, OFFER, CHOICE) for v in (0x12, 0x13, 0x14))],
)
def test_both_forms_are_libspdms(version: int, asked: bytes, told: bytes) -> None:
    assert offer(version, ALL) == asked
    assert selection(version, SecuredVersion.V1_2) == told
    assert offered(version, asked) == (0x10, 0x11, 0x12)
    assert selected(version, told) == 0x12


def test_the_highest_in_common_is_chosen() -> None:
    assert choose(ALL, (0x10, 0x11)) == SecuredVersion.V1_1
    assert choose(ALL, (0x13, 0x12, 0x10)) == SecuredVersion.V1_2
    assert choose((SecuredVersion.V1_0,), (0x10, 0x12)) == SecuredVersion.V1_0
    assert choose(ALL, (0x13,)) is None
    assert choose((), (0x10,)) is None


def test_other_elements_are_passed_over() -> None:
    others = (
        OpaqueElement(registry=3, vendor=b"\x86\x80", data=b"\x01\x01\x01\x00\x10"),
        OpaqueElement(registry=0, data=b"\x02\x01"),
        OpaqueElement(registry=0, data=b""),
    )
    mine = read_elements(0x12, OFFER)
    assert offered(0x12, write_elements(0x12, (*others, *mine))) == (0x10, 0x11, 0x12)
    with pytest.raises(WireError, match="no element of secured messages with id 1"):
        offered(0x12, write_elements(0x12, others))


@pytest.mark.parametrize(
    ("version", "opaque", "reason"),
    [
        (0x12, b"", "OpaqueTable.total_elements at byte 0"),
        (0x12, CHOICE, "no element of secured messages with id 1"),
        (0x12, OFFER[:-4], "OpaqueElement.data at byte 4"),
        (0x12, OFFER[:-1], "19 bytes where the elements end at 20"),
        (0x12, OFFER + bytes(4), "24 bytes where the elements end at 20"),
        (0x12, b"\2" + OFFER[1:], "OpaqueElement.registry at byte 0"),
        (0x12, bytes.fromhex("01000000 00000300 010100 00"), "no version is offered"),
        (0x12, bytes.fromhex("01000000 00000400 01010210 00000000"), "where the elements end at"),
        (0x12, bytes.fromhex("01000000 00000400 01010210"), "SupportedVersions.versions"),
        (0x12, bytes.fromhex("01000000 00000800 010101 0010 000000"), "message ends after 5"),
        (0x11, OFFER, "EarlyTable.specification at byte 0: 0x1 version 0 is not the DMTF's"),
        (0x11, EARLY_OFFER[:7], "EarlyTable.reserved"),
    ],
)
def test_what_is_no_offer(version: int, opaque: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        offered(version, opaque)


@pytest.mark.parametrize("size", range(len(CHOICE)))
def test_no_part_of_a_choice_is_one(size: int) -> None:
    with pytest.raises(WireError):
        selected(0x12, CHOICE[:size])
    with pytest.raises(WireError):
        selected(0x11, EARLY_CHOICE[:size])


@given(version=st.sampled_from((0x11, 0x12, 0x14)), opaque=st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(version: int, opaque: bytes) -> None:
    for read in (offered, selected):
        try:
            read(version, opaque)
        except WireError:
            continue
