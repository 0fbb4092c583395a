"""Protocols carried in VENDOR_DEFINED messages, found by standards body and vendor."""

from emulator.vendor.registry import Registry, VendorExchange, VendorProtocol

__all__ = ["Registry", "VendorExchange", "VendorProtocol"]
