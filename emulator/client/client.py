"""The requester over a socket, ready to use."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime

from emulator.ask import Authentication
from emulator.client.asking import Asking
from emulator.client.channel import Channel
from emulator.client.mctp import MCTP_TARGET, MctpChannel, endpoint_address
from emulator.client.session import SessionClient
from emulator.client.socket import TIMEOUT, SocketChannel
from emulator.client.sysfs import PCI, function_name, open_mailbox
from emulator.crypto.keys import VerifyingKey
from emulator.entropy import Entropy, System
from emulator.errors import PeerError
from emulator.requester import (
    DEFAULT,
    NO_SESSIONS,
    Flow,
    Observer,
    Offer,
    Requester,
    SecureSession,
    Sessions,
    Verdict,
    attest,
)
from emulator.requester.appraisal import References
from emulator.requester.asker import NO_CONTEXT
from emulator.requester.flow import unobserved
from emulator.requester.reading import MeasurementMode
from emulator.spdm.messages.challenge import NO_SLOT, SummaryType
from emulator.spdm.negotiation import Negotiated
from emulator.transport.doe import DOE


class Client(Asking):
    """A requester and the channel to its device.

    Each method is the requester's or flow's of the same name, driven over the channel; `run`
    drives any other.
    """

    def __init__(
        self, requester: Requester, channel: Channel, *, observer: Observer = unobserved
    ) -> None:
        super().__init__(requester, channel, observer=observer)
        self.requester = requester
        requester.padding = channel.binding.padding

    async def connect(self) -> Negotiated:
        """GET_VERSION, GET_CAPABILITIES, NEGOTIATE_ALGORITHMS."""
        return await self.run(self.requester.connect())

    async def challenge(
        self,
        slot: int = 0,
        *,
        summary: SummaryType = SummaryType.NONE,
        context: bytes = NO_CONTEXT,
    ) -> Authentication:
        """CHALLENGE the chain fetched from `slot`; since 1.3, 8 bytes of `context` are signed."""
        return await self.run(self.requester.challenge(slot, summary=summary, context=context))

    @asynccontextmanager
    async def session(
        self, slot: int = 0, *, summary: SummaryType = SummaryType.NONE
    ) -> AsyncIterator[SessionClient]:
        """A session opened by KEY_EXCHANGE and FINISH; leaving the block ends it.

        The chain in `slot` is fetched first, unless it was.
        """
        if slot not in (NO_SLOT, *self.requester.chains):
            await self.certificate(slot)
        async with self._session(self.requester.session(slot, summary=summary)) as session:
            yield session

    @asynccontextmanager
    async def psk_session(
        self, hint: bytes, key: bytes, *, summary: SummaryType = SummaryType.NONE
    ) -> AsyncIterator[SessionClient]:
        """A session of a pre-shared key; leaving the block ends it."""
        flow = self.requester.psk_session(hint, key, summary=summary)
        async with self._session(flow) as session:
            yield session

    @asynccontextmanager
    async def _session(self, flow: Flow[SecureSession]) -> AsyncIterator[SessionClient]:
        session = SessionClient(await self.run(flow), self.channel, observer=self._observer)
        try:
            yield session
        except Exception:
            with suppress(PeerError):  # the first reason is the one to be told
                await session.end()
            raise
        await session.end()

    async def attest(
        self,
        *,
        trust: Sequence[bytes],
        at: datetime,
        expected_san: str | None = None,
        slot: int | None = None,
        public_keys: Sequence[VerifyingKey] = (),
        measurements: MeasurementMode = "all",
        raw: bool = False,
        sessions: Sessions = NO_SESSIONS,
        reference: References | None = None,
    ) -> Verdict:
        """Connect and judge the device."""
        flow = attest(
            self.requester,
            trust=trust,
            at=at,
            expected_san=expected_san,
            slot=slot,
            public_keys=public_keys,
            measurements=measurements,
            raw=raw,
            sessions=sessions,
            reference=reference,
        )
        return await self.run(flow)


@asynccontextmanager
async def connect(
    host: str,
    port: int = 0,
    *,
    offer: Offer = DEFAULT,
    entropy: Entropy | None = None,
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - for each reply to come, not for this call
    wait: float = 0.0,
    hello: bool = False,
    transport: str = DOE.name,
    observer: Observer = unobserved,
) -> AsyncIterator[Client]:
    """A client of the device at `host`:`port`; leaving the block says SHUTDOWN.

    `host` may also be `unix:PATH`, `pci:ADDRESS` for the DOE mailbox of a function of this machine,
    or `mctp:EID` or `mctp:NETWORK,EID` for an endpoint of the kernel's MCTP; for the others
    `transport` is one of `client.socket.TRANSPORTS`. Nonces come from `entropy`, by default the
    operating system's. Raises NoResponse where nothing listens there after `wait` seconds,
    PcieError where there is no such mailbox, MctpError where there is no such endpoint.
    """
    channel: Channel
    if host.startswith(PCI):
        name = function_name(host.removeprefix(PCI))
        channel = await open_mailbox(name, response_time=timeout)
    elif host.startswith(MCTP_TARGET):
        endpoint = endpoint_address(host.removeprefix(MCTP_TARGET))
        channel = MctpChannel.open(endpoint, timeout=timeout)
    else:
        channel = await SocketChannel.open(
            host, port, timeout=timeout, wait=wait, hello=hello, transport=transport
        )
    try:
        yield Client(Requester(entropy or System(), offer), channel, observer=observer)
    finally:
        await channel.close()
