"""VERSION, CAPABILITIES and ALGORITHMS: what a device says of itself."""

import struct

import pytest
from devices import (
    GET_VERSION,
    Peer,
    device,
    error,
    get_capabilities,
    negotiate_algorithms,
)

from emulator.device import Sizes, Timing
from emulator.spdm.algorithms import HASHES, MEASUREMENT_HASHES, SIGNATURES, by_name
from emulator.spdm.capabilities import Cap
from emulator.spdm.state import State
from emulator.spdm.versions import Version

both = pytest.mark.parametrize("version", [0x12, 0x13])

DHE, AEAD, KEY_SCHEDULE = (bytes.fromhex(row) for row in ("02201b00", "03200600", "05200100"))
REQ_ASYM_EXTERNAL = bytes.fromhex("04219000") + b"ext."


@pytest.mark.parametrize(
    ("versions", "listed"),
    [
        ((Version.V1_2, Version.V1_3), "0012 0013"),
        ((Version.V1_3, Version.V1_2), "0013 0012"),
        ((Version.V1_3,), "0013"),
    ],
)
def test_versions_are_listed_in_the_devices_order(
    versions: tuple[Version, ...], listed: str
) -> None:
    count = f"{len(versions):02x}"
    expected = bytes.fromhex("10040000 00" + count + listed)
    peer = Peer(device(versions=versions))
    assert peer.good(GET_VERSION) == expected
    assert peer.connection.version == 0


@both
def test_capabilities_are_the_devices_own(version: int) -> None:
    held = device(sizes=Sizes(data_transfer=1000, max_message=2000), timing=Timing(ct_exponent=17))
    peer = Peer(held).climb(State.AFTER_VERSION)
    flags = Cap.CERT | Cap.CHAL | Cap.MEAS_SIG | Cap.MEAS_FRESH
    expected = struct.pack("<6BHIII", version, 0x61, 0, 0, 0, 17, 0, flags, 1000, 2000)
    assert peer.good(get_capabilities(version)) == expected


@pytest.mark.parametrize(("version", "shown"), [(0x12, 0x00000006), (0x13, 0x01000006)])
def test_flags_a_version_does_not_know_are_not_sent(version: int, shown: int) -> None:
    peer = Peer(device(capabilities=Cap.CERT | Cap.CHAL | Cap.MEL | Cap.LARGE_RESP))
    peer.climb(State.AFTER_VERSION)
    reply = peer.good(get_capabilities(version))
    assert int.from_bytes(reply[8:12], "little") == peer.connection.local_capabilities == shown


@both
def test_the_requesters_capabilities_are_kept_as_its_version_knows_them(version: int) -> None:
    peer = Peer().climb(State.AFTER_VERSION)
    flags = Cap.CERT | Cap.CHAL | Cap.CHUNK | Cap.CACHE | Cap.EP_INFO_NO_SIG | Cap.LARGE_RESP
    peer.good(get_capabilities(version, flags=flags, size=42, largest=0xFFFFFFFF, exponent=31))
    known = Cap.CERT | Cap.CHAL | Cap.CHUNK
    connection = peer.connection
    assert connection.version == version
    assert connection.peer_capabilities == known | (Cap.EP_INFO_NO_SIG if version == 0x13 else 0)
    assert connection.peer_ct_exponent == 31
    assert connection.peer_data_transfer_size == 42
    assert connection.peer_max_message == 0xFFFFFFFF
    assert connection.state == State.AFTER_CAPABILITIES


def test_the_algorithms_block_is_not_sent_without_our_own_chunks() -> None:
    peer = Peer().climb(State.AFTER_VERSION)
    reply = peer.good(get_capabilities(0x13, flags=Cap.CHUNK, param1=1))
    assert (len(reply), reply[2]) == (20, 0)


