"""CXL's objects and messages byte by byte, and a host that asks a CXL device."""

import struct

from devices import device

from emulator.device import Device
from emulator.device.cxl import Cxl, CxlIde, Target
from emulator.entropy import Seeded
from emulator.spdm.connection import Connection
from emulator.spdm.session import Session
from emulator.vendor import VendorExchange
from emulator.vendor.cxl.ide_km import CxlIdeKm
from emulator.vendor.cxl.tsp import CxlTsp

RX, TX = 0x80, 0x82
DEFAULT_IV, CONTAINMENT = 0x08, 0x08
IV = bytes.fromhex("000000800000000001000000")
KEY, OTHER_KEY = bytes(range(32)), bytes(range(32, 64))
HINT = b"SECONDARY_SESSION_0_PSK\0"


def cxl_device(ide: CxlIde | None = None, target: Target | None = None) -> Device:
    """A CXL device; without arguments, one that makes nothing itself."""
    made = device()
    made.cxl = Cxl(ide=ide or CxlIde(), target=target or Target())
    return made


def of_key(kind: int, sub_stream: int, *, port: int = 0, stream: int = 0, status: int = 0) -> bytes:
    """An object about a key."""
    return bytes((kind, 0, 0, stream, status, sub_stream, port))


def key_prog(
    sub_stream: int, key: bytes = KEY, iv: bytes = bytes(12), *, port: int = 0, stream: int = 0
) -> bytes:
    """KEY_PROG."""
    return of_key(2, sub_stream, port=port, stream=stream) + key + iv


def configuration(
    *,
    encryption: int = 1,
    algorithm: int = 2,
    access: int = 0x16,
    out_of_band: int = 0,
    features: int = 1,
    ckid_base: int = 0,
    ckids: int = 0,
    entries: tuple[tuple[int, int], ...] = ((0, 0),),
    validity: int = 1,
    keys: bytes = KEY,
    version: int = 0x10,
) -> bytes:
    """SET_TARGET_CONFIGURATION; by default what DMTF's requester says."""
    head = struct.pack(
        "<BBHIIHHIIHHII12x",
        *(version, 0x83, encryption, algorithm, 0, access, 0, out_of_band, 0, features, 0),
        *(ckid_base, ckids),
    )
    told = (*entries, *((0, 0xFF),) * (8 - len(entries)))
    table = b"".join(struct.pack("<QB7x", *one) for one in told)
    return head + table + bytes(16) + struct.pack("<H14xB15x", validity, 0) + keys.ljust(128, b"\0")


def tsp(opcode: int, rest: bytes = b"\0\0", *, version: int = 0x10) -> bytes:
    """A message of TSP."""
    return bytes((version, opcode)) + rest


def tsp_error(code: int) -> bytes:
    """ERROR_RSP."""
    return struct.pack("<BBHII", 0x10, 0x7F, 0, code, 0)


def te_state(state: int, *ranges: tuple[int, int]) -> bytes:
    """SET_TARGET_TE_STATE."""
    head = struct.pack("<BBBB12x", 0x10, 0x8D, state, len(ranges))
    return head + b"".join(struct.pack("<QQ", *one) for one in ranges)


class CxlHost:
    """Asks in a session; effects happen once there is an answer."""

    def __init__(self, to: Device, session: Session | None) -> None:
        self.device = to
        self.session = session
        self.entropy = Seeded("host")

    def _ask(self, protocol: CxlIdeKm | CxlTsp, payload: bytes) -> bytes | None:
        exchange = VendorExchange(self.device, Connection(), self.session, self.entropy)
        answer = protocol.respond(payload, exchange)
        for effect in exchange.effects:
            effect()
        return answer

    def ide(self, payload: bytes) -> bytes | None:
        """The answer to an object of IDE_KM."""
        return self._ask(CxlIdeKm(), payload)

    def tsp(self, payload: bytes) -> bytes | None:
        """The answer to a message of TSP."""
        return self._ask(CxlTsp(), payload)
