"""What a device *is*: identity, slots, measurements, and the state that outlives connections."""

from emulator.device.device import Device, Sizes
from emulator.device.identity import PciIdentity
from emulator.device.limits import Limits
from emulator.device.measurements import Measurement, Measurements
from emulator.device.slots import Slot
from emulator.device.timing import Timing
from emulator.spdm.chain import CertificateChain

__all__ = [
    "CertificateChain",
    "Device",
    "Limits",
    "Measurement",
    "Measurements",
    "PciIdentity",
    "Sizes",
    "Slot",
    "Timing",
]