def algorithms(
    version: int,
    *,
    specification: int = 1,
    other: int = 2,
    measurement: int = 4,
    asym: int = 0x80,
    base_hash: int = 2,
    structures: bytes = b"",
) -> bytes:
    """The ALGORITHMS expected."""
    length = 36 + len(structures)
    head = (version, 0x63, len(structures) // 4, 0, length, specification, other)
    chosen = struct.pack("<III16x", measurement, asym, base_hash)
    return struct.pack("<4BHBB", *head) + chosen + structures


@both
def test_one_of_each_family_is_selected_by_the_devices_preference(version: int) -> None:
    peer = Peer(version=version).climb(State.AFTER_CAPABILITIES)
    assert peer.good(negotiate_algorithms(version)) == algorithms(version)
    chosen = peer.connection.algorithms
    assert chosen.asym is by_name(SIGNATURES, "ECDSA_P384")
    assert chosen.hash is by_name(HASHES, "SHA_384")
    assert chosen.measurement_hash is by_name(MEASUREMENT_HASHES, "SHA_384")
    assert (chosen.measurement_specification, chosen.other_params) == (1, 2)


@both
def test_the_device_takes_what_the_requester_has(version: int) -> None:
    peer = Peer(version=version).climb(State.AFTER_CAPABILITIES)
    request = negotiate_algorithms(version, asym=0xFFFFFF10 & ~0x80, base_hash=0x01)
    assert peer.good(request) == algorithms(version, asym=0x10, base_hash=1)


@both
@pytest.mark.parametrize(
    ("offered", "asked", "selected"), [(2, 3, 2), (3, 1, 1), (3, 3, 2), (2, 1, 0), (0, 3, 0)]
)
def test_the_opaque_format_is_one_of_both_sides(
    version: int, offered: int, asked: int, selected: int
) -> None:
    peer = Peer(device(opaque_format=offered), version=version).climb(State.AFTER_CAPABILITIES)
    request = negotiate_algorithms(version, other=asked | 0xEC)  # reserved bits of 1.2 and 1.3
    assert peer.good(request) == algorithms(version, other=selected)


@both
def test_measurements_are_agreed_where_both_sides_have_them(version: int) -> None:
    request = negotiate_algorithms(version, specification=0)
    peer = Peer(version=version).climb(State.AFTER_CAPABILITIES)
    assert peer.good(request) == algorithms(version, specification=0, measurement=0)

    without = device(capabilities=Cap.CERT | Cap.CHAL, measurement_hash=None)
    peer = Peer(without, version=version).climb(State.AFTER_CAPABILITIES)
    request = negotiate_algorithms(version, specification=0xFF)
    assert peer.good(request) == algorithms(version, specification=0, measurement=0)
    assert peer.connection.algorithms.measurement_hash is None


@both
def test_a_device_without_keys_needs_no_algorithms_in_common(version: int) -> None:
    held = device(capabilities=Cap.MEAS_NO_SIG, measurement_hash="RAW_BIT")
    peer = Peer(held, version=version).climb(State.AFTER_CAPABILITIES)
    request = negotiate_algorithms(version, asym=0, base_hash=0)
    assert peer.good(request) == algorithms(version, measurement=1, asym=0, base_hash=0)


@both
def test_structures_are_answered_one_by_one_with_nothing_selected(version: int) -> None:
    peer = Peer(version=version).climb(State.AFTER_CAPABILITIES)
    request = negotiate_algorithms(
        version, structures=(DHE, AEAD, REQ_ASYM_EXTERNAL, KEY_SCHEDULE), external=(2, 1)
    )
    nothing = bytes.fromhex("02200000 03200000 04200000 05200000")
    assert peer.good(request) == algorithms(version, structures=nothing)


@both
def test_the_largest_request_there_may_be(version: int) -> None:
    """Four structures and twenty external algorithms: 128 bytes, the bound of libspdm's header."""
    rows = (DHE, AEAD, bytes.fromhex("04239000") + bytes(12), KEY_SCHEDULE)
    request = negotiate_algorithms(version, structures=rows, external=(9, 8))
    assert len(request) == 0x80
    Peer(version=version).climb(State.AFTER_CAPABILITIES).good(request)
    peer = Peer(version=version).climb(State.AFTER_CAPABILITIES)
    refused = peer.exchange(negotiate_algorithms(version, length=0x81))
    assert str(refused.error) == "Length 129 exceeds 128"
    refused = peer.exchange(negotiate_algorithms(version, length=0x80))
    assert str(refused.error) == "Length 128 where the message has 32 bytes"


def test_a_requester_of_several_keys_only_is_told_that_it_may() -> None:
    flags = Cap.CERT | Cap.CHAL | Cap.MULTI_KEY_ONLY
    peer = Peer().climb(State.AFTER_VERSION)
    peer.good(get_capabilities(0x13, flags=flags))
    assert peer.good(negotiate_algorithms(0x13)) == algorithms(0x13, other=0x12)
    assert peer.connection.algorithms.other_params == 2


def test_a_requester_that_negotiates_several_keys_gets_one() -> None:
    flags = Cap.CERT | Cap.CHAL | Cap.MULTI_KEY_NEG
    peer = Peer().climb(State.AFTER_VERSION)
    peer.good(get_capabilities(0x13, flags=flags))
    assert peer.good(negotiate_algorithms(0x13)) == algorithms(0x13, other=2)


def test_several_keys_are_granted_where_the_device_offers_them() -> None:
    offers = Cap.CERT | Cap.CHAL | Cap.MULTI_KEY_NEG | Cap.GET_KEY_PAIR_INFO
    request = negotiate_algorithms(0x13, other=0x12, specification=0)
    peer = Peer(device(capabilities=offers)).climb(State.AFTER_CAPABILITIES)
    peer.good(request)
    peer = Peer().climb(State.AFTER_CAPABILITIES)
    assert peer.ask(request) == error(0x13, 0x01)
    assert Peer(version=0x12).climb(State.AFTER_CAPABILITIES).good(
        negotiate_algorithms(0x12, other=0x12)
    ) == algorithms(0x12)
