"""A listener on the loopback and clients that speak its frames."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache

from devices import SeenFrame, device, spdm_frame

from emulator.device import Device
from emulator.endpoint import Observer
from emulator.entropy import Seeded
from emulator.profile import LoadedProfile, load
from emulator.profile.recipe import Recipe
from emulator.serve import Listener
from emulator.serve.fleet import Served

PATIENCE = 60.0
"""Seconds after which something that must happen will not: never waited for where all is well."""


NOW = datetime(2026, 11, 23, tzinfo=UTC)


def served(
    name: str = "nvme", *, profile: str = "nvme-ssd", host: str = "127.0.0.1", port: int = 0
) -> Served:
    """A device of a profile, to be served."""
    recipe = Recipe(profile, name=name)
    loaded = _loaded(profile)
    made = recipe.build(loaded, entropy=Seeded(1).fork(name), at=NOW)
    return Served(recipe, loaded, made, host, port)


@cache
def _loaded(profile: str) -> LoadedProfile:
    return load(profile, at=NOW)


class Client:
    """One connection to a listener."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def frame(self) -> SeenFrame:
        async with asyncio.timeout(PATIENCE):
            command, transport, size = struct.unpack(">III", await self.reader.readexactly(12))
            return SeenFrame(command, transport, await self.reader.readexactly(size))

    async def ask(self, request: bytes) -> bytes:
        """The SPDM reply to a request, padding included."""
        await self.send(spdm_frame(request))
        return (await self.frame()).payload[8:]

    async def ended(self) -> bytes:
        """What still comes until the device closes the connection."""
        rest = b""
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(PATIENCE):
                rest = await self.reader.read()
        return rest

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    def reset(self) -> None:
        """Leave without a word."""
        self.writer.transport.abort()


@asynccontextmanager
async def serving(
    to: Device | None = None, *, observe: Callable[[int], Observer] | None = None
) -> AsyncIterator[tuple[Listener, int]]:
    """A device's listener and its port."""
    listener = Listener(device() if to is None else to, observe=observe)
    host, port = await listener.start("127.0.0.1", 0)
    assert host == "127.0.0.1"
    try:
        yield listener, port
    finally:
        await listener.stop()


@asynccontextmanager
async def connected(port: int, count: int = 1) -> AsyncIterator[list[Client]]:
    """So many clients, closed afterwards."""
    clients = [await Client.connect(port) for _ in range(count)]
    try:
        yield clients
    finally:
        for client in clients:
            await client.close()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until this is so."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - nothing tells when any condition holds
            await asyncio.sleep(0.001)
