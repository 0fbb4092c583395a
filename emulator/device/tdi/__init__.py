"""TEE device interfaces (TDISP): what a device has of them, and their states."""

from emulator.device.tdi.interface import (
    MSIX,
    PAGE,
    Interface,
    InterfaceInfo,
    Lock,
    LockFlags,
    MmioRange,
    RangeAttributes,
    Refusal,
)
from emulator.device.tdi.interfaces import Interfaces, Streams, VendorMessage
from emulator.device.tdi.registers import REGISTERS
from emulator.device.tdi.states import CAUSES, TRANSITIONS, Cause, Request, TdiState, after
from emulator.device.tdi.streams import IdeStreams

__all__ = [
    "CAUSES",
    "MSIX",
    "PAGE",
    "REGISTERS",
    "TRANSITIONS",
    "Cause",
    "IdeStreams",
    "Interface",
    "InterfaceInfo",
    "Interfaces",
    "Lock",
    "LockFlags",
    "MmioRange",
    "RangeAttributes",
    "Refusal",
    "Request",
    "Streams",
    "TdiState",
    "VendorMessage",
    "after",
]
