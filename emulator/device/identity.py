"""Who the device is on PCI, and the subjectAltName that says so in its certificate."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PciIdentity:
    """The configuration-space registers that identify a function.

    Attributes:
        vendor: Vendor ID, 16 bits.
        device: Device ID, 16 bits.
        class_code: Class Code, 24 bits.
        revision: Revision ID, 8 bits.
        subsystem_vendor: Subsystem Vendor ID, 16 bits; None for a header that has none.
        subsystem: Subsystem ID, 16 bits; None with `subsystem_vendor`.
        serial: Device Serial Number capability, 64 bits; None without that capability.
    """

    vendor: int
    device: int
    class_code: int
    revision: int
    subsystem_vendor: int | None = None
    subsystem: int | None = None
    serial: int | None = None

    @property
    def san(self) -> str:
        """The text of the CMA otherName (OID 2.23.147) that Linux compares, lower-case hex.

        Source: Linux `drivers/pci/cma.c` (PCIe r6.1 sec 6.31.3): the subsystem part belongs to a
        type 0 header, the serial number to a function with that capability.
        """
        text = (
            f"Vendor={self.vendor:04x}:Device={self.device:04x}"
            f":CC={self.class_code:06x}:REV={self.revision:02x}"
        )
        if self.subsystem_vendor is not None and self.subsystem is not None:
            text += f":SSVID={self.subsystem_vendor:04x}:SSID={self.subsystem:04x}"
        if self.serial is not None:
            text += f":{self.serial:016x}"
        return text
