"""The control socket: a Unix socket of its owner's alone."""

import asyncio

from emulator.control import lines
from emulator.control.peer import ControlPeer
from emulator.control.port import Control
from emulator.serve.unix import UnixSocket

PEERS = 64
"""Peers at a time; one more is turned away."""


class ControlServer:
    """Listens for those who control the devices.

    Attributes:
        path: the socket's file.
    """

    def __init__(self, control: Control, path: str) -> None:
        self.path = path
        self._control = control
        self._unix: UnixSocket | None = None
        self._server: asyncio.Server | None = None
        self._peers: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. Raises OSError where that cannot be."""
        self._unix = UnixSocket(self.path)
        self._server = await asyncio.start_unix_server(
            self._accept, sock=self._unix.socket, limit=lines.LONGEST, backlog=PEERS
        )

    async def stop(self) -> None:
        """Listen no more, and end every connection."""
        if self._unix is not None:
            self._unix.remove()
        if self._server is not None:
            self._server.close()
        for peer in list(self._peers):
            peer.cancel()
        await asyncio.gather(*self._peers, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._peers) >= PEERS:
            writer.close()
            return
        task = asyncio.create_task(ControlPeer(self._control, reader, writer).serve())
        self._peers.add(task)
        task.add_done_callback(self._peers.discard)
