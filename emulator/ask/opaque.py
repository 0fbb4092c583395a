"""Opaque data in a reply: how large it may be, and how it is laid out.

Rules: libspdm `library/spdm_common_lib/libspdm_com_opaque_data.c`,
`libspdm_process_general_opaque_data_check`.
"""

from emulator.errors import BrokenReply, WireError
from emulator.spdm.algorithms import OPAQUE_FORMAT_MASK, OpaqueFormat
from emulator.spdm.connection import Connection
from emulator.spdm.messages.challenge import MAX_OPAQUE
from emulator.spdm.opaque import ALIGNMENT, OpaqueElement, OpaqueTable
from emulator.spdm.versions import rules
from emulator.wire import Shape, decode

MAX_REGISTRY = 0x0B
"""The highest id of a standards body (`SPDM_REGISTRY_ID_MAX`)."""

_ANY_SHAPE = Shape()


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
    if len(opaque) % ALIGNMENT:
        expected = f"a multiple of {ALIGNMENT}"
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
        at = end + -size % ALIGNMENT
        if any(opaque[end:at]):
            raise BrokenReply(message, where, found=opaque[end:at].hex(), expected="zero padding")
    if at != len(opaque):
        raise BrokenReply(
            message, "opaque_length", found=len(opaque), expected=f"{at}, where the elements end"
        )
