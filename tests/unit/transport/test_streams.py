"""How a connection tells what its peer speaks, and how TCP messages are cut apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import FrameError
from emulator.transport.spdm_socket import Command, Frame, TransportType
from emulator.transport.stream import AnyReader
from emulator.transport.tcp import TCP, TcpReader

MESSAGES = (TCP.wrap(b"\x10\x84\x00\x00"), bytes.fromhex("000001bf"), TCP.wrap(bytes(300)))
CARRIED = [Frame(Command.NORMAL, TransportType.TCP, one) for one in MESSAGES]
STREAM = b"".join(MESSAGES)


@pytest.mark.parametrize("reader", [TcpReader, AnyReader])
@pytest.mark.parametrize("step", [1, 3, 5, len(STREAM)])
def test_tcp_messages_are_cut_apart(reader: type[TcpReader | AnyReader], step: int) -> None:
    told = reader()
    found = [
        frame
        for start in range(0, len(STREAM), step)
        for frame in told.feed(STREAM[start : start + step])
    ]
    assert found == CARRIED
    assert told.pending == 0


@pytest.mark.parametrize("reader", [TcpReader, AnyReader])
def test_a_piece_is_pending(reader: type[TcpReader | AnyReader]) -> None:
    for size in range(1, len(MESSAGES[0])):
        told = reader()
        assert list(told.feed(STREAM[:size])) == []
        assert told.pending == size


def test_a_length_below_the_header_cannot_be_followed() -> None:
    told = TcpReader()
    with pytest.raises(FrameError, match="a TCP message of length 1"):
        list(told.feed(bytes.fromhex("01000105")))


def test_tcp_messages_go_out_alone_and_no_response_is_no_bytes() -> None:
    assert TcpReader.pack(CARRIED[0]) == MESSAGES[0]
    assert TcpReader.pack(Frame(Command.NORMAL, TransportType.TCP)) == b""


@pytest.mark.parametrize("kind", [0x05, 0x06, 0xBF, 0xC0, 0xC1, 0xC2, 0xC3])
def test_tcp_is_told_by_its_version_and_type(kind: int) -> None:
    told = AnyReader()
    message = bytes((2, 0, 1, kind))
    assert list(told.feed(message)) == [Frame(Command.NORMAL, TransportType.TCP, message)]
    assert told.pack(CARRIED[0]) == MESSAGES[0]


@given(
    command=st.sampled_from(list(Command)) | st.integers(0, 0xFF),
    transport=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=20),
    cut=st.integers(0, 12),
)
def test_frames_are_told_by_their_command(
    command: int, transport: int, payload: bytes, cut: int
) -> None:
    frame = Frame(command, transport, payload)
    told = AnyReader()
    data = frame.to_bytes()
    assert [*told.feed(data[:cut]), *told.feed(data[cut:])] == [frame]
    assert told.pack(frame) == data
    assert told.pending == 0
