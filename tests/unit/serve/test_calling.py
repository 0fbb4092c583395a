"""A device that connects to a requester, as SPDM over TCP allows it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from devices import GET_VERSION, device
from unit.serve.loopback import PATIENCE, until

from emulator.serve import Listener
from emulator.serve.run import ListenError, call
from emulator.transport.tcp import TCP

ROLE_INQUIRY = bytes.fromhex("000001bf")


class Called(NamedTuple):
    """A requester's listening socket, and whoever connected to it."""

    port: int
    peers: "asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]"


@asynccontextmanager
async def requester(port: int = 0) -> AsyncIterator[Called]:
    peers: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(lambda *peer: peers.put_nowait(peer), "127.0.0.1", port)
    async with server:
        yield Called(server.sockets[0].getsockname()[1], peers)


async def converse(called: Called) -> None:
    """Take the inquiry, ask once over TCP alone, and leave."""
    reader, writer = await called.peers.get()
    async with asyncio.timeout(PATIENCE):
        assert await reader.readexactly(4) == ROLE_INQUIRY
        writer.write(TCP.wrap(GET_VERSION))
        reply = await reader.readexactly(14)
    assert TCP.unwrap(reply).data[:2] == b"\x10\x04"
    writer.close()


async def test_a_device_is_served_until_the_requester_leaves() -> None:
    told: list[tuple[str, int]] = []
    async with requester() as called:
        running = asyncio.create_task(
            call(device(), "127.0.0.1", called.port, lambda *at: told.append(at))
        )
        await converse(called)
        async with asyncio.timeout(PATIENCE):
            await running
        assert told == [("127.0.0.1", called.port)]


async def test_a_requester_that_is_not_there_yet_is_waited_for() -> None:
    async with requester() as called:
        port = called.port
    listener = Listener(device())
    ended: list[bool] = []
    calling = asyncio.create_task(
        listener.call("127.0.0.1", port, wait=PATIENCE, ended=lambda: ended.append(True))
    )
    await asyncio.sleep(0.01)
    assert not calling.done()
    async with requester(port) as called:
        assert await calling == ("127.0.0.1", port)
        assert len(listener.connections) == 1
        await converse(called)
        await until(lambda: bool(ended))
        assert not listener.connections
    await listener.stop()


async def test_stopping_ends_a_call() -> None:
    async with requester() as called:
        listener = Listener(device())
        await listener.call("127.0.0.1", called.port, wait=0.0, ended=lambda: None)
        reader, writer = await called.peers.get()
        await listener.stop()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
                await reader.readexactly(5)
        writer.close()
        await until(lambda: not listener.connections)


async def test_a_requester_that_never_comes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.serve.run.CALL_WAIT", 0.0)
    async with requester() as called:
        port = called.port
    with pytest.raises(ListenError, match=f"device: cannot connect to 127.0.0.1:{port}: "):
        await call(device(), "127.0.0.1", port, lambda *_: None)
