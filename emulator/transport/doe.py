"""PCIe Data Object Exchange: data objects and Discovery.

    vendor id u16 | type u8 | reserved u8 | length u32 (DWORDs, 18 bits, header included) | payload

Sources: libspdm `include/industry_standard/pcidoe.h`,
`library/spdm_transport_pcidoe_lib/libspdm_doe_common.c`; QEMU `hw/pci/pcie_doe.c`.
"""

import struct
from enum import IntEnum
from typing import NamedTuple

from emulator.errors import EmulatorError
from emulator.spdm import secured
from emulator.transport.binding import Binding, BindingError, Kind, Unwrapped
from emulator.transport.spdm_socket import TransportType

_HEADER = struct.Struct("<HBBI")
HEADER_SIZE = _HEADER.size
DWORD = 4
PADDING = DWORD - 1
"""Up to this many bytes follow a message whose length is no whole number of DWORDs."""

_LENGTH_MASK = (1 << 18) - 1
MAX_OBJECT = (1 << 18) * DWORD
"""The largest object, bytes; its length field holds 0."""

VENDOR_PCISIG = 0x0001
NO_VENDOR = 0xFFFF


class DataObjectType(IntEnum):
    """Types under the PCI-SIG's vendor id."""

    DISCOVERY = 0
    CMA_SPDM = 1
    SECURED_CMA_SPDM = 2


_SPDM = struct.pack("<HB", VENDOR_PCISIG, DataObjectType.CMA_SPDM)


class DataObjectError(EmulatorError):
    """Bytes are no data object."""


class DataObject(NamedTuple):
    """One data object; the payload of a received one may end in padding."""

    vendor: int
    kind: int
    payload: bytes

    def to_bytes(self) -> bytes:
        """The object, its payload padded with zeros to whole DWORDs."""
        return _packed(*self)


def _packed(vendor: int, kind: int, payload: bytes) -> bytes:
    padding = -len(payload) % DWORD
    length = (HEADER_SIZE + len(payload) + padding) // DWORD
    header = _HEADER.pack(vendor, kind, 0, length & _LENGTH_MASK)
    return header + payload + bytes(padding)


def stated_size(header: bytes) -> int:
    """The size of an object in bytes, by the length in its header of 8 bytes."""
    length: int = _HEADER.unpack_from(header)[3]
    return (length & _LENGTH_MASK) * DWORD or MAX_OBJECT


def parse(data: bytes) -> DataObject:
    """The object in `data`, which must hold exactly one.

    Reserved bits are ignored. Raises DataObjectError naming what does not fit.
    """
    if len(data) < HEADER_SIZE:
        raise DataObjectError(f"{len(data)} bytes where a header takes {HEADER_SIZE}")
    vendor, kind, _, _ = _HEADER.unpack_from(data)
    stated = stated_size(data)
    if stated != len(data):
        raise DataObjectError(f"its length says {stated} bytes, it has {len(data)}")
    return DataObject(vendor, kind, data[HEADER_SIZE:])


def spdm_object(message: bytes) -> bytes:
    """The data object that carries an SPDM message."""
    return _packed(VENDOR_PCISIG, DataObjectType.CMA_SPDM, message)


_DISCOVERABLE = (
    DataObjectType.DISCOVERY,
    DataObjectType.CMA_SPDM,
    DataObjectType.SECURED_CMA_SPDM,
)


def discovery_request(index: int) -> bytes:
    """The Discovery object that asks for the protocol at `index`."""
    payload = bytes((index, 0, 0, 0))
    return DataObject(VENDOR_PCISIG, DataObjectType.DISCOVERY, payload).to_bytes()


def discovery_response(payload: bytes) -> bytes:
    """The object that answers a Discovery request: vendor, type and the next index.

    The next index is 0 at the end; an index past it is answered with vendor 0xFFFF. A request
    without its index asks for the first.
    """
    index = payload[0] if payload else 0
    if index < len(_DISCOVERABLE):
        following = (index + 1) % len(_DISCOVERABLE)
        found = struct.pack("<HBB", VENDOR_PCISIG, _DISCOVERABLE[index], following)
    else:
        found = struct.pack("<HBB", NO_VENDOR, 0, 0)
    return DataObject(VENDOR_PCISIG, DataObjectType.DISCOVERY, found).to_bytes()


class DoeBinding(Binding):
    """Transport type 2; the payload is the whole object, as QEMU passes it on."""

    name = "doe"
    unit = "DOE object"
    transport = TransportType.PCI_DOE
    padding = PADDING
    largest = MAX_OBJECT - HEADER_SIZE
    records = secured.DOE

    def wrap(self, message: bytes) -> bytes:
        """The object that carries the message."""
        return spdm_object(message)

    def wrap_record(self, record: bytes) -> bytes:
        """The object that carries the record."""
        kind = DataObjectType.SECURED_CMA_SPDM
        return DataObject(VENDOR_PCISIG, kind, record).to_bytes()

    def unwrap(self, payload: bytes) -> Unwrapped:
        """What the object carries; Discovery is the mailbox's own.

        The types with connection ids (3 and 4) are answered by nobody yet: libspdm only numbers
        them, QEMU does not know them.
        """
        whole = len(payload) >= HEADER_SIZE and stated_size(payload) == len(payload)
        if whole and payload.startswith(_SPDM):
            # Nearly every object: no DataObject is made for it.
            return Unwrapped(Kind.MESSAGE, payload[HEADER_SIZE:])
        try:
            vendor, kind, data = parse(payload)
        except DataObjectError as error:
            raise BindingError(
                f"malformed data object: {error}",
                field="length",
                found=error,
                expected="one whole object",
            ) from error
        if vendor != VENDOR_PCISIG:
            raise BindingError(
                f"data object of vendor 0x{vendor:04x}",
                field="vendor",
                found=f"0x{vendor:04x}",
                expected=f"0x{VENDOR_PCISIG:04x}",
            )
        if kind == DataObjectType.DISCOVERY:
            return Unwrapped(Kind.OWN, discovery_response(data))
        if kind == DataObjectType.SECURED_CMA_SPDM:
            return Unwrapped(Kind.SECURED, data)
        raise BindingError(
            f"data object of type {kind}",
            field="type",
            found=kind,
            expected=f"{DataObjectType.CMA_SPDM:d}, SPDM",
        )


DOE = DoeBinding()
