"""The vendor-defined protocols that this package has, as far as a device speaks them.

A protocol keeps nothing itself: what it knows is the device's, or a session's. So one object of
each serves all devices.
"""

from collections.abc import Callable

from emulator.device import Device
from emulator.vendor.cxl import CXL, CxlProtocol
from emulator.vendor.cxl.ide_km import CxlIdeKm
from emulator.vendor.cxl.tsp import CxlTsp
from emulator.vendor.ide_km import IdeKm
from emulator.vendor.pci import PCI_SIG, PciProtocol, PciSig
from emulator.vendor.registry import Registry, VendorProtocol
from emulator.vendor.tdisp import TdispProtocol

Row = tuple[int, Callable[[Device], bool], VendorProtocol]

PCI: tuple[Row, ...] = (
    (PciProtocol.IDE_KM, lambda device: device.ide is not None, IdeKm()),
    (PciProtocol.TDISP, lambda device: device.tdi is not None, TdispProtocol()),
)
"""PCI-SIG's protocols: the number of each, and whether a device speaks it."""

OF_CXL: tuple[Row, ...] = (
    (CxlProtocol.IDE_KM, lambda device: device.cxl is not None, CxlIdeKm()),
    (
        CxlProtocol.TSP,
        lambda device: device.cxl is not None and device.cxl.target is not None,
        CxlTsp(),
    ),
)
"""CXL's, likewise."""

_VENDORS = ((PCI_SIG, PCI), (CXL, OF_CXL))


def protocols_of(device: Device) -> Registry:
    """The registry of what `device` speaks; one that speaks nothing has an empty one."""
    registry = Registry()
    for vendor, rows in _VENDORS:
        spoken: dict[int, VendorProtocol] = {
            number: protocol for number, speaks, protocol in rows if speaks(device)
        }
        if spoken:
            registry.add(*vendor, PciSig(spoken))
    return registry
