"""Which vendor-defined protocols a device speaks."""

from dataclasses import dataclass
from typing import Protocol

from emulator.device import Device
from emulator.spdm.connection import Connection

VENDOR_ID_SIZES = {
    0x0: 0,  # DMTF
    0x1: 2,  # TCG
    0x2: 2,  # USB
    0x3: 2,  # PCI-SIG
    0x4: 4,  # IANA
    0x5: 4,  # HDBaseT
    0x6: 2,  # MIPI
    0x7: 2,  # CXL
    0x8: 2,  # JEDEC
    0x9: 0,  # VESA
    0xB: 2,  # DMTF-DSP
}
"""Bytes of a vendor id by standards body; IANA-CBOR (0xA) has any size
(libspdm `include/industry_standard/spdm.h`, `spdm_svh_*_header_t`)."""


@dataclass(frozen=True)
class VendorExchange:
    """What a vendor protocol may look at while it answers."""

    device: Device
    connection: Connection


class VendorProtocol(Protocol):
    """A protocol inside VENDOR_DEFINED messages."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes | None:
        """The payload that answers `payload`, or None for no response at all."""
        ...


class Registry:
    """Vendor protocols by (standards body, vendor id)."""

    def __init__(self) -> None:
        self._protocols: dict[tuple[int, bytes], VendorProtocol] = {}

    def add(self, standard: int, vendor: bytes, protocol: VendorProtocol) -> None:
        """Register a protocol. Raises ValueError when the id's size does not fit the body."""
        size = VENDOR_ID_SIZES.get(standard)
        if size is not None and len(vendor) != size:
            raise ValueError(f"standard {standard} has vendor ids of {size} bytes")
        self._protocols[standard, vendor] = protocol

    def find(self, standard: int, vendor: bytes) -> VendorProtocol | None:
        """The protocol registered for this body and vendor."""
        return self._protocols.get((standard, vendor))
