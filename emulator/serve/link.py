"""A device's link on a socket: TLPs come to its ports, and completions go back.

Whoever connects is the other end, or stands between; SPDM goes elsewhere.
"""

import asyncio
import contextlib
from collections.abc import Callable

from emulator.device.ide import Ide
from emulator.errors import FrameError, LinkError
from emulator.link.frames import LinkReader, pack
from emulator.link.traffic import Completer
from emulator.serve.unix import UnixSocket
from emulator.tcp import UNIX

PEERS = 16
"""The most peers at once; a further one is closed at once."""

_READ = 1 << 16


class LinkListener:
    """Accepts peers to the link of one device."""

    def __init__(self, ide: Callable[[], Ide | None]) -> None:
        """`ide`: the IDE of the device as it is now; None: it has none, and nothing arrives."""
        self._ide = ide
        self._server: asyncio.Server | None = None
        self._unix: UnixSocket | None = None
        self._peers: set[asyncio.StreamWriter] = set()

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; port 0 lets the system choose. Returns the address listened on.

        `unix:PATH` for a host listens on a Unix socket. Raises OSError.
        """
        if host.startswith(UNIX):
            self._unix = UnixSocket(host.removeprefix(UNIX))
            self._server = await asyncio.start_unix_server(self._serve, sock=self._unix.socket)
            return host, port
        self._server = await asyncio.start_server(self._serve, host, port, reuse_address=True)
        name = self._server.sockets[0].getsockname()
        return name[0], name[1]

    async def stop(self) -> None:
        """Stop listening, and end every peer."""
        if self._unix is not None:
            self._unix.remove()
            self._unix = None
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._peers):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._peers) >= PEERS:
            writer.transport.abort()
            return
        self._peers.add(writer)
        frames = LinkReader()
        try:
            # A peer that breaks its stream, or is gone, is gone.
            with contextlib.suppress(OSError, FrameError):
                while data := await reader.read(_READ):
                    for frame in frames.feed(data):
                        writer.writelines(self._answers(frame.port, frame.tlp))
                    await writer.drain()
        finally:
            self._peers.discard(writer)
            writer.close()

    def _answers(self, port: int, tlp: bytes) -> list[bytes]:
        """What goes back for a TLP. What is none is lost, as on a link."""
        ide = self._ide()
        end = None if ide is None else ide.port(port)
        if ide is None or end is None:
            return []
        try:
            _, back = Completer(end, ide.memory).receive(tlp)
        except LinkError:
            return []
        return [pack(port, one) for one in back]
