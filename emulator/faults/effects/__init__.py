"""All effects, one file a stage; importing this fills the table of them."""

from emulator.faults.effects import chain, chunk, device, raw, request

__all__ = ["chain", "chunk", "device", "raw", "request"]
