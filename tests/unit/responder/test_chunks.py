"""CHUNK_SEND and CHUNK_GET, byte by byte, one violation at a time."""

import struct

import pytest
from devices import (
    CAPABILITIES,
    GET_VERSION,
    Peer,
    challenge,
    device,
    error,
    get_capabilities,
    get_digests,
    get_measurements,
    negotiate_algorithms,
)

from emulator.device import Sizes
from emulator.spdm.capabilities import Cap
from emulator.spdm.versions import Version

CHUNK = Cap.CHUNK
SIZE = 64
VERSIONS = (0x12, 0x13, 0x14)
every = pytest.mark.parametrize("version", VERSIONS, ids=hex)


def peer(version: int, *, ours: Cap = CHUNK, theirs: Cap = CHUNK, take: int = 4600) -> Peer:
    """A requester with a small buffer, right after the negotiation."""
    sizes = Sizes(data_transfer=take, max_message=70000, transmit=4600)
    held = device(
        versions=tuple(Version),
        capabilities=CAPABILITIES | ours,
        sizes=sizes,
    )
    made = Peer(held, version=version)
    made.good(GET_VERSION)
    largest = 70000 if theirs else SIZE
    made.good(get_capabilities(version, flags=theirs, size=SIZE, largest=largest))
    made.good(negotiate_algorithms(version))
    return made


def chunk_get(version: int, handle: int, number: int) -> bytes:
    wide = struct.pack("<I" if version >= 0x14 else "<H", number)
    return bytes((version, 0x86, 0, handle)) + wide


def chunk_send(
    version: int,
    number: int,
    chunk: bytes,
    *,
    total: int | None = None,
    handle: int = 7,
    last: bool = False,
) -> bytes:
    size = b"" if total is None else struct.pack("<I", total)
    head = bytes((version, 0x85, last, handle)) + struct.pack("<II", number, len(chunk))
    return head + size + chunk


def acknowledgement(
    version: int, number: int, inside: bytes = b"", *, early: bool = False
) -> bytes:
    wide = struct.pack("<I" if version >= 0x14 else "<H", number)
    return bytes((version, 0x05, early, 7)) + wide + inside


def waiting(version: int) -> tuple[Peer, int]:
    """A peer for which a large response waits, and its handle."""
    made = peer(version)
    reply = made.ask(get_measurements(version))
    assert reply[:4] == bytes((version, 0x7F, 0x0F, 0))
    assert len(reply) == 5
    return made, reply[4]


def fetch(made: Peer, handle: int, begin: int = 0) -> bytes:
    """The rest of the large response, from chunk `begin` on."""
    version, received, number = made.version, b"", begin
    while True:
        reply = made.good(chunk_get(version, handle, number))
        assert len(reply) <= SIZE
        assert reply[3] == handle
        assert struct.unpack_from("<I", reply, 4) == (number,)
        (size,) = struct.unpack_from("<I", reply, 8)
        received += reply[12:]
        assert len(reply) == 12 + size + (0 if number else 4)
        if reply[2] & 1:
            return received
        number += 1


@every
def test_a_large_response_is_fetched_in_order(version: int) -> None:
    made, handle = waiting(version)
    received = fetch(made, handle)
    assert struct.unpack_from("<I", received) == (len(received) - 4,)
    assert received[4:6] == bytes((version, 0x60))
    assert made.connection.outgoing is None


@every
def test_each_large_response_has_a_handle_of_its_own(version: int) -> None:
    made, first = waiting(version)
    fetch(made, first)
    second = made.ask(get_measurements(version))[4]
    assert second != first
    assert made.ask(chunk_get(version, first, 0)) == error(version, 0x01)
    fetch(made, second)


@every
@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (lambda v, h: chunk_get(v, h ^ 1, 1), 0x01),
        (lambda v, h: chunk_get(v, h, 0), 0x01),
        (lambda v, h: chunk_get(v, h, 2), 0x01),
        (lambda v, h: chunk_get(v, h, 1)[:5], 0x01),
        (lambda v, h: chunk_get(v, h, 1) + bytes(4), 0x01),
        (lambda v, h: bytes((v ^ 1,)) + chunk_get(v, h, 1)[1:], 0x41),
        (lambda v, _: get_digests(v), 0x04),
        (lambda v, _: challenge(v), 0x04),
        (lambda v, _: chunk_send(v, 0, bytes(40), total=80), 0x04),
        (lambda v, _: bytes((v, 0xE4, 0, 0)), 0x04),
    ],
)
def test_a_wrong_request_leaves_the_transfer_alive(version: int, wrong, code: int) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a lambda of the table
    made, handle = waiting(version)
    first = made.good(chunk_get(version, handle, 0))
    assert made.ask(wrong(version, handle)) == error(version, code)
    rest = fetch(made, handle, 1)
    assert struct.unpack_from("<I", first, 12) == (len(first) - 16 + len(rest),)


@every
def test_get_version_ends_a_transfer(version: int) -> None:
    made, handle = waiting(version)
    made.good(GET_VERSION)
    made.good(get_capabilities(version, flags=CHUNK, size=SIZE, largest=70000))
    assert made.ask(chunk_get(version, handle, 0)) == error(version, 0x04)


@every
def test_nothing_waits_before_it_is_asked_for(version: int) -> None:
    assert peer(version).ask(chunk_get(version, 0, 0)) == error(version, 0x04)


