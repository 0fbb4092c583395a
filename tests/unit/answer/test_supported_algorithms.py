"""The supported-algorithms block of CAPABILITIES, byte by byte.

Source: libspdm `library/spdm_responder_lib/libspdm_rsp_capabilities.c`, `spdm.h`
`spdm_supported_algorithms_block_t`.
"""

import struct

import pytest
from devices import CAPABILITIES, GET_VERSION, Peer, device, error, get_capabilities

from emulator.device import Device, Sizes
from emulator.spdm.capabilities import Cap
from emulator.spdm.state import State
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version

BLOCK_SIZE = 30
ASYM = ("ECDSA_P384", "RSASSA_3072", "EDDSA_25519")


def chunking(capabilities: Cap = CAPABILITIES | Cap.CHUNK) -> Device:
    sizes = Sizes(data_transfer=4600, max_message=8000 if Cap.CHUNK in capabilities else 4600)
    return device(
        versions=tuple(Version), capabilities=capabilities, asym=ASYM, opaque_format=3, sizes=sizes
    )


def asked(version: int, held: Device, *, flags: Cap = Cap.CHUNK, size: int = 4600) -> bytes:
    peer = Peer(held, version=version)
    peer.good(GET_VERSION)
    return peer.ask(get_capabilities(version, flags=flags, size=size, largest=4600, param1=1))


@pytest.mark.parametrize("version", [0x13, 0x14])
def test_it_says_all_the_device_offers(version: int) -> None:
    reply = asked(version, chunking())
    assert len(reply) == 20 + BLOCK_SIZE
    assert reply[2] == 1
    block = struct.unpack("<BBHBBIII8sBBBB", reply[20:])
    asym = 0x80 | 0x04 | 0x400
    assert block == (0, 0, BLOCK_SIZE, 1, 3, asym, 3, 0, bytes(8), 0, 0, 0, 0)


def test_without_measurements_there_is_no_specification() -> None:
    reply = asked(0x13, chunking(Cap.CERT | Cap.CHAL | Cap.CHUNK))
    assert reply[24] == 0


def test_in_1_2_the_bit_is_reserved() -> None:
    reply = asked(0x12, chunking())
    assert reply[:3] == bytes((0x12, 0x61, 0))
    assert len(reply) == 20


def test_a_device_without_chunk_does_not_say_it() -> None:
    reply = asked(0x13, chunking(CAPABILITIES))
    assert reply[2] == 0
    assert len(reply) == 20


def test_a_requester_without_chunk_must_not_ask() -> None:
    assert asked(0x13, chunking(), flags=Cap(0)) == error(0x13, 0x01)


def test_a_small_buffer_gets_it_in_chunks() -> None:
    peer = Peer(chunking())
    peer.good(GET_VERSION)
    request = get_capabilities(0x13, flags=Cap.CHUNK, size=42, largest=4600, param1=1)
    reply = peer.ask(request)
    assert reply == error(0x13, 0x0F) + bytes((0,))
    assert peer.connection.state == State.AFTER_CAPABILITIES
    message = b""
    for number in range(2):
        chunk = peer.good(bytes((0x13, 0x86, 0, 0, number, 0)))
        assert len(chunk) <= 42
        message += chunk[12 if number else 16 :]
    assert len(message) == 20 + BLOCK_SIZE
    assert [entry.raw for entry in peer.connection.transcript.part(Part.A)][2:] == [
        request,
        message,
    ]
