"""The TEE device interfaces of a device, and what its IDE streams mean to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from emulator.device.tdi.interface import Changed, Interface, LockFlags, RangeAttributes
from emulator.device.tdi.states import Cause, Request
from emulator.spdm.session import Session

FUNCTION_MASK = 0x01FFFFFF
"""The bits of a FUNCTION_ID that name a function; the others are reserved."""


class Streams(Protocol):
    """What interfaces ask about IDE streams."""

    def keyed(self, stream: int, session: Session | None) -> bool:
        """Whether all sub-streams of `stream` have keys in use, all programmed in `session`."""
        ...


@dataclass(frozen=True)
class VendorMessage:
    """A vendor-defined message of TDISP that the device knows, and its answer.

    Attributes:
        registry: who assigned the vendor's id: 0 PCI-SIG, 1 CXL.
        vendor: the vendor's id.
        answer: the data that answers.
        error: the data of an error that answers instead; None: there is none.
    """

    registry: int
    vendor: bytes
    answer: bytes = b""
    error: bytes | None = None


@dataclass
class Interfaces:
    """All interfaces of a device.

    Attributes:
        by_function: the interfaces, by FUNCTION_ID.
        address_width: DEV_ADDR_WIDTH: how many bits of an address the device has.
        outstanding: NUM_REQ_THIS and NUM_REQ_ALL: how many requests may be under way.
        portion: the largest portion of a report in one reply, bytes.
        messages: the vendor-defined messages it knows.
        streams: the device's IDE; None: it has none.
    """

    by_function: Mapping[int, Interface] = field(default_factory=dict)
    address_width: int = 52
    outstanding: tuple[int, int] = (1, 1)
    portion: int = 512
    messages: tuple[VendorMessage, ...] = ()
    streams: Streams | None = None

    def find(self, function: int) -> Interface | None:
        """The interface of a FUNCTION_ID."""
        return self.by_function.get(function & FUNCTION_MASK)

    def supported(self) -> frozenset[Request]:
        """The requests that the device knows: some only where an interface has a use for them."""
        found = set(Request)
        interfaces = self.by_function.values()
        if not any(LockFlags.BIND_P2P in one.flags for one in interfaces):
            found -= {Request.BIND_P2P_STREAM, Request.UNBIND_P2P_STREAM}
        if not any(
            RangeAttributes.IS_MEM_ATTR_UPDATABLE in part.attributes
            for one in interfaces
            for part in one.ranges
        ):
            found.discard(Request.SET_MMIO_ATTRIBUTE)
        if not self.messages:
            found.discard(Request.VDM)
        return frozenset(found)

    def stream_lost(self, stream: int) -> None:
        """An IDE stream is not secure any more."""
        for one in self.by_function.values():
            if stream in one.streams():
                one.fail(Cause.STREAM_LOST)

    def reset(self) -> None:
        """The device was reset."""
        for one in self.by_function.values():
            one.fail(Cause.RESET)

    def watch(self, changed: Changed) -> None:
        """Let `changed` hear of every interface's states."""
        for one in self.by_function.values():
            one.changed = changed
