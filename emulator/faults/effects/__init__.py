"""All effects, one file a stage; importing this fills the table of them."""

from emulator.faults.effects import delivery, frame, raw, request

__all__ = ["delivery", "frame", "raw", "request"]
