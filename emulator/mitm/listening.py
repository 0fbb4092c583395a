"""A socket that the middle listens on, with a task for each who connects."""

import asyncio
from abc import ABC, abstractmethod


class Listening(ABC):
    """Listens, and stands between each who connects and the device."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; port 0 lets the system choose. Returns the address. Raises OSError."""
        self._server = await asyncio.start_server(self._met, host, port)
        name = self._server.sockets[0].getsockname()
        return name[0], name[1]

    async def stop(self) -> None:
        """Stop listening, and end every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._between(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @abstractmethod
    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry what one who connected says, until the end; close both sides."""
