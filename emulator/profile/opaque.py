"""Opaque data: the general opaque data table, built from elements or checked as given.

Layout: libspdm `include/industry_standard/spdm.h` (`spdm_general_opaque_data_table_header_t`, the
registries) and `spdm_secured_message.h` (`opaque_element_table_header_t`); rules:
`library/spdm_common_lib/libspdm_com_opaque_data.c`, `libspdm_process_general_opaque_data_check`,
and `libspdm_com_support.c`, `libspdm_validate_svh_vendor_id_len`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.forms.words import counted

_HEADER = 4
_ELEMENT_HEADER = 2
_LENGTH = 2
_ALIGNMENT = 4


@dataclass(frozen=True)
class Registry:
    """A standards body whose vendor identifiers an element can carry.

    Attributes:
        number: its registry identifier.
        vendor_sizes: the legal sizes of a vendor identifier in it, bytes.
    """

    number: int
    vendor_sizes: tuple[int, ...]


REGISTRIES = {
    "DMTF": Registry(0x0, (0,)),
    "TCG": Registry(0x1, (0, 2)),
    "USB": Registry(0x2, (0, 2)),
    "PCISIG": Registry(0x3, (0, 2)),
    "IANA": Registry(0x4, (0, 4)),
    "HDBASET": Registry(0x5, (0, 4)),
    "MIPI": Registry(0x6, (0, 2)),
    "CXL": Registry(0x7, (0, 2)),
    "JEDEC": Registry(0x8, (0, 2)),
    "VESA": Registry(0x9, (0,)),
    "IANA_CBOR": Registry(0xA, (1, 2, 3, 5, 9)),
    "DMTF_DSP": Registry(0xB, (2,)),
}
"""The registries by name (`SPDM_REGISTRY_ID_*`)."""

BY_NUMBER = {registry.number: registry for registry in REGISTRIES.values()}


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
