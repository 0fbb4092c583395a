"""What may be asked of a device outside of sessions and inside, over a channel."""

from collections.abc import Sequence
from typing import TypeVar

from emulator.ask import Endpoint, KeyPairFacts, Logged, PeerChain, Reading, SlotDigests
from emulator.client.channel import Channel
from emulator.client.drive import drive
from emulator.client.link import RootPort
from emulator.requester import Flow, Measured, Observer, measure_all
from emulator.requester.asker import Asker
from emulator.requester.flow import unobserved
from emulator.spdm.key_pairs import KeyUsage
from emulator.spdm.messages import MeasurementOperation
from emulator.spdm.messages.provisioning import KeyPairOperation

_T = TypeVar("_T")


class Asking:
    """One conversation, and the channel to its device.

    Each method is the asker's or flow's of the same name, driven over the channel; `run` drives any
    other.

    Attributes:
        link: where the TLPs of flows go; None: nowhere.
    """

    link: RootPort | None = None

    def __init__(self, asker: Asker, channel: Channel, *, observer: Observer = unobserved) -> None:
        self.channel = channel
        self._asker = asker
        self._observer = observer

    async def run(self, flow: Flow[_T]) -> _T:
        """Drive a flow of this conversation."""
        return await drive(flow, self.channel, observer=self._observer, link=self.link)

    async def digests(self) -> SlotDigests:
        """GET_DIGESTS."""
        return await self.run(self._asker.digests())

    async def certificate(self, slot: int = 0) -> PeerChain:
        """GET_CERTIFICATE until the chain in `slot` is whole."""
        return await self.run(self._asker.certificate(slot))

    async def slot_size(self, slot: int = 0) -> int:
        """GET_CERTIFICATE for the size of a slot, bytes, since 1.3."""
        return await self.run(self._asker.slot_size(slot))

    async def measurements(
        self,
        operation: int = MeasurementOperation.ALL,
        *,
        signed_by: int | None = 0,
        raw: bool = False,
    ) -> Reading:
        """GET_MEASUREMENTS once: COUNT, ALL or an index."""
        return await self.run(self._asker.measurements(operation, signed_by=signed_by, raw=raw))

    async def measure_all(
        self, *, one_by_one: bool = False, signed_by: int | None = 0, raw: bool = False
    ) -> Measured:
        """Count the measurements and read them all under one signature."""
        count = await self.run(self._asker.measurement_count())
        flow = measure_all(
            self._asker, count=count, one_by_one=one_by_one, signed_by=signed_by, raw=raw
        )
        return await self.run(flow)

    async def measurement_log(self) -> tuple[Logged, ...]:
        """GET_MEASUREMENT_EXTENSION_LOG until the log is whole, since 1.3."""
        return await self.run(self._asker.measurement_log())

    async def endpoint_info(self, *, signed_by: int | None = None) -> Endpoint:
        """GET_ENDPOINT_INFO for the device classes, since 1.3."""
        return await self.run(self._asker.endpoint_info(signed_by=signed_by))

    async def csr(self, *, key_pair: int = 0) -> bytes:
        """GET_CSR for a certificate signing request, DER, since 1.2."""
        return await self.run(self._asker.csr(key_pair=key_pair))

    async def set_certificate(
        self, slot: int, certificates: Sequence[bytes], *, key_pair: int = 0
    ) -> None:
        """SET_CERTIFICATE of these certificates, DER from the root to the leaf, since 1.2."""
        await self.run(self._asker.set_certificate(slot, certificates, key_pair=key_pair))

    async def erase_certificate(self, slot: int, *, key_pair: int = 0) -> None:
        """SET_CERTIFICATE that empties a slot, since 1.3."""
        await self.run(self._asker.erase_certificate(slot, key_pair=key_pair))

    async def key_pair(self, number: int) -> KeyPairFacts:
        """GET_KEY_PAIR_INFO, since 1.3."""
        return await self.run(self._asker.key_pair(number))

    async def set_key_pair(
        self,
        number: int,
        operation: KeyPairOperation,
        *,
        usage: KeyUsage | None = None,
        asym: int = 0,
        slots: int = 0,
    ) -> None:
        """SET_KEY_PAIR_INFO, since 1.3; see `SetKeyPairInfoRequest`."""
        flow = self._asker.set_key_pair(number, operation, usage=usage, asym=asym, slots=slots)
        await self.run(flow)

    async def encapsulated(self) -> list[int]:
        """GET_ENCAPSULATED_REQUEST until the device has nothing left to ask; what it asked."""
        return await self.run(self._asker.encapsulated())

    async def vendor(self, standard: int, vendor: bytes, payload: bytes) -> bytes:
        """VENDOR_DEFINED_REQUEST."""
        return await self.run(self._asker.vendor(standard, vendor, payload))
