"""The socket channel, against a peer that answers as each test wants."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from socket import SO_LINGER, SOL_SOCKET, gaierror

import pytest

from emulator import tcp
from emulator.client import SocketChannel, socket
from emulator.errors import BrokenReply, NoResponse, PeerError
from emulator.transport.spdm_socket import Command, Frame, TransportType

OBJECT = bytes.fromhex("010001000300000010840000")
REPLY = bytes.fromhex("01000100040000001004000000010013")

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def normal(payload: bytes = REPLY) -> bytes:
    return Frame(Command.NORMAL, TransportType.PCI_DOE, payload).to_bytes()


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[int]:
    """A port where each connection is given to `answer`."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    command, transport, size = struct.unpack(">III", await reader.readexactly(12))
    return Frame(command, transport, await reader.readexactly(size))


@asynccontextmanager
async def channel_to(
    *replies: bytes, patience: float = 5.0, stay: bool = False, seen: list[Frame] | None = None
) -> AsyncIterator[SocketChannel]:
    """A channel to a peer that answers one frame after the other with `replies`, then leaves."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in replies:
            frame = await read_frame(reader)
            if seen is not None:
                seen.append(frame)
            writer.write(reply)
        if stay:
            await reader.read()

    async with listening(answer) as port:
        channel = await SocketChannel.open("127.0.0.1", port, timeout=patience)
        try:
            yield channel
        finally:
            await channel.close()


async def test_an_exchange_is_one_frame_each_way() -> None:
    seen: list[Frame] = []
    async with channel_to(normal(), normal(b"1234"), seen=seen) as channel:
        assert await channel.exchange(OBJECT) == REPLY
        assert await channel.exchange(OBJECT) == b"1234"
    assert seen == [Frame(Command.NORMAL, TransportType.PCI_DOE, OBJECT)] * 2


async def test_a_reply_in_pieces_is_put_together() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_frame(reader)
        for byte in normal():
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0)

    async with listening(answer) as port:
        channel = await SocketChannel.open("127.0.0.1", port)
        assert await channel.exchange(OBJECT) == REPLY
        await channel.close()


async def test_an_empty_frame_is_no_response_and_the_channel_lives_on() -> None:
    async with channel_to(normal(b""), normal()) as channel:
        with pytest.raises(NoResponse, match="no response"):
            await channel.exchange(OBJECT)
        assert await channel.exchange(OBJECT) == REPLY


async def test_a_late_reply_ends_the_channel() -> None:
    async with channel_to(patience=0.05, stay=True) as channel:
        with pytest.raises(NoResponse, match=r"no reply within 0\.05 s"):
            await channel.exchange(OBJECT)
        with pytest.raises(NoResponse, match="no reply within"):
            await channel.exchange(OBJECT)


async def test_a_closed_connection_ends_the_channel() -> None:
    async with channel_to(b"") as channel:
        with pytest.raises(NoResponse, match="the device closed the connection"):
            await channel.exchange(OBJECT)
        with pytest.raises(NoResponse, match="the device closed the connection"):
            await channel.exchange(OBJECT)


async def test_a_reset_connection_ends_the_channel() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_frame(reader)
        linger = struct.pack("ii", 1, 0)  # closing sends a reset
        writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, linger)

    async with listening(answer) as port:
        channel = await SocketChannel.open("127.0.0.1", port)
        with pytest.raises(NoResponse, match="the connection broke: Connection reset"):
            await channel.exchange(OBJECT)
        await channel.close()


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (
            Frame(Command.UNKNOWN, TransportType.PCI_DOE).to_bytes(),
            "frame.command: found 0xffff, expected 0x1",
        ),
        (
            Frame(Command.NORMAL, TransportType.MCTP, b"1234").to_bytes(),
            "frame.transport: found 1, expected 2, doe",
        ),
    ],
)
async def test_a_frame_that_is_no_answer(reply: bytes, reason: str) -> None:
    async with channel_to(reply) as channel:
        with pytest.raises(BrokenReply, match=reason):
            await channel.exchange(OBJECT)


async def test_more_frames_than_asked_for_are_told() -> None:
    async with channel_to(normal() * 3, normal()) as channel:
        with pytest.raises(PeerError, match="2 more frames than it was asked for"):
            await channel.exchange(OBJECT)
        assert await channel.exchange(OBJECT) == REPLY


async def test_a_frame_larger_than_any_ends_the_channel() -> None:
    async with channel_to(struct.pack(">III", 1, 2, 0x7FFFFFFF)) as channel:
        with pytest.raises(PeerError, match="claims 2147483647 bytes") as caught:
            await channel.exchange(OBJECT)
        assert not isinstance(caught.value, NoResponse)
        with pytest.raises(NoResponse, match="claims"):
            await channel.exchange(OBJECT)


async def test_the_greeting_is_answered() -> None:
    hello = Frame(Command.TEST, TransportType.PCI_DOE, b"Server Hello!\x00").to_bytes()
    seen: list[Frame] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_frame(reader))
        writer.write(hello)
        await reader.read()

    async with listening(answer) as port:
        channel = await SocketChannel.open("127.0.0.1", port, hello=True)
        await channel.close()
    assert seen == [Frame(Command.TEST, TransportType.PCI_DOE, b"Client Hello!\x00")]


async def test_another_greeting_is_told() -> None:
    async with channel_to(Frame(Command.TEST, 2, b"Good morning!").to_bytes()) as channel:
        with pytest.raises(BrokenReply, match=r"TEST\.payload: found b'Good morning!'"):
            await channel.greet()


async def test_a_greeting_that_fails_closes_the_connection() -> None:
    left = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_frame(reader)
        writer.write(normal())
        await reader.read()
        left.set()

    async with listening(answer) as port:
        with pytest.raises(BrokenReply, match=r"frame\.command"):
            await SocketChannel.open("127.0.0.1", port, hello=True)
        async with asyncio.timeout(5):
            await left.wait()


async def test_closing_says_shutdown_and_waits_for_its_echo() -> None:
    seen: list[Frame] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frame = await read_frame(reader)
        seen.append(frame)
        writer.write(frame.to_bytes())
        assert await reader.read() == b""
        seen.append(frame)

    async with listening(answer) as port:
        channel = await SocketChannel.open("127.0.0.1", port)
        await channel.close()
        await channel.close()
        with pytest.raises(NoResponse, match="the channel is closed"):
            await channel.exchange(OBJECT)
        await asyncio.sleep(0.05)
    assert seen == [Frame(Command.SHUTDOWN, TransportType.PCI_DOE)] * 2


async def test_closing_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "_GOODBYE", 0.01)
    async with asyncio.timeout(5), channel_to(stay=True):
        pass


async def test_nobody_listens() -> None:
    async with listening(lambda _, __: asyncio.sleep(0)) as port:
        pass
    with pytest.raises(NoResponse, match=f"cannot connect to 127.0.0.1:{port}: "):
        await SocketChannel.open("127.0.0.1", port)


async def test_a_device_that_starts_late_is_waited_for() -> None:
    async with listening(lambda _, __: asyncio.sleep(0)) as port:
        pass

    async def start() -> asyncio.Server:
        await asyncio.sleep(0.1)
        return await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)

    starting = asyncio.create_task(start())
    channel = await SocketChannel.open("127.0.0.1", port, wait=10)
    await channel.close()
    async with await starting:
        pass


async def test_waiting_has_an_end() -> None:
    async with listening(lambda _, __: asyncio.sleep(0)) as port:
        pass
    with pytest.raises(NoResponse, match="cannot connect"):
        await SocketChannel.open("127.0.0.1", port, wait=0.1)


async def test_a_name_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(host: str, port: int) -> None:
        raise gaierror(-2, f"no {host} for {port}")

    monkeypatch.setattr(asyncio, "open_connection", unknown)
    with pytest.raises(NoResponse, match=r"cannot connect to name\.invalid:1: no name\.invalid"):
        await SocketChannel.open("name.invalid", 1)


async def test_a_connection_that_is_not_made_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(host: str, port: int) -> None:
        del host, port
        await asyncio.sleep(60)

    monkeypatch.setattr(asyncio, "open_connection", never)
    with pytest.raises(NoResponse, match=r"h:1 does not answer within 0\.01 s"):
        await SocketChannel.open("h", 1, timeout=0.01)


async def test_it_works_without_quick_acknowledgement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "_QUICKACK", None)
    async with channel_to(normal()) as channel:
        assert await channel.exchange(OBJECT) == REPLY
