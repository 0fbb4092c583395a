"""One session over a channel."""

from emulator.client.asking import Asking
from emulator.client.channel import Channel
from emulator.device.tdi import LockFlags, TdiState
from emulator.link import End, KeySet, Place
from emulator.link.keys import FIRST_INVOCATION
from emulator.requester import Observer, PortInfo, SecureSession
from emulator.requester.flow import unobserved
from emulator.spdm.messages.events import EventData, EventType
from emulator.spdm.messages.session import KeyOperation
from emulator.vendor.tdisp.messages import Capabilities, RangeEntry, Report


class IdeClient:
    """IDE_KM in one session, over its channel: the methods of `IdeKeys`."""

    def __init__(self, client: "SessionClient") -> None:
        self._client = client
        self._keys = client.session.ide

    async def query(self, port: int = 0) -> PortInfo:
        """QUERY: what a port is like."""
        return await self._client.run(self._keys.query(port))

    async def program(
        self,
        place: Place,
        key: bytes,
        *,
        stream: int,
        port: int = 0,
        invocation: int = FIRST_INVOCATION,
    ) -> None:
        """KEY_PROG: bring a key to its place at the device. Raises KeyRefused."""
        flow = self._keys.program(place, key, stream=stream, port=port, invocation=invocation)
        await self._client.run(flow)

    async def go(self, place: Place, *, stream: int, port: int = 0) -> None:
        """K_SET_GO: let the device use a key."""
        await self._client.run(self._keys.go(place, stream=stream, port=port))

    async def stop(self, place: Place, *, stream: int, port: int = 0) -> None:
        """K_SET_STOP: let the device forget a key."""
        await self._client.run(self._keys.stop(place, stream=stream, port=port))

    async def bring_up(
        self, root: End, *, stream: int, port: int = 0, key_set: KeySet = KeySet.K0
    ) -> None:
        """New keys of one set for a stream, at the device and at `root`, and into use."""
        await self._client.run(self._keys.bring_up(root, stream=stream, port=port, key_set=key_set))

    async def tear_down(
        self, root: End, *, stream: int, port: int = 0, key_set: KeySet = KeySet.K0
    ) -> None:
        """K_SET_STOP for each key of a set, at both ends."""
        await self._client.run(
            self._keys.tear_down(root, stream=stream, port=port, key_set=key_set)
        )


class InterfaceClient:
    """TDISP about one interface in one session, over its channel: the methods of `TdiHost`."""

    def __init__(self, client: "SessionClient", function: int) -> None:
        self._client = client
        self._host = client.session.interface(function)

    async def version(self) -> tuple[int, ...]:
        """GET_TDISP_VERSION: the versions there are."""
        return await self._client.run(self._host.version())

    async def capabilities(self) -> Capabilities:
        """GET_TDISP_CAPABILITIES: what the device can do."""
        return await self._client.run(self._host.capabilities())

    async def state(self) -> TdiState:
        """GET_DEVICE_INTERFACE_STATE: where the interface stands."""
        return await self._client.run(self._host.state())

    async def lock(
        self, flags: LockFlags, *, stream: int = 0, offset: int = 0, p2p_mask: int = 0
    ) -> bytes:
        """LOCK_INTERFACE: fix the interface; the nonce that starts it."""
        flow = self._host.lock(flags, stream=stream, offset=offset, p2p_mask=p2p_mask)
        return await self._client.run(flow)

    async def report(self) -> Report:
        """GET_DEVICE_INTERFACE_REPORT, all portions."""
        return await self._client.run(self._host.report())

    async def start(self, nonce: bytes) -> None:
        """START_INTERFACE: let the interface run."""
        await self._client.run(self._host.start(nonce))

    async def stop(self) -> None:
        """STOP_INTERFACE: let the device forget the tenant, and unlock the interface."""
        await self._client.run(self._host.stop())

    async def bind(self, stream: int) -> None:
        """BIND_P2P_STREAM: bind a peer-to-peer stream."""
        await self._client.run(self._host.bind(stream))

    async def unbind(self, stream: int) -> None:
        """UNBIND_P2P_STREAM: unbind one."""
        await self._client.run(self._host.unbind(stream))

    async def share(self, where: RangeEntry, *, shared: bool) -> None:
        """SET_MMIO_ATTRIBUTE: open a range of the report to all, or close it."""
        await self._client.run(self._host.share(where, shared=shared))

    async def vendor(self, registry: int, vendor: bytes, data: bytes = b"") -> bytes:
        """VDM: a vendor's request; the data of its response."""
        return await self._client.run(self._host.vendor(registry, vendor, data))


class SessionClient(Asking):
    """An established session and the channel to its device.

    Each method is the session's of the same name, driven over the channel; `run` drives any other.

    Attributes:
        session: the session.
    """

    def __init__(
        self, session: SecureSession, channel: Channel, *, observer: Observer = unobserved
    ) -> None:
        super().__init__(session, channel, observer=observer)
        self.session = session

    @property
    def id(self) -> int:
        """The session's id."""
        return self.session.id

    @property
    def ide(self) -> IdeClient:
        """IDE_KM in this session."""
        return IdeClient(self)

    def interface(self, function: int) -> InterfaceClient:
        """TDISP about the interface of a FUNCTION_ID, in this session."""
        return InterfaceClient(self, function)

    @property
    def export_master(self) -> bytes:
        """The export master secret: what both ends, and nobody else, may derive keys from."""
        return self.session.session.secrets.export_master

    async def heartbeat(self) -> None:
        """HEARTBEAT."""
        await self.run(self.session.heartbeat())

    async def update_keys(self, operation: KeyOperation = KeyOperation.UPDATE_ALL_KEYS) -> None:
        """KEY_UPDATE for new keys, and the proof of ours."""
        await self.run(self.session.update_keys(operation))

    async def subscribe(self, *wanted: EventType) -> None:
        """SUBSCRIBE_EVENT_TYPES, since 1.3: be told of these events, or of none any more.

        They come to `events` with `encapsulated`, which asks the device what it has to say.
        """
        await self.run(self.session.subscribe(*wanted))

    @property
    def events(self) -> list[EventData]:
        """The events the device has told of, in order."""
        return self.session.events

    async def end(self, *, forget: bool = False) -> None:
        """END_SESSION, unless the session is over."""
        if self.session.live:
            await self.run(self.session.end_session(forget=forget))
