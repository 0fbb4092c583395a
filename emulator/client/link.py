"""The root port's end of a device's link, over a socket."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, cast

from emulator.client.socket import TIMEOUT
from emulator.errors import FrameError, NoResponse, PeerError
from emulator.link import End, Received, Tlp
from emulator.link.frames import LinkReader, pack
from emulator.requester.flow import Direction, Flow
from emulator.requester.traffic import OnLink, read, write
from emulator.tcp import UNIX, set_nodelay

TlpObserver = Callable[[Direction, bytes], None]
"""Told the bytes of every TLP as it passes."""

_T = TypeVar("_T")
_READ = 1 << 16
_TAGS = 256


def _unobserved(direction: Direction, raw: bytes) -> None:
    del direction, raw


class RootPort:
    """A root port and its link to one port of a device.

    Attributes:
        end: the port, whose streams protect what goes and comes.
        port: the index of the device's port.
        timeout: seconds to wait for what is to come.
    """

    def __init__(
        self,
        end: End,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        port: int = 0,
        timeout: float = TIMEOUT,
        observer: TlpObserver = _unobserved,
    ) -> None:
        """`end` on this stream of bytes, linked to the device's port of the index `port`."""
        self.end = end
        self.port = port
        self._reader = reader
        self._writer = writer
        self.timeout = timeout
        self._observer = observer
        self._frames = LinkReader()
        self._came: list[bytes] = []
        self._tag = 0

    async def write(self, address: int, data: bytes, *, trusted: bool = False) -> None:
        """Write whole DWORDs to the device's memory; nobody says whether they arrive.

        Raises LinkError where the stream they belong to is Insecure.
        """
        await self._drive(write(self.end, address, data, trusted=trusted))

    async def read(self, address: int, size: int, *, trusted: bool = False) -> bytes:
        """Read whole DWORDs, at most 4096 bytes, of the device's memory.

        Raises NoResponse where no completion comes in time, PeerError where it brings no data, and
        LinkError where the stream is Insecure, or becomes so by what came, and where what goes out
        protected is answered unprotected.
        """
        self._tag = (self._tag + 1) % _TAGS
        flow = read(self.end, address, size, tag=self._tag, trusted=trusted)
        return await self._drive(flow)

    async def carry(self, request: OnLink) -> bytes:
        """Put a flow's TLP onto the link; the next one that comes, where the flow waits for it."""
        if request:
            await self.send_raw(request)
        if not request.awaited:
            return b""
        raw = await self._next()
        self._observer(Direction.REPLY, raw)
        return raw

    async def _drive(self, flow: Flow[_T]) -> _T:
        """The result of a flow that says nothing but TLPs."""
        came = None
        try:
            while True:
                request = flow.send(came)  # type: ignore[arg-type]  # None begins it
                came = await self.carry(cast("OnLink", request))
        except StopIteration as stop:
            result: _T = stop.value
            return result

    async def send(self, tlp: Tlp, *, trusted: bool = False) -> None:
        """Send a TLP as the port does. Raises LinkError, and NoResponse for a link that is gone."""
        for raw in self.end.send(tlp, trusted=trusted):
            await self.send_raw(raw)

    async def send_raw(self, raw: bytes) -> None:
        """Put bytes onto the link as they are. Raises NoResponse for one that is gone."""
        self._observer(Direction.REQUEST, raw)
        try:
            self._writer.write(pack(self.port, raw))
            await self._writer.drain()
        except OSError as error:
            raise NoResponse(f"the link broke: {error.strerror or error}") from error

    async def receive(self) -> Received:
        """The next TLP, and what the port makes of it.

        Raises NoResponse where none comes in time, LinkError for bytes that are none.
        """
        return self.end.receive(await self.carry(OnLink(b"", awaited=True)))

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(self.timeout):
                while not self._came:
                    data = await self._reader.read(_READ)
                    if not data:
                        raise NoResponse("the device closed the link")
                    frames = self._frames.feed(data)
                    self._came += [frame.tlp for frame in frames if frame.port == self.port]
        except TimeoutError as error:
            raise NoResponse(f"nothing came over the link within {self.timeout:g} s") from error
        except OSError as error:
            raise NoResponse(f"the link broke: {error.strerror or error}") from error
        except FrameError as error:
            raise PeerError(str(error)) from error
        return self._came.pop(0)


@asynccontextmanager
async def link(
    host: str,
    link_port: int = 0,
    *,
    end: End,
    port: int = 0,
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - for each completion, not for this call
    observer: TlpObserver = _unobserved,
) -> AsyncIterator[RootPort]:
    """The root port `end` on the link that listens at `host`:`link_port`, or `unix:PATH`.

    `port`: the index of the device's port. Raises NoResponse where nothing listens there.
    """
    try:
        if host.startswith(UNIX):
            reader, writer = await asyncio.open_unix_connection(host.removeprefix(UNIX))
        else:
            reader, writer = await asyncio.open_connection(host, link_port)
            set_nodelay(writer.get_extra_info("socket"))
    except OSError as error:
        where = host if host.startswith(UNIX) else f"{host}:{link_port}"
        raise NoResponse(f"cannot connect to {where}: {error.strerror or error}") from error
    try:
        yield RootPort(end, reader, writer, port=port, timeout=timeout, observer=observer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
