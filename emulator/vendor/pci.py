"""PCI-SIG's protocols: one byte says which of them the rest of a payload belongs to.

Source: libspdm `include/industry_standard/pcidoe.h` (`pci_protocol_header_t`).
"""

from collections.abc import Mapping
from enum import IntEnum

from emulator.errors import InvalidRequest, UnsupportedRequest
from emulator.spdm.codes import Code
from emulator.spdm.standards import REGISTRIES
from emulator.vendor.registry import VendorExchange, VendorProtocol

PCI_SIG = (REGISTRIES["PCISIG"].number, (0x0001).to_bytes(2, "little"))
"""The standards body and the vendor id that these protocols are found by."""


class PciProtocol(IntEnum):
    """Which protocol a payload is of."""

    IDE_KM = 0
    TDISP = 1


class PciSig:
    """Hands what follows the protocol's number to that protocol, and its answer back behind it."""

    def __init__(self, protocols: Mapping[int, VendorProtocol]) -> None:
        """`protocols`: by number; each gets and returns objects without the number."""
        self._protocols = dict(protocols)

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes | None:
        """The answer of the protocol that the payload is of; None: it has none.

        Raises InvalidRequest for a payload without a protocol's number, UnsupportedRequest for a
        protocol that the device does not speak, and what the protocol raises.
        """
        if not payload:
            raise InvalidRequest("a payload of PCI-SIG without the number of its protocol")
        number = payload[0]
        protocol = self._protocols.get(number)
        if protocol is None:
            raise UnsupportedRequest(
                f"PCI-SIG's protocol {number}, which the device does not speak",
                data=Code.VENDOR_DEFINED_REQUEST,
            )
        answer = protocol.respond(payload[1:], exchange)
        return None if answer is None else bytes((number,)) + answer
