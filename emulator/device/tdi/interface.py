"""A TEE device interface: what a function lets a tenant use, its lock, and its state."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import IntFlag

from emulator.device.tdi.registers import REGISTERS
from emulator.device.tdi.states import Cause, Request, TdiState, after
from emulator.spdm.session import Session

PAGE = 4096
"""Bytes of the pages that MMIO ranges are counted in."""


class LockFlags(IntFlag):
    """What LOCK_INTERFACE can ask for (PCI_TDISP_LOCK_INTERFACE_FLAGS_*)."""

    NO_FW_UPDATE = 0x01
    SYSTEM_CACHE_LINE_SIZE = 0x02
    LOCK_MSIX = 0x04
    BIND_P2P = 0x08
    ALL_REQUEST_REDIRECT = 0x10


class RangeAttributes(IntFlag):
    """What an MMIO range is (PCI_TDISP_MMIO_RANGE_ATTRIBUTES_*)."""

    MSIX_TABLE = 0x1
    MSIX_PBA = 0x2
    IS_NON_TEE_MEM = 0x4
    IS_MEM_ATTR_UPDATABLE = 0x8


MSIX = RangeAttributes.MSIX_TABLE | RangeAttributes.MSIX_PBA


class InterfaceInfo(IntFlag):
    """What an interface says of itself (PCI_TDISP_INTERFACE_INFO_*)."""

    NO_UPDATE_AFTER_LOCK = 0x01
    DMA_WITHOUT_PASID = 0x02
    DMA_WITH_PASID = 0x04
    ATS_SUPPORTED = 0x08
    PRS_SUPPORTED = 0x10


_NO_FLAGS, _NO_ATTRIBUTES, _NO_INFO = LockFlags(0), RangeAttributes(0), InterfaceInfo(0)


@dataclass(frozen=True)
class MmioRange:
    """Pages of the interface's memory.

    Attributes:
        address: where it starts, a physical address.
        pages: how many pages of 4096 bytes it has.
        id: its range id; 0 to 7 are those of base address registers.
        attributes: what it is.
    """

    address: int
    pages: int
    id: int = 0
    attributes: RangeAttributes = _NO_ATTRIBUTES


@dataclass(frozen=True)
class Lock:
    """What LOCK_INTERFACE has fixed.

    Attributes:
        flags: what was asked for.
        stream: the default stream; None: the interface needs no IDE.
        offset: what is added to addresses that are reported, signed.
        p2p_mask: the address mask of peer-to-peer streams.
        session: the session it came in; None: it came in none.
    """

    flags: LockFlags
    stream: int | None
    offset: int
    p2p_mask: int
    session: Session | None


@dataclass
class Refusal:
    """An answer that an interface gives instead of what was asked for.

    Attributes:
        request: the request.
        error: the error code.
        times: how often it is still given; None: always.
    """

    request: Request
    error: int
    times: int | None = None

    def given(self) -> None:
        """It was given once more."""
        if self.times:
            self.times -= 1


Changed = Callable[["Interface", Request | Cause], None]
"""Hears that an interface is in another state, and why."""


@dataclass
class Interface:
    """One interface.

    Attributes:
        function: its FUNCTION_ID: requester id, with a segment its number and the flag of it.
        flags: the lock flags it supports.
        info: what it says of itself; NO_UPDATE_AFTER_LOCK follows from its lock as well.
        ranges: its memory, in the order it is reported.
        msi_x_control, lnr_control, tph_control: registers that are reported.
        specific: device-specific information that is reported.
        needs_ide: it is locked only with keys for its default stream.
        refusals: what it refuses on purpose.
        state: where it stands.
        lock: what was fixed when it was locked, until it is unlocked.
        nonce: what START_INTERFACE must show; None: nothing would do.
        p2p: the peer-to-peer streams bound to it.
        shared: the ranges, by their place, that are open to those outside of the TEE.
        cause: what made an error of it; None: it is in none.
        changed: hears of its states.
    """

    function: int
    flags: LockFlags = _NO_FLAGS
    info: InterfaceInfo = _NO_INFO
    ranges: tuple[MmioRange, ...] = ()
    msi_x_control: int = 0
    lnr_control: int = 0
    tph_control: int = 0
    specific: bytes = b""
    needs_ide: bool = True
    refusals: list[Refusal] = field(default_factory=list)
    state: TdiState = TdiState.CONFIG_UNLOCKED
    lock: Lock | None = None
    nonce: bytes | None = None
    p2p: set[int] = field(default_factory=set)
    shared: set[int] = field(default_factory=set)
    cause: Cause | None = None
    changed: Changed | None = field(default=None, compare=False, repr=False)

    def take_lock(self, lock: Lock, nonce: bytes) -> None:
        """LOCK_INTERFACE has succeeded."""
        self.lock, self.nonce = lock, nonce
        self.shared = {
            place
            for place, one in enumerate(self.ranges)
            if RangeAttributes.IS_NON_TEE_MEM in one.attributes
        }
        self._go(Request.LOCK_INTERFACE)

    def start(self) -> None:
        """START_INTERFACE has succeeded: its nonce is used up."""
        self.nonce = None
        self._go(Request.START_INTERFACE)

    def stop(self) -> None:
        """STOP_INTERFACE has succeeded: everything about the tenant is gone."""
        self.lock = self.nonce = self.cause = None
        self.p2p, self.shared = set(), set()
        self._go(Request.STOP_INTERFACE)

    def fail(self, cause: Cause) -> None:
        """Something has happened that makes an error of a locked interface."""
        if after(self.state, cause) is self.state:
            return
        self.cause, self.nonce = cause, None
        self._go(cause)

    def streams(self) -> frozenset[int]:
        """The streams bound to it."""
        if self.lock is None or self.lock.stream is None:
            return frozenset(self.p2p)
        return frozenset({self.lock.stream, *self.p2p})

    def written(self, register: str) -> None:
        """A configuration register was written. Raises KeyError for one that is not watched."""
        watched = REGISTERS[register]
        if not watched.msi_x or (self.lock and LockFlags.LOCK_MSIX in self.lock.flags):
            self.fail(Cause.REGISTER_WRITE)

    def reported(self) -> dict[int, MmioRange]:
        """The ranges as a report has them, by their place: MSI-X only where it is locked.

        Addresses have the lock's offset; attributes are those at the time of the lock.
        """
        lock = self.lock
        if lock is None:
            return {}
        with_msi_x = LockFlags.LOCK_MSIX in lock.flags
        return {
            place: replace(one, address=one.address + lock.offset)
            for place, one in enumerate(self.ranges)
            if with_msi_x or not one.attributes & MSIX
        }

    def _go(self, what: Request | Cause) -> None:
        before, self.state = self.state, after(self.state, what)
        if self.changed is not None and self.state is not before:
            self.changed(self, what)
