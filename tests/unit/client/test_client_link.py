"""A root port and a device over the link's socket, with keys from a session."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hosting import offering
from keying import ide
from secured import able_device
from unit.serve.loopback import PATIENCE, serving, until

from emulator.client import SessionClient, connect
from emulator.client.link import RootPort, link
from emulator.device import Device
from emulator.entropy import Seeded
from emulator.errors import LinkError, NoResponse, PeerError
from emulator.link import End, Verdict, memory_read
from emulator.link.frames import pack
from emulator.requester import root_port
from emulator.requester.flow import Direction
from emulator.serve.link import PEERS, LinkListener

PORT = 2
DATA = bytes(range(128))


@asynccontextmanager
async def listening(device: Device, host: str = "127.0.0.1") -> AsyncIterator[tuple[str, int]]:
    listener = LinkListener(lambda: device.ide)
    at = await listener.start(host, 0)
    try:
        yield at
    finally:
        await listener.stop()


@asynccontextmanager
async def keyed(device: Device) -> AsyncIterator[tuple[SessionClient, End]]:
    """A session in which the stream of a port was brought up."""
    async with (
        serving(device) as (_, port),
        connect("127.0.0.1", port, entropy=Seeded(1), offer=offering()) as client,
    ):
        await client.connect()
        async with client.session() as session:
            root = root_port((await session.ide.query(PORT)).blocks)
            await session.ide.bring_up(root, stream=0, port=PORT)
            yield session, root


def linked() -> Device:
    device = able_device()
    device.ide = ide()
    return device


async def test_memory_is_written_and_read_under_ide() -> None:
    passed: list[tuple[Direction, bytes]] = []
    device = linked()
    async with (
        keyed(device) as (_, root),
        listening(device) as at,
        link(*at, end=root, port=PORT, observer=lambda *one: passed.append(one)) as line,
    ):
        await line.write(0x40, DATA)
        assert await line.read(0x40, 128) == DATA
        await line.write(0, bytes(8192))
        assert await line.read(0x40, 128) == bytes(128)
    assert [direction for direction, _ in passed].count(Direction.REPLY) == 2
    assert not any(DATA[:16] in raw for _, raw in passed)
    assert all(raw[0] == 0x92 for _, raw in passed)


async def test_over_a_unix_socket(tmp_path: Path) -> None:
    device = linked()
    where = f"unix:{tmp_path / 'link'}"
    async with keyed(device) as (_, root), listening(device, where) as at:
        assert at == (where, 0)
        async with link(where, end=root, port=PORT) as line:
            await line.write(0, DATA)
            assert await line.read(0, 128) == DATA
    assert not (tmp_path / "link").exists()


async def test_without_ide_whoever_listens_reads_it() -> None:
    passed: list[bytes] = []
    device = linked()
    assert device.ide is not None
    device.ide.ports[PORT].selective[0].enable(on=False)
    plain = End("root port")
    async with (
        listening(device) as at,
        link(*at, end=plain, port=PORT, observer=lambda _, raw: passed.append(raw)) as line,
    ):
        await line.write(0, DATA)
        assert await line.read(0, 128) == DATA
    assert DATA in passed[0]
    assert DATA in passed[-1]


class Tap:
    """Stands on the link, and changes what passes.

    Attributes:
        change: what becomes of the bytes from the root port.
        back: what becomes of the bytes from the device.
    """

    def __init__(self) -> None:
        self.change: Callable[[bytes], bytes] = lambda data: data
        self.back: Callable[[bytes], bytes] = lambda data: data

    @asynccontextmanager
    async def between(self, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, onward = await asyncio.open_connection(host, port)
            both = (self._pass(reader, onward, up=False), self._pass(there, writer, up=True))
            await asyncio.gather(*both)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            name = server.sockets[0].getsockname()
            yield name[0], name[1]
        finally:
            server.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(self.back(data) if up else self.change(data))
                await writer.drain()
        writer.close()


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes((data[-1] ^ 1,))


@asynccontextmanager
async def tapped(device: Device) -> AsyncIterator[tuple[SessionClient, RootPort, Tap]]:
    tap = Tap()
    async with (
        keyed(device) as (session, root),
        listening(device) as at,
        tap.between(*at) as through,
        link(*through, end=root, port=PORT, timeout=PATIENCE) as line,
    ):
        await line.write(0, DATA)
        assert await line.read(0, 128) == DATA
        yield session, line, tap


async def test_a_tlp_that_is_tampered_with_makes_its_stream_insecure() -> None:
    device = linked()
    async with tapped(device) as (session, line, tap):
        tap.change = flipped
        await line.write(0, bytes(128))
        assert device.ide is not None
        stream = device.ide.ports[PORT].selective[0]
        await until(lambda: not stream.secure)
        told = await session.ide.query(PORT)
        assert told.blocks[1].status == 0x8000_0000
        assert device.ide.memory.read(0, 128) == DATA
        line.timeout = 0.1
        with pytest.raises(NoResponse, match=r"nothing came over the link within 0\.1 s"):
            await line.read(0, 4)


async def test_a_completion_that_is_tampered_with_is_noticed_by_the_root_port() -> None:
    device = linked()
    async with tapped(device) as (_, line, tap):
        tap.back = flipped
        with pytest.raises(LinkError, match="no MAC of K0 RX CPL number 2"):
            await line.read(0, 4)
        assert not line.end.selective[0].secure
        with pytest.raises(LinkError, match="stream 0 is Insecure"):
            await line.write(0, bytes(4))


async def test_an_attacker_cannot_say_anything_of_its_own() -> None:
    device = linked()
    async with tapped(device) as (_, line, _), listening(device) as at:
        forger = End("forger")
        async with link(*at, end=forger, port=PORT, timeout=0.1) as forging:
            await forging.write(0, bytes(128))
            with pytest.raises(NoResponse):
                await forging.read(0, 4)
        assert await line.read(0, 128) == DATA


async def test_what_the_device_has_not() -> None:
    device = linked()
    async with keyed(device) as (_, root), listening(device) as at:
        async with link(*at, end=root, port=PORT) as line:
            with pytest.raises(PeerError, match="completed with status 1, 0 bytes"):
                await line.read(1 << 32, 4)
        async with link(*at, end=root, port=99, timeout=0.1) as line:
            await line.send_raw(b"")
            with pytest.raises(NoResponse):
                await line.receive()


async def test_a_device_that_has_no_ide_any_more() -> None:
    device = linked()
    async with listening(device) as at:
        device.ide = None
        async with link(*at, end=End("root port"), timeout=0.1) as line:
            await line.send(memory_read(0, 1))
            with pytest.raises(NoResponse):
                await line.receive()


async def test_bytes_that_are_no_tlps() -> None:
    device = linked()
    async with listening(device) as at:
        reader, writer = await asyncio.open_connection(*at)
        assert device.ide is not None
        device.ide.ports[0].selective[0].enable(on=False)
        asked = End("root port").send(memory_read(0, 1))[0]
        writer.write(pack(0, b"\xff" * 20) + pack(0, b"") + pack(0, asked))
        async with asyncio.timeout(PATIENCE):
            head = await reader.readexactly(8)
            assert struct.unpack(">IB3x", head) == (16, 0)
            await reader.readexactly(16)
            writer.write(b"\xff" * 8)
            assert await reader.read() == b""
        writer.close()


async def test_peers_that_are_too_many() -> None:
    async with listening(linked()) as at, contextlib.AsyncExitStack() as opened:
        for _ in range(PEERS):
            line = link(*at, end=End("a"), timeout=PATIENCE)
            await (await opened.enter_async_context(line)).send(memory_read(0, 1))
        reader, writer = await asyncio.open_connection(*at)
        with contextlib.suppress(OSError):
            async with asyncio.timeout(PATIENCE):
                assert await reader.read() == b""
        writer.close()


async def test_nobody_listens() -> None:
    async with listening(linked()) as at:
        pass
    with pytest.raises(NoResponse, match=f"cannot connect to 127.0.0.1:{at[1]}"):
        async with link(*at, end=End("root port")):
            pass


async def test_a_listener_that_stops_ends_its_peers() -> None:
    device = linked()
    listener = LinkListener(lambda: device.ide)
    at = await listener.start("127.0.0.1", 0)
    async with link(*at, end=End("root port"), timeout=PATIENCE) as line:
        await line.send(memory_read(0, 1))
        await listener.stop()
        with pytest.raises(NoResponse):
            await line.receive()


async def test_the_verdict_of_each_tlp_is_there_to_be_seen() -> None:
    device = linked()
    async with (
        keyed(device) as (_, root),
        listening(device) as at,
        link(*at, end=root, port=PORT) as line,
    ):
        await line.send(memory_read(0, 1, tag=9))
        received = await line.receive()
        assert received.verdict is Verdict.PROTECTED
        assert received.tlp is not None
        assert received.tlp.tag == 9
