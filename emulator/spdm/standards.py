"""The standards bodies in whose registries vendors have identifiers.

Source: libspdm `include/industry_standard/spdm.h` (`SPDM_REGISTRY_ID_*`) and
`library/spdm_common_lib/libspdm_com_support.c`, `libspdm_validate_svh_vendor_id_len`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Registry:
    """A standards body.

    Attributes:
        name: what it is called.
        number: its registry identifier.
        vendor_sizes: the legal sizes of a vendor identifier in it, bytes.
    """

    name: str
    number: int
    vendor_sizes: tuple[int, ...]


REGISTRIES = {
    registry.name: registry
    for registry in (
        Registry("DMTF", 0x0, (0,)),
        Registry("TCG", 0x1, (0, 2)),
        Registry("USB", 0x2, (0, 2)),
        Registry("PCISIG", 0x3, (0, 2)),
        Registry("IANA", 0x4, (0, 4)),
        Registry("HDBASET", 0x5, (0, 4)),
        Registry("MIPI", 0x6, (0, 2)),
        Registry("CXL", 0x7, (0, 2)),
        Registry("JEDEC", 0x8, (0, 2)),
        Registry("VESA", 0x9, (0,)),
        Registry("IANA_CBOR", 0xA, (1, 2, 3, 5, 9)),  # a CBOR tag: a byte and its number's 0 to 8
        Registry("DMTF_DSP", 0xB, (2,)),
    )
}
"""The registries by name."""

BY_NUMBER = {registry.number: registry for registry in REGISTRIES.values()}
"""The same by number."""
