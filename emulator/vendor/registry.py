"""Which vendor-defined protocols a device speaks."""

from dataclasses import dataclass
from typing import Protocol

from emulator.device import Device
from emulator.spdm.connection import Connection

VENDOR_ID_SIZES = {
    0x0: (0,),  # DMTF
    0x1: (0, 2),  # TCG
    0x2: (0, 2),  # USB
    0x3: (0, 2),  # PCI-SIG
    0x4: (0, 4),  # IANA
    0x5: (0, 4),  # HDBaseT
    0x6: (0, 2),  # MIPI
    0x7: (0, 2),  # CXL
    0x8: (0, 2),  # JEDEC
    0x9: (0,),  # VESA
    0xA: (1, 2, 3, 5, 9),  # IANA-CBOR: a CBOR tag and the 0 to 8 bytes of its number
    0xB: (2,),  # DMTF-DSP
}
"""The sizes in bytes a vendor id may have, by standards body; of others any size is taken
(libspdm `library/spdm_common_lib/libspdm_com_support.c`, `libspdm_validate_svh_vendor_id_len`)."""


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
        sizes = VENDOR_ID_SIZES.get(standard)
        if sizes is not None and len(vendor) not in sizes:
            legal = " or ".join(map(str, sizes))
            raise ValueError(f"standard {standard} has vendor ids of {legal} bytes")
        self._protocols[standard, vendor] = protocol

    def find(self, standard: int, vendor: bytes) -> VendorProtocol | None:
        """The protocol registered for this body and vendor."""
        return self._protocols.get((standard, vendor))
