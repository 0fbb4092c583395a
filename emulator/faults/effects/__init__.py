"""All effects, one file a stage; importing this fills the table of them."""

from emulator.faults.effects import raw, request

__all__ = ["raw", "request"]
