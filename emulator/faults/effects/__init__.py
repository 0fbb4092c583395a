"""All effects, one file a stage; importing this fills the table of them."""

from emulator.faults.effects import message, raw, ready, request, sign, signed

__all__ = ["message", "raw", "ready", "request", "sign", "signed"]
