"""CHUNK_SEND, CHUNK_SEND_ACK, CHUNK_GET and CHUNK_RESPONSE.

ChunkSeqNo has 16 bits before 1.4 and 32 since: `sequence` and, above it, `sequence_high`, which is
reserved before 1.4 where it exists at all.
"""

from dataclasses import dataclass

from emulator.spdm.codes import Code
from emulator.spdm.versions import Version, rules
from emulator.wire import (
    AUTO,
    U8,
    U16,
    U32,
    Counted,
    Cut,
    Message,
    Rest,
    Shape,
    Since,
    Values,
    message,
    structure,
    wire,
)


@dataclass(frozen=True)
class _FirstOnly(Cut):
    """Bytes that only the first chunk has."""

    size: int

    def width(self, values: Values, shape: Shape) -> int:
        """All of them in the chunk of sequence number 0."""
        high = values["sequence_high"] if rules(shape.version).wide_chunks else 0
        return 0 if values["sequence"] or high else self.size


def number(message: "Chunk | ChunkSendAck | ChunkGet") -> int:
    """The chunk's sequence number."""
    high = message.sequence_high if rules(message.version).wide_chunks else 0
    return message.sequence | high << 16


def halves(number: int) -> tuple[int, int]:
    """A sequence number as the two fields, low and high."""
    return number & 0xFFFF, number >> 16


@structure
class Chunk(Message):
    """A chunk of a large message; `large_size` (u32 LE) stands in the first only."""

    attributes: int = wire(U8(), default=0)
    handle: int = wire(U8())
    sequence: int = wire(U16())
    sequence_high: int = wire(U16(), default=0)
    chunk_size: int = wire(U32(), default=AUTO, counts="chunk")
    large_size: bytes = wire(_FirstOnly(4), default=b"")
    chunk: bytes = wire(Counted("chunk_size"))


@message(Code.CHUNK_SEND)
class ChunkSend(Chunk):
    """A chunk of a large request."""


@message(Code.CHUNK_SEND_ACK)
class ChunkSendAck(Message):
    """A chunk came; `response` answers the whole request, or says what is wrong."""

    attributes: int = wire(U8(), default=0)
    handle: int = wire(U8())
    sequence: int = wire(U16())
    sequence_high: int = wire(Since(Version.V1_4, U16()), default=0)
    response: bytes = wire(Rest(), default=b"")


@message(Code.CHUNK_GET)
class ChunkGet(Message):
    """Asks for a chunk of a large response."""

    reserved: int = wire(U8(), default=0)
    handle: int = wire(U8())
    sequence: int = wire(U16())
    sequence_high: int = wire(Since(Version.V1_4, U16()), default=0)


@message(Code.CHUNK_RESPONSE)
class ChunkResponse(Chunk):
    """A chunk of a large response."""
