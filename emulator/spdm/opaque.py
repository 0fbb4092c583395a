"""General opaque data: a table of elements, each of a standards body or a vendor in one.

Since 1.2 (opaque format 1) the table starts with the number of elements; up to 1.1 secured messages
have a header of their own before it. Each element is filled up with zeros to whole DWORDs. Sources:
libspdm `include/industry_standard/spdm.h`, `spdm_secured_message.h` and
`library/spdm_common_lib/libspdm_com_opaque_data.c`.
"""

from collections.abc import Iterable

from emulator.errors import WireError
from emulator.spdm.versions import rules
from emulator.wire import (
    AUTO,
    U8,
    U16,
    U32,
    Bytes,
    Counted,
    Shape,
    Structure,
    decode,
    encode,
    structure,
    wire,
)

ALIGNMENT = 4
_ANY_SHAPE = Shape()
_SPECIFICATION = 0x444D5446
_VERSION = 1


@structure
class OpaqueTable(Structure):
    """What general opaque data (format 1) begins with."""

    total_elements: int = wire(U8())
    reserved: bytes = wire(Bytes(3), default=bytes(3))


@structure
class EarlyTable(Structure):
    """What opaque data of secured messages begins with up to 1.1: 'DMTF' and a version."""

    specification: int = wire(U32(), default=_SPECIFICATION)
    opaque_version: int = wire(U8(), default=_VERSION)
    total_elements: int = wire(U8())
    reserved: int = wire(U16(), default=0)


@structure
class OpaqueElement(Structure):
    """One element; zeros fill it up to a whole number of DWORDs."""

    registry: int = wire(U8())
    vendor_length: int = wire(U8(), default=AUTO, counts="vendor")
    vendor: bytes = wire(Counted("vendor_length"), default=b"")
    data_length: int = wire(U16(), default=AUTO, counts="data")
    data: bytes = wire(Counted("data_length"), default=b"")


def write_elements(version: int, elements: Iterable[OpaqueElement]) -> bytes:
    """The table of these elements, as the SPDM version lays it out."""
    rows = [encode(element, _ANY_SHAPE) for element in elements]
    head: Structure = EarlyTable(total_elements=len(rows))
    if rules(version).opaque_negotiated:
        head = OpaqueTable(total_elements=len(rows))
    return encode(head, _ANY_SHAPE) + b"".join(row + bytes(-len(row) % ALIGNMENT) for row in rows)


def read_elements(version: int, opaque: bytes) -> tuple[OpaqueElement, ...]:
    """The elements of a table. Raises WireError for what is none, and for bytes behind it."""
    if rules(version).opaque_negotiated:
        table, at = decode(OpaqueTable, opaque, _ANY_SHAPE)
        total = table.total_elements
    else:
        early, at = decode(EarlyTable, opaque, _ANY_SHAPE)
        if (early.specification, early.opaque_version) != (_SPECIFICATION, _VERSION):
            found = f"{early.specification:#x} version {early.opaque_version}"
            raise WireError("EarlyTable", "specification", 0, f"{found} is not the DMTF's")
        total = early.total_elements
    found_elements: list[OpaqueElement] = []
    for _ in range(total):
        element, size = decode(OpaqueElement, opaque[at:], _ANY_SHAPE)
        found_elements.append(element)
        at += size + -size % ALIGNMENT
    if at != len(opaque):
        reason = f"{len(opaque)} bytes where the elements end at {at}"
        raise WireError("opaque data", "", min(at, len(opaque)), reason)
    return tuple(found_elements)
