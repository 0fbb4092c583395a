"""The host's side of TDISP: an interface of a device, locked, looked at and started in a session.

VERSION → CAPABILITIES → STATE → LOCK → STATE → REPORT → START → STATE … STOP → STATE
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from emulator.ask import tdisp
from emulator.ask.tdisp import MAX_REPORT
from emulator.device.tdi import LockFlags, RangeAttributes, TdiState
from emulator.requester.asker import Asker
from emulator.requester.flow import Flow
from emulator.vendor.pci import PCI_SIG
from emulator.vendor.tdisp import codes, messages
from emulator.vendor.tdisp.messages import Capabilities, RangeEntry, Report, Tdisp

_T = TypeVar("_T")
_M = TypeVar("_M", bound=Tdisp)
_U64 = 1 << 64


class TdiHost:
    """TDISP about one interface in one session: a method a request.

    Each raises TdispRefused where the device says an error, and BrokenReply for a broken reply.
    """

    def __init__(self, session: Asker, function: int) -> None:
        """The interface of `function`; outside of a session no device answers."""
        self._session = session
        self.function = function

    def version(self) -> Flow[tuple[int, ...]]:
        """GET_TDISP_VERSION: the versions there are."""
        return (yield from self._ask(messages.GetVersion, tdisp.read_versions))

    def capabilities(self) -> Flow[Capabilities]:
        """GET_TDISP_CAPABILITIES: what the device can do."""
        return (yield from self._ask(messages.GetCapabilities, tdisp.read_capabilities))

    def state(self) -> Flow[TdiState]:
        """GET_DEVICE_INTERFACE_STATE: where the interface stands."""
        return (yield from self._ask(messages.GetState, tdisp.read_state))

    def lock(
        self, flags: LockFlags, *, stream: int = 0, offset: int = 0, p2p_mask: int = 0
    ) -> Flow[bytes]:
        """LOCK_INTERFACE: fix the interface; the nonce that starts it.

        Args:
            flags: what is asked for; a device has to support it.
            stream: the default IDE stream.
            offset: what is added to addresses that are reported, signed.
            p2p_mask: the address mask of peer-to-peer streams.
        """
        response = yield from self._plain(
            messages.LockInterface,
            messages.LockInterfaceResponse,
            flags=flags,
            default_stream=stream,
            mmio_reporting_offset=offset % _U64,
            bind_p2p_address_mask=p2p_mask,
        )
        return response.nonce

    def report(self, *, length: int = MAX_REPORT) -> Flow[Report]:
        """GET_DEVICE_INTERFACE_REPORT as often as it takes, for up to `length` bytes each time."""
        data, total, left = b"", None, length
        while left:
            asked = messages.GetReport(
                version=codes.VERSION,
                function=self.function,
                offset=len(data),
                length=min(length, left),
            )
            portion = tdisp.read_portion(asked, (yield from self._carry(asked)), total)
            data, left = data + portion.data, portion.left
            total = len(data) + left
        return tdisp.read_report(data)

    def start(self, nonce: bytes) -> Flow[None]:
        """START_INTERFACE: let the interface run."""
        yield from self._plain(
            messages.StartInterface, messages.StartInterfaceResponse, nonce=nonce
        )

    def stop(self) -> Flow[None]:
        """STOP_INTERFACE: let the device forget the tenant, and unlock the interface."""
        yield from self._plain(messages.StopInterface, messages.StopInterfaceResponse)

    def bind(self, stream: int) -> Flow[None]:
        """BIND_P2P_STREAM: bind a peer-to-peer stream."""
        yield from self._plain(messages.BindStream, messages.BindStreamResponse, stream_id=stream)

    def unbind(self, stream: int) -> Flow[None]:
        """UNBIND_P2P_STREAM: unbind one."""
        yield from self._plain(
            messages.UnbindStream, messages.UnbindStreamResponse, stream_id=stream
        )

    def share(self, where: RangeEntry, *, shared: bool) -> Flow[None]:
        """SET_MMIO_ATTRIBUTE: open a range of the report to all, or close it."""
        yield from self._plain(
            messages.SetAttribute,
            messages.SetAttributeResponse,
            first_page=where.first_page,
            pages=where.pages,
            attributes=RangeAttributes.IS_NON_TEE_MEM if shared else RangeAttributes(0),
            range_id=where.id,
        )

    def vendor(self, registry: int, vendor: bytes, data: bytes = b"") -> Flow[bytes]:
        """VDM: a vendor's request; the data of its response."""
        response = yield from self._plain(
            messages.VendorRequest,
            messages.VendorResponse,
            registry=registry,
            vendor=vendor,
            data=data,
        )
        return response.data

    def _plain(self, layout: type[Tdisp], response: type[_M], **fields: Any) -> Flow[_M]:
        """Ask with these fields, for a response that needs no more than being one."""
        return (yield from self._ask(layout, partial(tdisp.read, response), **fields))

    def _ask(
        self, layout: type[Tdisp], reader: Callable[[Tdisp, bytes], _T], **fields: Any
    ) -> Flow[_T]:
        asked = layout(version=codes.VERSION, function=self.function, **fields)
        return reader(asked, (yield from self._carry(asked)))

    def _carry(self, asked: Tdisp) -> Flow[bytes]:
        return (yield from self._session.vendor(*PCI_SIG, tdisp.request(asked)))
