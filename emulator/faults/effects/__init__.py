"""All effects, one file a stage; importing this fills the table of them."""

from emulator.faults.effects import (
    chain,
    chunk,
    delivery,
    device,
    frame,
    keys,
    message,
    plaintext,
    raw,
    ready,
    record,
    request,
    session,
    sign,
    signed,
)

__all__ = [
    "chain",
    "chunk",
    "delivery",
    "device",
    "frame",
    "keys",
    "message",
    "plaintext",
    "raw",
    "ready",
    "record",
    "request",
    "session",
    "sign",
    "signed",
]
