"""TDISP's requests byte by byte, and an interface to ask; nothing is made by what is under test."""

import struct
from dataclasses import dataclass, field

from devices import device
from keying import ide
from secured import able_device

from emulator.device import Device
from emulator.device.ide import Ide
from emulator.device.tdi import (
    IdeStreams,
    Interface,
    InterfaceInfo,
    Interfaces,
    LockFlags,
    MmioRange,
    RangeAttributes,
    VendorMessage,
)
from emulator.entropy import Entropy, Seeded
from emulator.spdm.connection import Connection
from emulator.spdm.session import Session
from emulator.vendor import VendorExchange
from emulator.vendor.tdisp import TdispProtocol

FUNCTION, OTHER = 0xBEEF, 0x01420100
ALL_FLAGS = LockFlags(0x1F)
RANGES = (
    MmioRange(0x1000_0000, 1, 0, RangeAttributes.IS_NON_TEE_MEM),
    MmioRange(0x1000_4000, 4, 2, RangeAttributes.IS_MEM_ATTR_UPDATABLE),
    MmioRange(0x1001_0000, 2, 3, RangeAttributes.MSIX_TABLE),
    MmioRange(0x1002_0000, 1, 3, RangeAttributes.MSIX_PBA),
)
STREAM, P2P = 0, 9
VENDOR = bytes.fromhex("361b")

GET_VERSION, GET_CAPABILITIES, LOCK, GET_REPORT, GET_STATE = 0x81, 0x82, 0x83, 0x84, 0x85
START, STOP, BIND, UNBIND, SET_ATTRIBUTE, VDM = 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8B
REQUESTS = tuple(range(0x81, 0x8C))
UNLOCKED, LOCKED, RUN, ERROR = range(4)


def request(
    code: int, payload: bytes = b"", *, function: int = FUNCTION, version: int = 0x10
) -> bytes:
    """A request: header and payload."""
    return struct.pack("<BBHIQ", version, code, 0, function, 0) + payload


def lock_payload(*, flags: int = 0, stream: int = STREAM, offset: int = 0, mask: int = 0) -> bytes:
    """What LOCK_INTERFACE_REQUEST says."""
    return struct.pack("<HBBQQ", flags, stream, 0, offset & (1 << 64) - 1, mask)


def range_payload(first_page: int, pages: int, attributes: int, number: int) -> bytes:
    """What SET_MMIO_ATTRIBUTE_REQUEST says."""
    return struct.pack("<QIHH", first_page, pages, attributes, number)


def error(code: int, data: int = 0, *, function: int = FUNCTION, extended: bytes = b"") -> bytes:
    """TDISP_ERROR."""
    return struct.pack("<BBHIQII", 0x10, 0x7F, 0, function, 0, code, data) + extended


@dataclass
class Keys:
    """Streams with keys: those that are listed, by whatever session programmed them."""

    streams: dict[int, Session | None] = field(default_factory=dict)

    def keyed(self, stream: int, session: Session | None) -> bool:
        """Whether they are this session's."""
        return stream in self.streams and self.streams[stream] is session


def interface(function: int = FUNCTION, *, flags: LockFlags = ALL_FLAGS) -> Interface:
    """An interface with everything there is."""
    return Interface(
        function,
        flags=flags,
        info=InterfaceInfo.DMA_WITHOUT_PASID,
        ranges=RANGES,
        msi_x_control=0x8007,
        lnr_control=0x21,
        tph_control=0x10101,
        specific=b"specific",
    )


def tdi_device(*interfaces: Interface, keys: Keys | None = None) -> Device:
    """A device with these interfaces."""
    made = device()
    made.tdi = Interfaces(
        by_function={one.function: one for one in interfaces or (interface(),)},
        messages=(VendorMessage(0, VENDOR, b"yes"), VendorMessage(1, VENDOR, error=b"no")),
        streams=keys or Keys(),
    )
    made._watch_own()
    return made


def linked_device(held: Ide | None = None) -> Device:
    """A device that opens sessions, with IDE, and an interface that needs it."""
    made = able_device()
    made.ide = held or ide()
    made.tdi = Interfaces(
        by_function={FUNCTION: interface()},
        messages=(VendorMessage(0, VENDOR, b"yes"),),
    )
    IdeStreams(made.ide, made.tdi)
    return made


class Host:
    """Asks a device, in one session or another; effects happen once it has answered."""

    def __init__(
        self, to: Device, session: Session | None, *, entropy: Entropy | None = None
    ) -> None:
        self.device = to
        self.session = session
        self.entropy = entropy or Seeded("host")
        self.protocol = TdispProtocol()

    def answer(self, payload: bytes) -> bytes | None:
        """The answer, if there is one."""
        exchange = VendorExchange(self.device, Connection(), self.session, self.entropy)
        answer = self.protocol.respond(payload, exchange)
        for effect in exchange.effects:
            effect()
        return answer

    def ask(self, code: int, payload: bytes = b"", *, function: int = FUNCTION) -> bytes:
        """The answer to a request."""
        answer = self.answer(request(code, payload, function=function))
        assert answer is not None
        return answer

    def good(self, code: int, payload: bytes = b"", *, function: int = FUNCTION) -> bytes:
        """What the response to a request says behind its header."""
        answer = self.ask(code, payload, function=function)
        head = struct.pack("<BBHIQ", 0x10, code & 0x7F, 0, function, 0)
        assert answer[:16] == head, answer.hex()
        return answer[16:]

    def state(self, function: int = FUNCTION) -> int:
        """Where an interface says that it stands."""
        (state,) = self.good(GET_STATE, function=function)
        return state

    def locked(self, **said: int) -> bytes:
        """Lock the interface; its nonce."""
        return self.good(LOCK, lock_payload(**said))

    def running(self, **said: int) -> None:
        """Lock the interface, and start it."""
        self.good(START, self.locked(**said))
