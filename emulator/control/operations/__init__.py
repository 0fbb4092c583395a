"""The operations, one file a subject; importing this package registers all of them."""

from emulator.control.operations import (
    connections,
    devices,
    emulators,
    faults,
    ide,
    measured,
    profiles,
    recording,
    sessions,
    slots,
    tdisp,
)

__all__ = [
    "connections",
    "devices",
    "emulators",
    "faults",
    "ide",
    "measured",
    "profiles",
    "recording",
    "sessions",
    "slots",
    "tdisp",
]
