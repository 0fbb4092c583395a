"""Opaque data: the general opaque data table, built from elements or checked as given.

Layout: libspdm `include/industry_standard/spdm.h` (`spdm_general_opaque_data_table_header_t`)
and `spdm_secured_message.h` (`opaque_element_table_header_t`); rules:
`library/spdm_common_lib/libspdm_com_opaque_data.c`, `libspdm_process_general_opaque_data_check`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.forms.words import counted
from emulator.spdm.standards import BY_NUMBER

_HEADER = 4
_ELEMENT_HEADER = 2
_LENGTH = 2
_ALIGNMENT = 4


@dataclass(frozen=True)
class Element:
    """One element of the table.

    Attributes:
        registry: the registry identifier.
        vendor: the vendor identifier in that registry.
        data: the element's data.
    """

    registry: int
    vendor: bytes
    data: bytes


def table(elements: Sequence[Element]) -> bytes:
    """The general opaque data table of these elements, each padded to four bytes."""
    made = bytes([len(elements)]) + bytes(_HEADER - 1)
    for element in elements:
        one = bytes([element.registry, len(element.vendor)]) + element.vendor
        one += len(element.data).to_bytes(_LENGTH, "little") + element.data
        made += one + bytes(-len(one) % _ALIGNMENT)
    return made


def table_problem(data: bytes) -> str:
    """Why `data` is no general opaque data table, or ''."""
    if len(data) < _HEADER or data[0] == 0:
        return "no element"
    at = _HEADER
    for number in range(data[0]):
        header = data[at : at + _ELEMENT_HEADER]
        if len(header) < _ELEMENT_HEADER:
            return f"{counted(data[0], 'element')} announced, {number} there"
        length_at = at + _ELEMENT_HEADER + header[1]
        length = int.from_bytes(data[length_at : length_at + _LENGTH], "little")
        end = length_at + _LENGTH + length
        padded = end + -end % _ALIGNMENT
        if padded > len(data):
            return f"element {number} ends at byte {padded}, after the data's {len(data)}"
        if header[0] not in BY_NUMBER:
            return f"element {number} has the registry {header[0]:#x}"
        if any(data[end:padded]):
            return f"element {number} has a padding that is not zero"
        at = padded
    return f"{counted(len(data) - at, 'byte')} after the last element" if at < len(data) else ""
