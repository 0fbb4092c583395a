"""CXL's protocols, which stand under PCI-SIG's registry with CXL's own vendor id."""

from enum import IntEnum

from emulator.spdm.standards import REGISTRIES

CXL = (REGISTRIES["PCISIG"].number, (0x1E98).to_bytes(2, "little"))
"""The standards body and the vendor id that these protocols are found by (libspdm
`include/industry_standard/cxl_idekm.h`)."""


class CxlProtocol(IntEnum):
    """Which protocol a payload is of."""

    IDE_KM = 0
    TSP = 1
