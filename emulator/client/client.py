"""The requester over a socket, ready to use."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

from emulator.ask import Authentication, PeerChain, Reading, SlotDigests
from emulator.client.channel import Channel
from emulator.client.drive import drive
from emulator.client.mctp import MCTP_TARGET, MctpChannel, endpoint_address
from emulator.client.socket import TIMEOUT, SocketChannel
from emulator.client.sysfs import PCI, function_name, open_mailbox
from emulator.crypto.keys import VerifyingKey
from emulator.entropy import Entropy, System
from emulator.requester import (
    DEFAULT,
    Flow,
    Measured,
    Observer,
    Offer,
    Requester,
    Verdict,
    attest,
    measure_all,
)
from emulator.requester.attest import MeasurementMode
from emulator.requester.flow import unobserved
from emulator.spdm.messages import MeasurementOperation
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.negotiation import Negotiated
from emulator.transport.doe import DOE

_T = TypeVar("_T")


class Client:
    """A requester and the channel to its device.

    Each method is the requester's or flow's of the same name, driven over the channel; `run`
    drives any other.
    """

    def __init__(
        self, requester: Requester, channel: Channel, *, observer: Observer = unobserved
    ) -> None:
        self.requester = requester
        self.channel = channel
        requester.padding = channel.binding.padding
        self._observer = observer

    async def run(self, flow: Flow[_T]) -> _T:
        """Drive a flow of `requester`."""
        return await drive(flow, self.channel, observer=self._observer)

    async def connect(self) -> Negotiated:
        """GET_VERSION, GET_CAPABILITIES, NEGOTIATE_ALGORITHMS."""
        return await self.run(self.requester.connect())

    async def digests(self) -> SlotDigests:
        """GET_DIGESTS."""
        return await self.run(self.requester.digests())

    async def certificate(self, slot: int = 0) -> PeerChain:
        """GET_CERTIFICATE until the chain in `slot` is whole."""
        return await self.run(self.requester.certificate(slot))

    async def slot_size(self, slot: int = 0) -> int:
        """GET_CERTIFICATE for the size of a slot, bytes, since 1.3."""
        return await self.run(self.requester.slot_size(slot))

    async def challenge(
        self, slot: int = 0, *, summary: SummaryType = SummaryType.NONE
    ) -> Authentication:
        """CHALLENGE the chain fetched from `slot`."""
        return await self.run(self.requester.challenge(slot, summary=summary))

    async def measurements(
        self,
        operation: int = MeasurementOperation.ALL,
        *,
        signed_by: int | None = 0,
        raw: bool = False,
    ) -> Reading:
        """GET_MEASUREMENTS once: COUNT, ALL or an index."""
        return await self.run(self.requester.measurements(operation, signed_by=signed_by, raw=raw))

    async def measure_all(
        self, *, one_by_one: bool = False, signed_by: int | None = 0, raw: bool = False
    ) -> Measured:
        """Count the measurements and read them all under one signature."""
        count = await self.run(self.requester.measurement_count())
        flow = measure_all(
            self.requester, count=count, one_by_one=one_by_one, signed_by=signed_by, raw=raw
        )
        return await self.run(flow)

    async def vendor(self, standard: int, vendor: bytes, payload: bytes) -> bytes:
        """VENDOR_DEFINED_REQUEST."""
        return await self.run(self.requester.vendor(standard, vendor, payload))

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
