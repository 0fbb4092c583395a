"""The vendor-defined protocols that this package has, as far as a device speaks them.

A protocol keeps nothing itself: what it knows is the device's, or a session's. So one object of
each serves all devices.
"""

from collections.abc import Callable

from emulator.device import Device
from emulator.vendor.pci import PCI_SIG, PciProtocol, PciSig
from emulator.vendor.registry import Registry, VendorProtocol
from emulator.vendor.tdisp import TdispProtocol

Row = tuple[PciProtocol, Callable[[Device], bool], VendorProtocol]

PCI: tuple[Row, ...] = (
    (PciProtocol.TDISP, lambda device: device.tdi is not None, TdispProtocol()),
)
"""PCI-SIG's protocols: the number of each, and whether a device speaks it."""


def protocols_of(device: Device) -> Registry:
    """The registry of what `device` speaks; one that speaks nothing has an empty one."""
    registry = Registry()
    spoken: dict[int, VendorProtocol] = {
        number: protocol for number, speaks, protocol in PCI if speaks(device)
    }
    if spoken:
        registry.add(*PCI_SIG, PciSig(spoken))
    return registry
