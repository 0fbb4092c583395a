"""Opaque data in a reply: how large it may be, and how it is laid out.

Rules: libspdm `library/spdm_common_lib/libspdm_com_opaque_data.c`,
`libspdm_process_general_opaque_data_check`.
"""

from emulator.errors import BrokenReply, WireError
from emulator.spdm.algorithms import OPAQUE_FORMAT_MASK, OpaqueFormat
from emulator.spdm.connection import Connection
from emulator.spdm.messages.challenge import MAX_OPAQUE
from emulator.spdm.versions import rules
from emulator.wire import (
    AUTO,
    U8,
    U16,
    Bytes,
    Counted,
    Shape,
    Structure,
    decode,
    structure,
    wire,
)

MAX_REGISTRY = 0x0B
"""The highest id of a standards body (`SPDM_REGISTRY_ID_MAX`)."""

_ALIGNMENT = 4
_ANY_SHAPE = Shape()


@structure
class OpaqueTable(Structure):
    """What general opaque data (format 1) begins with."""

    total_elements: int = wire(U8())
    reserved: bytes = wire(Bytes(3), default=bytes(3))


@structure
class OpaqueElement(Structure):
    """One element; zeros fill it up to a whole number of DWORDs."""

    registry: int = wire(U8())
    vendor_length: int = wire(U8(), default=AUTO, counts="vendor")
    vendor: bytes = wire(Counted("vendor_length"), default=b"")
    data_length: int = wire(U16(), default=AUTO, counts="data")
    data: bytes = wire(Counted("data_length"), default=b"")


def check_opaque(connection: Connection, message: str, opaque: bytes) -> None:
    """Raise BrokenReply for opaque data that `message` may not carry on this connection."""
    if len(opaque) > MAX_OPAQUE:
        raise BrokenReply(
            message, "opaque_length", found=len(opaque), expected=f"at most {MAX_OPAQUE}"
        )
    if not rules(connection.version).opaque_negotiated or not opaque:
        return
    agreed = connection.algorithms.other_params & OPAQUE_FORMAT_MASK
    if not agreed:
        raise BrokenReply(
            message, "opaque_length", found=len(opaque), expected="0, as no format was agreed"
        )
    if agreed == OpaqueFormat.FORMAT_1:
        _check_general(message, opaque)


def _check_general(message: str, opaque: bytes) -> None:
    """Format 1: a table of at least one element, each padded with zeros, and nothing else."""
    if len(opaque) % _ALIGNMENT:
        expected = f"a multiple of {_ALIGNMENT}"
        raise BrokenReply(message, "opaque_length", found=len(opaque), expected=expected)
    table, at = decode(OpaqueTable, opaque, _ANY_SHAPE)
    if not table.total_elements:
        raise BrokenReply(message, "opaque", found="no element", expected="at least one")
    for number in range(table.total_elements):
        where = f"opaque element {number}"
        try:
            element, size = decode(OpaqueElement, opaque[at:], _ANY_SHAPE)
        except WireError as error:
            raise BrokenReply(message, where, found=error, expected="a whole element") from error
        if element.registry > MAX_REGISTRY:
            expected = f"a standards body, at most {MAX_REGISTRY}"
            raise BrokenReply(message, where, found=element.registry, expected=expected)
        end = at + size
        at = end + -size % _ALIGNMENT
        if any(opaque[end:at]):
            raise BrokenReply(message, where, found=opaque[end:at].hex(), expected="zero padding")
    if at != len(opaque):
        raise BrokenReply(
            message, "opaque_length", found=len(opaque), expected=f"{at}, where the elements end"
        )
