"""The spdm-socket protocol: how QEMU and DMTF's emulators talk over a stream.

    u32 BE command | u32 BE transport type | u32 BE payload size | payload

Sources: QEMU `backends/spdm-socket.c`, `include/system/spdm-socket.h`; spdm-emu
`spdm_emu/spdm_emu_common/command.h`. A peer may send each field on its own and several frames
at once, so frames are reassembled here.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from emulator.errors import FrameTooLarge

_HEADER = struct.Struct(">III")
HEADER_SIZE = _HEADER.size

MAX_PAYLOAD = 0x40000
"""The largest payload taken, bytes: far above any DOE object a requester here may send (a device's
MaxSPDMmsgSize is checked later), far below what a hostile length could make us hold."""

CLIENT_HELLO = b"Client Hello!\x00"
SERVER_HELLO = b"Server Hello!\x00"


class Command(IntEnum):
    """What a frame is for."""

    NORMAL = 0x0001
    OOB_ENCAP_KEY_UPDATE = 0x8001
    OOB_ENCAP_ENDPOINT_INFO = 0x8002
    CONTINUE = 0xFFFD
    SHUTDOWN = 0xFFFE
    UNKNOWN = 0xFFFF
    TEST = 0xDEAD


OUT_OF_BAND = (Command.OOB_ENCAP_KEY_UPDATE, Command.OOB_ENCAP_ENDPOINT_INFO)
"""What a tester tells the device to ask: a new key in the session of this id (u32 LE), or endpoint
information. The answer is the same command without a payload; the requester then asks for it by
GET_ENCAPSULATED_REQUEST."""


class TransportType(IntEnum):
    """What a frame's payload is wrapped in."""

    NONE = 0
    MCTP = 1
    PCI_DOE = 2
    TCP = 3


class Frame(NamedTuple):
    """One frame; `command` and `transport` are plain integers where nobody knows them."""

    command: int
    transport: int
    payload: bytes = b""

    def to_bytes(self) -> bytes:
        """The whole frame, to be written in one piece."""
        return _HEADER.pack(self.command, self.transport, len(self.payload)) + self.payload


def payload_size(header: bytes) -> int:
    """The size of a frame's payload in bytes, by its header of 12 bytes."""
    size: int = _HEADER.unpack_from(header)[2]
    return size


class FrameReader:
    """Reassembles frames from a stream."""

    def __init__(self, *, max_payload: int = MAX_PAYLOAD) -> None:
        self._buffer = bytearray()
        self._max_payload = max_payload

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes and yield the frames they complete.

        Raises FrameTooLarge for a payload larger than allowed: the stream cannot be followed on.
        """
        if not self._buffer and len(data) >= HEADER_SIZE:
            # Nearly every read is exactly one frame: no copy through the buffer for it.
            command, transport, size = _HEADER.unpack_from(data)
            if len(data) == HEADER_SIZE + size and size <= self._max_payload:
                yield Frame(command, transport, data[HEADER_SIZE:])
                return
        self._buffer += data
        while len(self._buffer) >= HEADER_SIZE:
            command, transport, size = _HEADER.unpack_from(self._buffer)
            if size > self._max_payload:
                raise FrameTooLarge(
                    f"frame of command 0x{command:x} claims {size} bytes of payload, "
                    f"at most {self._max_payload} are taken"
                )
            end = HEADER_SIZE + size
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[HEADER_SIZE:end])
            del self._buffer[:end]
            yield Frame(command, transport, payload)

    @staticmethod
    def pack(frame: Frame) -> bytes:
        """The bytes of a frame."""
        return frame.to_bytes()
