"""How peers reach a device: a listening socket, which outlives every disconnect, or a call."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from emulator.device import Device
from emulator.endpoint import Endpoint, Observer
from emulator.serve.connection import DeviceConnection
from emulator.serve.unix import UnixSocket
from emulator.tcp import UNIX
from emulator.transport import tcp
from emulator.vendor import Registry

BACKLOG = 1024

_RETRY = 0.05
"""Seconds between attempts to connect to a requester that does not listen yet."""


class Listener:
    """Accepts connections to one device, as many at once as come.

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
        met: Callable[[DeviceConnection], None] = lambda _: None,
        pool: Executor | None = None,
    ) -> None:
        """Serve `device`.

        Args:
            device: the device.
            vendors: the vendor-defined protocols it speaks.
            observe: makes an observer for each connection's number.
            endpoint: makes the endpoint of a connection: `Endpoint`, or what wraps one.
            met: hears of each connection once its peer is there.
            pool: where slow cryptography is computed; None: in the event loop's own pool, which
                `asyncio.run` shuts down.
        """
        self.device = device
        self.connections: set[DeviceConnection] = set()
        self._vendors = vendors
        self._observe = observe
        self._make = endpoint
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
            ended()

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

    async def stop(self) -> None:
        """Stop listening and end every connection."""
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
        for connection in list(self.connections):
            connection.abort()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    def _accept(self) -> DeviceConnection:
        connection = DeviceConnection(
            self._endpoint, self.connections.discard, self._met, self._pool
        )
        self.connections.add(connection)
        return connection

    def _endpoint(self) -> Endpoint:
        observer = self._observe(self.device.connections + 1) if self._observe else None
        return self._make(self.device, vendors=self._vendors, observer=observer)