@pytest.mark.parametrize("code", [0x85, 0x86])
def test_chunks_need_both_sides_and_1_2(code: int) -> None:
    first = chunk_send(0x13, 0, bytes(40), total=80)
    ask = first if code == first[1] else chunk_get(0x13, 0, 0)
    assert peer(0x13, ours=Cap(0)).ask(ask) == error(0x13, 0x07, code)
    assert peer(0x13, theirs=Cap(0)).ask(ask) == error(0x13, 0x04)
    old = Peer(peer(0x13).responder._device, version=0x11)
    old.good(GET_VERSION)
    old.good(get_capabilities(0x11)[:12])
    assert old.ask(b"\x11" + ask[1:]) == error(0x11, 0x07, code)


def send(made: Peer, message: bytes, piece: int = 40) -> bytes:
    """Send a large request; the last acknowledgement."""
    version, at, number = made.version, 0, 0
    while True:
        chunk = message[at : at + piece]
        at += len(chunk)
        last = at == len(message)
        total = None if number else len(message)
        reply = made.ask(chunk_send(version, number, chunk, total=total, last=last))
        if last:
            return reply
        assert reply == acknowledgement(version, number)
        number += 1


@every
def test_a_large_request_is_answered_in_its_last_acknowledgement(version: int) -> None:
    made = peer(version)
    vendor = bytes((version, 0xFE, 0, 0)) + struct.pack("<HBHH", 3, 2, 0x1234, 60) + bytes(60)
    unsupported = error(version, 0x07, 0xFE)
    assert send(made, vendor) == acknowledgement(version, 1, unsupported)
    assert made.connection.incoming is None


@pytest.mark.parametrize("version", [0x13, 0x14], ids=hex)
def test_a_large_request_whose_answer_is_large_in_turn(version: int) -> None:
    made = peer(version)
    reply = send(made, get_measurements(version, operation=0, signed=True))
    assert reply[:4] == bytes((version, 0x7F, 0x0F, 0))
    received = fetch(made, reply[4])
    assert received[4:6] == bytes((version, 0x60))


@every
def test_what_is_wrong_with_a_large_request_stands_in_the_acknowledgement(version: int) -> None:
    made = peer(version)
    wrong = bytes((version, 0x81, 0, 0)) + bytes(76)
    number = 1
    assert send(made, wrong) == acknowledgement(version, number, error(version, 0x01))
    nested = chunk_send(version, 0, bytes(60), total=90)
    assert send(made, nested) == acknowledgement(version, number, error(version, 0x01))


@every
@pytest.mark.parametrize(
    ("handle", "number", "chunk", "total", "last"),
    [
        (7, 1, bytes(40), None, False),  # no first chunk
        (7, 0, bytes(40), 80, True),  # first and last
        (7, 0, bytes(25), 80, False),  # too short
        (7, 0, bytes(40), 42, False),  # no large message
        (7, 0, bytes(40), 70001, False),  # too large
        (7, 0, bytes(90), 80, False),  # more than announced
        (7, 0, bytes(4600), 5000, False),  # more than DataTransferSize
    ],
)
def test_a_first_chunk_that_is_wrong(
    version: int,
    handle: int,
    number: int,
    chunk: bytes,
    total: int | None,
    last: bool,  # noqa: FBT001
) -> None:
    made = peer(version)
    reply = made.ask(chunk_send(version, number, chunk, total=total, handle=handle, last=last))
    assert reply == acknowledgement(version, number, error(version, 0x01), early=True)
    assert made.connection.incoming is None


@every
@pytest.mark.parametrize(
    ("handle", "number", "size", "last"),
    [
        (8, 1, 40, True),  # another handle
        (7, 0, 40, True),  # the first again
        (7, 2, 40, True),  # one left out
        (7, 1, 41, True),  # more than announced
        (7, 1, 39, True),  # less than announced, and the last
        (7, 1, 29, False),  # too short to go on after it
    ],
)
def test_a_chunk_that_is_wrong_ends_the_transfer(
    version: int,
    handle: int,
    number: int,
    size: int,
    last: bool,  # noqa: FBT001
) -> None:
    made = peer(version)
    first = chunk_send(version, 0, bytes(40), total=80)
    assert made.ask(first) == acknowledgement(version, 0)
    total = 80 if number == 0 else None
    reply = made.ask(
        chunk_send(version, number, bytes(size), handle=handle, last=last, total=total)
    )
    assert reply[:2] == bytes((version, 0x05))
    assert reply[2] == 1
    assert reply.endswith(error(version, 0x01))
    assert made.connection.incoming is None
    assert made.ask(first) == acknowledgement(version, 0), "and the next may begin"


@every
def test_another_request_does_not_end_a_large_one(version: int) -> None:
    made = peer(version)
    assert made.ask(chunk_send(version, 0, bytes(40), total=80)) == acknowledgement(version, 0)
    assert made.ask(get_digests(version)) == error(version, 0x04)
    assert made.ask(chunk_get(version, 0, 0)) == error(version, 0x04)
    reply = made.ask(chunk_send(version, 1, bytes(40), last=True))
    assert reply[:2] == bytes((version, 0x05))


def test_a_reply_beyond_max_spdm_msg_size_is_too_large_even_in_chunks() -> None:
    made = peer(0x13)
    made.good(GET_VERSION)
    made.good(get_capabilities(0x13, flags=CHUNK, size=SIZE, largest=100))
    made.good(negotiate_algorithms(0x13))
    reply = made.ask(get_measurements(0x13))
    assert reply[:4] == bytes((0x13, 0x7F, 0x0D, 0))
    assert struct.unpack_from("<I", reply, 4)[0] > 100
