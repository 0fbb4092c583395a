"""A device behind the spdm-socket protocol, as QEMU and DMTF's emulators speak it."""

import asyncio
import contextlib
from collections import deque
from typing import Self

from emulator.errors import BrokenReply, FrameError, NoResponse, PeerError
from emulator.tcp import UNIX, address, quickack, set_nodelay
from emulator.transport.binding import Binding
from emulator.transport.bindings import BY_NAME
from emulator.transport.doe import DOE
from emulator.transport.spdm_socket import (
    CLIENT_HELLO,
    SERVER_HELLO,
    Command,
    Frame,
    FrameReader,
)
from emulator.transport.stream import Reader
from emulator.transport.tcp import TCP, TcpReader

TIMEOUT = 10.0
"""Seconds to wait for a connection or a reply."""

_GOODBYE = 0.5
"""Seconds to wait for the echo of SHUTDOWN; QEMU's own backend does not wait at all."""

_RETRY = 0.05
"""Seconds between attempts to connect to where nothing listens yet."""

_READ = 65536

TCP_PLAIN = "tcp-plain"
"""The name of TCP messages alone on a connection, without frames around them."""

TRANSPORTS: tuple[str, ...] = (*BY_NAME, TCP_PLAIN)
"""What `transport` may be when a channel is opened."""


class SocketChannel:
    """A channel over one connection, TCP or Unix.

    Frames are written in one piece with TCP_NODELAY, and acknowledged at once: a peer that writes
    a frame in four pieces otherwise waits some 40 ms for each of them.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        timeout: float,
        transport: str = DOE.name,
    ) -> None:
        """Speak `transport`, one of TRANSPORTS, over an open connection."""
        self._binding = TCP if transport == TCP_PLAIN else BY_NAME[transport]
        self._reader = reader
        self._writer = writer
        self._timeout = timeout
        self._rearm = quickack(writer.get_extra_info("socket"))
        self._frames: Reader = TcpReader() if transport == TCP_PLAIN else FrameReader()
        self._received: deque[Frame] = deque()
        self._broken = ""

    @classmethod
    async def open(
        cls,
        host: str,
        port: int,
        *,
        timeout: float = TIMEOUT,  # noqa: ASYNC109 - also for each reply to come
        wait: float = 0.0,
        hello: bool = False,
        transport: str = DOE.name,
    ) -> Self:
        """Connect to a device.

        Args:
            host: name or address; or `unix:` and the path of a Unix socket.
            port: TCP port; 0 with a Unix socket.
            timeout: seconds for the connection, and for each reply.
            wait: seconds to keep trying while nothing listens there.
            hello: send the TEST greeting, which DMTF's emulators answer.
            transport: what messages are wrapped in, one of TRANSPORTS.

        Raises NoResponse where nothing listens there, PeerError for a wrong greeting.
        """
        where = address(host, port)
        try:
            reader, writer = await _connected(host, port, timeout=timeout, wait=wait)
        except TimeoutError as error:
            raise NoResponse(f"{where} does not answer within {timeout:g} s") from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise NoResponse(f"cannot connect to {where}: {reason}") from error
        set_nodelay(writer.get_extra_info("socket"))
        channel = cls(reader, writer, timeout=timeout, transport=transport)
        async with contextlib.AsyncExitStack() as unless_greeted:
            unless_greeted.push_async_callback(channel.close)
            if hello:
                await channel.greet()
            unless_greeted.pop_all()
        return channel

    @property
    def binding(self) -> Binding:
        """What messages are wrapped in."""
        return self._binding

    async def greet(self) -> None:
        """Exchange the TEST greeting. Raises PeerError where it is not answered as it should be."""
        greeting = Frame(Command.TEST, self._binding.transport, CLIENT_HELLO)
        reply = await self._request(greeting)
        if reply.payload != SERVER_HELLO:
            raise BrokenReply("TEST", "payload", found=reply.payload, expected=SERVER_HELLO)

    async def exchange(self, payload: bytes) -> bytes:
        """Send a whole payload of the binding and return the one that answers it.

        Raises NoResponse for an empty reply, for none in time and for a closed connection; the
        last two end the channel. Raises PeerError for a frame that is no answer.
        """
        frame = Frame(Command.NORMAL, self._binding.transport, payload)
        reply = await self._request(frame)
        if not reply.payload:
            raise NoResponse("the device gave no response (an empty frame)")
        return reply.payload

    async def close(self) -> None:
        """Say SHUTDOWN where frames are spoken, wait shortly for its echo, and close."""
        goodbye = self._frames.pack(Frame(Command.SHUTDOWN, self._binding.transport))
        if goodbye and not self._broken:
            with contextlib.suppress(OSError, TimeoutError, PeerError, FrameError):
                async with asyncio.timeout(_GOODBYE):
                    self._writer.write(goodbye)
                    # The whole of it: DMTF's emulators write a frame in four pieces, and do not
                    # survive a connection that is gone before the last.
                    await self._receive()
        self._broken = "the channel is closed"
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _request(self, frame: Frame) -> Frame:
        """Send a frame and return the one that answers it."""
        if self._broken:
            raise NoResponse(self._broken)
        try:
            async with asyncio.timeout(self._timeout):
                self._writer.write(self._frames.pack(frame))
                await self._writer.drain()
                reply = await self._receive()
        except TimeoutError as error:
            # What comes later would be taken for the answer to something else.
            self._broken = f"no reply within {self._timeout:g} s"
            raise NoResponse(self._broken) from error
        except OSError as error:
            self._broken = f"the connection broke: {error.strerror or error}"
            raise NoResponse(self._broken) from error
        except FrameError as error:
            self._broken = str(error)
            raise PeerError(self._broken) from error
        if reply.command != frame.command:
            found, expected = (f"0x{command:x}" for command in (reply.command, frame.command))
            raise BrokenReply("frame", "command", found=found, expected=expected)
        if reply.transport != frame.transport:
            expected = f"{frame.transport}, {self._binding.name}"
            raise BrokenReply("frame", "transport", found=reply.transport, expected=expected)
        return reply

    async def _receive(self) -> Frame:
        """The next frame. Raises NoResponse where the connection ends before."""
        while not self._received:
            with contextlib.suppress(OSError):
                self._rearm()
            data = await self._reader.read(_READ)
            if not data:
                self._broken = "the device closed the connection"
                raise NoResponse(self._broken)
            self._received.extend(self._frames.feed(data))
        reply = self._received.popleft()
        if self._received:
            count = len(self._received)
            self._received.clear()
            raise PeerError(f"the device sent {count} more frames than it was asked for")
        return reply


async def _connected(
    host: str,
    port: int,
    *,
    timeout: float,  # noqa: ASYNC109 - for each attempt
    wait: float,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection; one that is refused is tried again for `wait` seconds.

    A Unix socket that is not there yet counts as refused.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + wait
    while True:
        try:
            async with asyncio.timeout(timeout):
                if host.startswith(UNIX):
                    return await asyncio.open_unix_connection(host.removeprefix(UNIX))
                return await asyncio.open_connection(host, port)
        except (ConnectionRefusedError, FileNotFoundError):
            if loop.time() >= until:
                raise
        await asyncio.sleep(_RETRY)
