"""Protocols carried in VENDOR_DEFINED messages, found by standards body and vendor."""

from emulator.vendor.pci import PCI_SIG, PciSig
from emulator.vendor.registry import Registry, VendorExchange, VendorProtocol

__all__ = ["PCI_SIG", "PciSig", "Registry", "VendorExchange", "VendorProtocol"]
