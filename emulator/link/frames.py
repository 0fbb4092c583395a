"""How TLPs travel on a stream of bytes between the two ends of a link: this emulator's own format.

Each has a head of 8 bytes: its size (32 bits, most significant byte first), the index of the port
(8 bits) and zeros.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from emulator.errors import FrameError
from emulator.link.stream import MAC_SIZE, PREFIX_SIZE
from emulator.link.tlp import DWORD, MAX_DWORDS

_HEAD = struct.Struct(">IB3s")
LARGEST = PREFIX_SIZE + 4 * DWORD + MAX_DWORDS * DWORD + MAC_SIZE
"""The largest TLP, bytes."""


class LinkFrame(NamedTuple):
    """A TLP on its way to or from a port."""

    port: int
    tlp: bytes


def pack(port: int, tlp: bytes) -> bytes:
    """A TLP with its head."""
    return _HEAD.pack(len(tlp), port, bytes(3)) + tlp


class LinkReader:
    """Puts a stream of bytes together to TLPs."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> Iterator[LinkFrame]:
        """The TLPs that are whole with `data`. Raises FrameError for a head that is none."""
        self._data += data
        while len(self._data) >= _HEAD.size:
            size, port, zeros = _HEAD.unpack_from(self._data)
            if size > LARGEST:
                raise FrameError(f"a TLP of {size} bytes where {LARGEST} are the most")
            if any(zeros):
                raise FrameError(f"{zeros.hex()} in the head of a TLP where zeros belong")
            end = _HEAD.size + size
            if len(self._data) < end:
                return
            tlp, self._data = self._data[_HEAD.size : end], self._data[end:]
            yield LinkFrame(port, tlp)
