import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.errors import FrameError
from emulator.transport.spdm_socket import (
    CLIENT_HELLO,
    HEADER_SIZE,
    MAX_PAYLOAD,
    SERVER_HELLO,
    Command,
    Frame,
    FrameReader,
    TransportType,
)

FRAMES = (
    Frame(Command.TEST, TransportType.PCI_DOE, CLIENT_HELLO),
    Frame(Command.NORMAL, TransportType.PCI_DOE, bytes(range(200))),
    Frame(Command.SHUTDOWN, TransportType.NONE),
    Frame(0x12345678, 0x9ABCDEF0, b"x"),
)
STREAM = b"".join(frame.to_bytes() for frame in FRAMES)


def test_a_frame_is_big_endian_and_one_piece() -> None:
    frame = Frame(
        Command.NORMAL, TransportType.PCI_DOE, b"\x01\x00\x01\x00\x03\x00\x00\x00\x10\x84\x00\x00"
    )
    assert frame.to_bytes() == bytes.fromhex(
        "00000001 00000002 0000000c 01000100 03000000 10840000"
    )
    assert HEADER_SIZE == 12


def test_numbers_are_qemus_and_spdm_emus() -> None:
    assert {command.name: int(command) for command in Command} == {
        "NORMAL": 0x0001,
        "OOB_ENCAP_KEY_UPDATE": 0x8001,
        "OOB_ENCAP_ENDPOINT_INFO": 0x8002,
        "CONTINUE": 0xFFFD,
        "SHUTDOWN": 0xFFFE,
        "UNKNOWN": 0xFFFF,
        "TEST": 0xDEAD,
    }
    assert [int(kind) for kind in TransportType] == [0, 1, 2, 3]
    assert (CLIENT_HELLO, SERVER_HELLO) == (b"Client Hello!\0", b"Server Hello!\0")


def test_several_frames_in_one_read() -> None:
    reader = FrameReader()
    assert tuple(reader.feed(STREAM)) == FRAMES
    assert reader.pending == 0


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: hex(frame.command))
def test_a_whole_frame_in_one_read(frame: Frame) -> None:
    reader = FrameReader()
    assert list(reader.feed(frame.to_bytes())) == [frame]
    assert reader.pending == 0
    assert list(reader.feed(b"")) == []


def test_byte_by_byte() -> None:
    reader = FrameReader()
    got = []
    for index in range(len(STREAM)):
        got += list(reader.feed(STREAM[index : index + 1]))
    assert tuple(got) == FRAMES
    assert reader.pending == 0


def test_field_by_field_as_dmtfs_clients_send() -> None:
    reader = FrameReader()
    raw = FRAMES[1].to_bytes()
    for piece, pending in ((raw[:4], 4), (raw[4:8], 8), (raw[8:12], 12)):
        assert list(reader.feed(piece)) == []
        assert reader.pending == pending
    assert list(reader.feed(raw[12:])) == [FRAMES[1]]


@settings(print_blob=True, deadline=None)
@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_however_the_stream_is_cut(cuts: list[int]) -> None:
    reader = FrameReader()
    edges = [0, *sorted(cuts), len(STREAM)]
    got = []
    for start, end in pairwise(edges):
        got += list(reader.feed(STREAM[start:end]))
    assert tuple(got) == FRAMES


def test_a_claim_of_four_gibibytes_is_refused_before_anything_is_held() -> None:
    reader = FrameReader()
    with pytest.raises(FrameError, match="command 0x1 claims 4294967295 bytes of payload"):
        list(reader.feed(struct.pack(">III", 1, 2, 0xFFFFFFFF)))


@pytest.mark.parametrize("split", [True, False])
def test_the_largest_payload_is_taken_and_one_more_byte_is_not(*, split: bool) -> None:
    largest = Frame(1, 2, bytes(MAX_PAYLOAD)).to_bytes()
    pieces = [largest[:13], largest[13:]] if split else [largest]
    reader = FrameReader()
    got = [frame for piece in pieces for frame in reader.feed(piece)]
    assert [len(frame.payload) for frame in got] == [0x40000]
    with pytest.raises(FrameError, match="at most 262144 are taken"):
        list(reader.feed(Frame(1, 2, bytes(MAX_PAYLOAD + 1)).to_bytes()))


def test_frames_before_a_refused_one_are_delivered() -> None:
    reader = FrameReader(max_payload=4)
    frames = reader.feed(Frame(1, 2, b"four").to_bytes() + Frame(1, 2, b"fives").to_bytes())
    assert next(frames) == Frame(1, 2, b"four")
    with pytest.raises(FrameError):
        next(frames)
