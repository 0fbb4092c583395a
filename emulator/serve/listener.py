"""How peers reach a device: a listening socket, which outlives every disconnect, or a call."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import cast

from emulator.device import Device
from emulator.endpoint import Endpoint, Limited, Observer
from emulator.serve.connection import DeviceConnection
from emulator.serve.limits import BACKLOG, Admission, Seldom
from emulator.serve.shutdown import Grace
from emulator.serve.unix import UnixSocket
from emulator.tcp import UNIX
from emulator.transport import tcp
from emulator.vendor import Registry

_RETRY = 0.05
"""Seconds between attempts to connect to a requester that does not listen yet."""
_REFUSALS = 10.0
"""Seconds between two tellings of connections that were refused."""


class Listener:
    """Accepts connections to one device, as many at once as its limits allow.

    A further one is closed at once, and the observer of connection 0, which is none, is told
    of it: of the first, then of how many they were every 10 s.

    Attributes:
        device: the device served.
        connections: the connections open now.
    """

    def __init__(
        self,
        device: Device,
        *,
        vendors: Registry | None = None,
        observe: Callable[[int], Observer] | None = None,
        endpoint: Callable[..., Endpoint] = Endpoint,
        admission: Admission | None = None,
        met: Callable[[DeviceConnection], None] = lambda _: None,
        pool: Executor | None = None,
    ) -> None:
        """Serve `device`.

        Args:
            device: the device.
            vendors: the vendor-defined protocols it speaks.
            observe: makes an observer for each connection's number.
            endpoint: makes the endpoint of a connection: `Endpoint`, or what wraps one.
            admission: counts the connections of all listeners of a process, and bounds them.
            met: hears of each connection once its peer is there.
            pool: where slow cryptography is computed; None: in the event loop's own pool, which
                `asyncio.run` shuts down.
        """
        self.device = device
        self.connections: set[DeviceConnection] = set()
        self._vendors = vendors
        self._observe = observe
        self._make = endpoint
        self._admission = Admission() if admission is None else admission
        self._refusals = Seldom(_REFUSALS)
        self._left = asyncio.Event()
        self._met = met
        self._pool = pool
        self._server: asyncio.Server | None = None
        self._unix: UnixSocket | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; port 0 lets the system choose. Returns the address listened on.

        `unix:PATH` for a host listens on a Unix socket; the port means nothing then. Raises OSError
        when the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        if host.startswith(UNIX):
            self._unix = UnixSocket(host.removeprefix(UNIX))
            self._server = await loop.create_unix_server(
                self._accept, sock=self._unix.socket, backlog=BACKLOG
            )
            return host, port
        self._server = await loop.create_server(
            self._accept, host, port, backlog=BACKLOG, reuse_address=True
        )
        name = self._server.sockets[0].getsockname()
        return name[0], name[1]

    async def call(
        self, host: str, port: int, *, wait: float, ended: Callable[[], None]
    ) -> tuple[str, int]:
        """Connect to a requester that listens, and tell it by a Role-Inquiry who responds.

        A connection that is refused is tried again for `wait` seconds; `ended` is called when the
        connection has ended. Returns the requester's address. Raises OSError.
        """
        loop = asyncio.get_running_loop()

        def gone(connection: DeviceConnection) -> None:
            self.connections.discard(connection)
            self._left.set()
            ended()  # it is the only one: no admission counts it

        until = loop.time() + wait
        while True:
            try:
                transport, connection = await loop.create_connection(
                    lambda: DeviceConnection(self._endpoint, gone, self._met, self._pool),
                    host,
                    port,
                )
            except ConnectionRefusedError:
                if loop.time() >= until:
                    raise
                await asyncio.sleep(_RETRY)
                continue
            if not transport.is_closing():
                self.connections.add(connection)
            transport.write(tcp.control(tcp.MessageType.ROLE_INQUIRY))
            name = transport.get_extra_info("peername")
            return name[0], name[1]

    async def stop(
        self, grace: Grace | None = None, reason: str = "the device stops listening"
    ) -> None:
        """Stop listening and end every connection, once what is under way there has left.

        Args:
            grace: how long that may take; None: no time.
            reason: why it ends.
        """
        if self._server is not None:
            loop = asyncio.get_running_loop()
            for sock in self._server.sockets:
                loop.remove_reader(sock.fileno())
            # What was accepted a moment ago is a connection first: a closed server loses it open.
            await asyncio.sleep(0)
            if self._unix is not None:
                self._unix.remove()
                self._unix = None
            self._server.close()
        if grace is not None:
            for connection in list(self.connections):
                connection.finish(reason)
            await grace.until(self._emptied())
        for connection in list(self.connections):
            connection.abort()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    async def _emptied(self) -> None:
        """Wait until every connection has ended by itself."""
        while self.connections:
            self._left.clear()
            await self._left.wait()

    def _accept(self) -> asyncio.Protocol:
        most = self.device.limits.connections
        if len(self.connections) >= most:
            return self._refuse(f"the device takes {most} connections")
        if not self._admission.enter():
            return self._refuse(f"the process takes {self._admission.most} connections")
        connection = DeviceConnection(self._endpoint, self._gone, self._met, self._pool)
        self.connections.add(connection)
        return connection

    def _gone(self, connection: DeviceConnection) -> None:
        self.connections.discard(connection)
        self._admission.leave()
        self._left.set()

    def _refuse(self, reason: str) -> "_Refused":
        """Close a connection, and tell it, unless that was told a moment ago."""
        self.device.limited["connections"] += 1
        count = self._refusals.due(asyncio.get_running_loop().time())
        if count and self._observe is not None:
            refused = "one more was refused" if count == 1 else f"{count} more were refused"
            self._observe(0)(Limited("connections", f"{reason}; {refused}"))
        return _Refused()

    def _endpoint(self) -> Endpoint:
        observer = self._observe(self.device.connections + 1) if self._observe else None
        return self._make(self.device, vendors=self._vendors, observer=observer)


class _Refused(asyncio.Protocol):
    """A connection that is closed at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it."""
        cast("asyncio.Transport", transport).abort()
