"""Messages larger than one piece: what has been sent and received of one, in each direction.

A large reply waits behind ERROR LargeResponse and is fetched by CHUNK_GET; a large request comes by
CHUNK_SEND. A connection has at most one of either under way, and never both. Both are values: a
handler makes the next one, and the commit point puts it in place. Chunks stand in no transcript,
only the whole messages do. Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_chunk_*.c`.
"""

from dataclasses import dataclass, replace
from typing import Self

from emulator.spdm.capabilities import MIN_DATA_TRANSFER_SIZE
from emulator.spdm.messages.chunks import ChunkResponse, halves

SEND_HEADER = GET_HEADER = 12
"""Bytes of CHUNK_SEND and CHUNK_RESPONSE before the size of the large message, or the chunk."""

SIZE_FIELD = 4
"""Bytes of LargeMessageSize, in the first chunk only."""

LAST_CHUNK = 0x01
EARLY_ERROR = 0x01
HANDLES = 0x100
NARROW_SEQUENCES = 0x10000
"""Sequence numbers before 1.4, which may not wrap."""


def most(data_transfer: int, *, wide: bool) -> int:
    """The largest message that chunks of this transfer size can carry, bytes."""
    if wide:
        return 0xFFFFFFFF
    return (data_transfer - SEND_HEADER) * NARROW_SEQUENCES - SIZE_FIELD


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A large message being fetched.

    Attributes:
        handle: its handle.
        message: all of it.
        sequence: the number of the next chunk.
        sent: bytes that went out.
    """

    handle: int
    message: bytes
    sequence: int = 0
    sent: int = 0

    def chunk(self, data_transfer: int) -> tuple[bytes, "Outgoing | None"]:
        """The next chunk for messages of this size, and what is left; None after the last."""
        room = data_transfer - GET_HEADER - (0 if self.sequence else SIZE_FIELD)
        chunk = self.message[self.sent : self.sent + room]
        sent = self.sent + len(chunk)
        if sent == len(self.message):
            return chunk, None
        return chunk, replace(self, sequence=self.sequence + 1, sent=sent)

    def response(self, version: int, data_transfer: int) -> "tuple[ChunkResponse, Outgoing | None]":
        """CHUNK_RESPONSE with the next chunk, and what is left."""
        chunk, left = self.chunk(data_transfer)
        low, high = halves(self.sequence)
        size = len(self.message).to_bytes(SIZE_FIELD, "little")
        response = ChunkResponse(
            version=version,
            attributes=0 if left else LAST_CHUNK,
            handle=self.handle,
            sequence=low,
            sequence_high=high,
            large_size=b"" if self.sequence else size,
            chunk=chunk,
        )
        return response, left


@dataclass(frozen=True, slots=True)
class Incoming:
    """A large message coming in.

    Attributes:
        handle: its handle.
        size: what it will have in all, bytes.
        received: what has come of it.
        sequence: the number of the chunk that came last.
    """

    handle: int
    size: int
    received: bytes
    sequence: int = 0

    def take(self, chunk: bytes) -> Self:
        """With the next chunk."""
        return replace(self, received=self.received + chunk, sequence=self.sequence + 1)

    @property
    def whole(self) -> bool:
        """Whether all of it has come."""
        return len(self.received) == self.size


def least(*, first: bool, last: bool) -> int:
    """The fewest bytes of a chunk: what the smallest transfer size holds, but for the last."""
    if last:
        return 0
    return MIN_DATA_TRANSFER_SIZE - SEND_HEADER - (SIZE_FIELD if first else 0)
