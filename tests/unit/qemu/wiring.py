"""A `Qtest` with a test, or a fake machine, at the other end."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from unit.qemu.fake_machine import FakeMachine

from emulator.qemu.qtest import Qtest


class Wired(NamedTuple):
    """The client, and the far end of its connection."""

    qtest: Qtest
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


@asynccontextmanager
async def wired(*, patience: float = 10.0) -> AsyncIterator[Wired]:
    """A client that waits for `patience` seconds, and the stream it talks to."""
    near, far = socket.socketpair()
    qtest = Qtest(*await asyncio.open_unix_connection(sock=near), timeout=patience)
    reader, writer = await asyncio.open_unix_connection(sock=far)
    try:
        yield Wired(qtest, reader, writer)
    finally:
        writer.close()
        await qtest.close()


@asynccontextmanager
async def wired_to(machine: FakeMachine) -> AsyncIterator[Qtest]:
    """A client of `machine`."""
    async with wired() as (qtest, reader, writer):

        async def answer() -> None:
            with contextlib.closing(writer):
                while line := await reader.readline():
                    writer.write(f"{machine.answer(line.decode().rstrip())}\n".encode())

        task = asyncio.create_task(answer())
        try:
            yield qtest
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
