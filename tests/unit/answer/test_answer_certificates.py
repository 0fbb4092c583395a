"""DIGESTS and CERTIFICATE."""

import hashlib
import struct
from collections.abc import Iterator

import pytest
from devices import Peer, chain, device, error, get_certificate, get_digests, negotiated

from emulator.device import Sizes
from emulator.spdm.state import State

both = pytest.mark.parametrize("version", [0x12, 0x13])
CHAIN = chain("ECDSA_P384", 0).spdm("SHA_384")
SIZE = len(CHAIN)


def portion(reply: bytes) -> tuple[bytes, int]:
    """The portion of a CERTIFICATE, its header checked, and the remainder's length."""
    length, remainder = struct.unpack_from("<HH", reply, 4)
    assert len(reply) == 8 + length
    return reply[8:], remainder


@both
def test_digests_are_of_each_slots_chain(version: int) -> None:
    peer = negotiated(version=version)
    supported = 0x05 if version == 0x13 else 0
    chains = (chain("ECDSA_P384", slot).spdm("SHA_384") for slot in (0, 2))
    expected = b"".join(hashlib.sha384(raw).digest() for raw in chains)
    assert peer.good(get_digests(version)) == bytes((version, 0x01, supported, 0x05)) + expected


@both
def test_digests_are_of_the_chains_that_serve_the_negotiated_algorithm(version: int) -> None:
    held = device(slots={1: ("ECDSA_P256",), 7: ("ECDSA_P384", "ECDSA_P256")})
    peer = Peer(held, version=version).climb(State.NEGOTIATED, asym=0x10, base_hash=1)
    reply = peer.good(get_digests(version))
    assert (reply[3], len(reply)) == (0x82, 4 + 2 * 32)
    assert reply[36:] == hashlib.sha256(chain("ECDSA_P256", 7).spdm("SHA_256")).digest()
    other = Peer(held, version=version).climb(State.NEGOTIATED, asym=0x80)
    assert other.good(get_digests(version))[3] == 0x80


@both
def test_with_no_chain_for_the_negotiated_algorithm_there_are_no_digests(version: int) -> None:
    held = device(slots={0: ("ECDSA_P256",)})
    peer = negotiated(held, version=version)
    assert peer.ask(get_digests(version)) == error(version, 0x05)
    assert peer.ask(get_certificate(version)) == error(version, 0x01)


@both
@pytest.mark.parametrize("slot", [0, 2])
def test_a_chain_in_one_piece(version: int, slot: int) -> None:
    peer = negotiated(version=version)
    reply = peer.good(get_certificate(version, slot=slot))
    assert reply[:4] == bytes((version, 0x02, slot, 0))
    assert portion(reply) == (chain("ECDSA_P384", slot).spdm("SHA_384"), 0)


def reads(peer: Peer, length: int) -> Iterator[bytes]:
    """The portions of slot 0's chain, read `length` bytes at a time."""
    offset, left = 0, 1
    while left:
        reply = peer.good(get_certificate(peer.version, offset=offset, length=length))
        data, left = portion(reply)
        assert left == SIZE - offset - len(data)
        offset += len(data)
        yield data


@both
@pytest.mark.parametrize("length", [100, 1000, SIZE - 1, SIZE, SIZE + 1, 0xFFFF])
def test_a_chain_in_portions(version: int, length: int) -> None:
    portions = list(reads(negotiated(version=version), length))
    assert b"".join(portions) == CHAIN
    assert {len(data) for data in portions[:-1]} <= {length}


@both
@pytest.mark.parametrize(
    ("offset", "length", "got", "left"),
    [
        (0, 0, 0, SIZE),
        (0, 1, 1, SIZE - 1),
        (SIZE - 1, 0, 0, 1),
        (SIZE - 1, 1, 1, 0),
        (SIZE - 1, 0xFFFF, 1, 0),
        (1, SIZE, SIZE - 1, 0),
    ],
)
def test_offset_and_length_at_their_bounds(
    version: int, offset: int, length: int, got: int, left: int
) -> None:
    reply = negotiated(version=version).good(get_certificate(version, offset=offset, length=length))
    assert portion(reply) == (CHAIN[offset : offset + got], left)


@both
@pytest.mark.parametrize("offset", [SIZE, SIZE + 1, 0xFFFF])
@pytest.mark.parametrize("length", [0, 1, 0xFFFF])
def test_past_its_end_there_is_no_chain(version: int, offset: int, length: int) -> None:
    peer = negotiated(version=version)
    request = get_certificate(version, offset=offset, length=length)
    assert peer.ask(request) == error(version, 0x01)


@both
def test_reserved_bits_beside_the_slot_are_not_looked_at(version: int) -> None:
    reply = negotiated(version=version).good(get_certificate(version, slot=0xF2, length=4))
    assert reply[2] == 2


def test_since_1_3_the_size_alone_can_be_asked_for() -> None:
    request = get_certificate(0x13, offset=0xFFFF, length=0xFFFF, param2=0x01)
    assert portion(negotiated().good(request)) == (b"", SIZE)
    reserved = get_certificate(0x12, length=4, param2=0x01)
    assert portion(negotiated(version=0x12).good(reserved)) == (CHAIN[:4], SIZE - 4)
    others = get_certificate(0x13, length=4, param2=0xFE)
    assert portion(negotiated().good(others)) == (CHAIN[:4], SIZE - 4)


@both
@pytest.mark.parametrize(
    ("sizes", "largest"),
    [
        (Sizes(certificate_portion=256), 256),
        (Sizes(certificate_portion=1), 1),
        (Sizes(transmit=1032), 1024),
        (Sizes(transmit=1032, certificate_portion=1024), 1024),
        (Sizes(transmit=1032, certificate_portion=1025), 1024),
        (Sizes(transmit=1032, certificate_portion=1023), 1023),
    ],
)
def test_the_device_caps_its_portions_itself(version: int, sizes: Sizes, largest: int) -> None:
    peer = negotiated(device(sizes=sizes), version=version)
    assert portion(peer.good(get_certificate(version))) == (CHAIN[:largest], SIZE - largest)
    less = peer.good(get_certificate(version, length=1))
    assert portion(less) == (CHAIN[:1], SIZE - 1)
