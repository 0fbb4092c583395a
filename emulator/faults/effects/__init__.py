"""All effects, one file a stage; importing this fills the table of them."""

from emulator.faults.effects import chain, chunk, delivery, device, frame, raw, request

__all__ = ["chain", "chunk", "delivery", "device", "frame", "raw", "request"]
