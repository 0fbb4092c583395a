"""The operations, one file a subject; importing this package registers all of them."""

from emulator.control.operations import (
    connections,
    devices,
    emulators,
    faults,
    measured,
    profiles,
    recording,
    sessions,
    slots,
)

__all__ = [
    "connections",
    "devices",
    "emulators",
    "faults",
    "measured",
    "profiles",
    "recording",
    "sessions",
    "slots",
]
