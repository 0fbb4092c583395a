"""The emulated PCIe link: IDE streams with keys and counters, at both ends.

Real cryptography over simple TLPs; no timing, and no bus.
"""

from emulator.link.end import End, Received, Verdict
from emulator.link.keys import KEY_SIZE, PLACES, Direction, KeySet, Place, SubStream
from emulator.link.registers import AddressRange, Block, RidRange, read_blocks, stream_control
from emulator.link.states import KeyEvent, KeyState, StreamEvent, StreamState
from emulator.link.stream import Stream
from emulator.link.tlp import Tlp, TlpKind, completion, memory_read, memory_write

__all__ = [
    "KEY_SIZE",
    "PLACES",
    "AddressRange",
    "Block",
    "Direction",
    "End",
    "KeyEvent",
    "KeySet",
    "KeyState",
    "Place",
    "Received",
    "RidRange",
    "Stream",
    "StreamEvent",
    "StreamState",
    "SubStream",
    "Tlp",
    "TlpKind",
    "Verdict",
    "completion",
    "memory_read",
    "memory_write",
    "read_blocks",
    "stream_control",
]
