"""Stage chunk: what carries a large message in pieces, CHUNK_RESPONSE and CHUNK_SEND_ACK.

All but `chunk-endless` change one message on its way out; the device's own account of the transfer
goes on as if it had not been changed.
"""

from dataclasses import replace

from pydantic import Field

from emulator.errors import WireError
from emulator.faults.effect import Effect, Hit, Stage, effect
from emulator.forms import U32
from emulator.spdm.chunking import GET_HEADER, HANDLES, LAST_CHUNK, NARROW_SEQUENCES, SIZE_FIELD
from emulator.spdm.codes import Code
from emulator.spdm.messages import ChunkGet, ChunkResponse, ChunkSendAck
from emulator.spdm.messages.chunks import halves, number
from emulator.spdm.versions import rules
from emulator.transport.bindings import BY_NAME
from emulator.wire import Message, encode, parse

MOST = 1 << 20
"""The most bytes a chunk may lack."""

_WIDE_SEQUENCES = 0x100000000


@effect("chunk-sequence", Stage.CHUNK)
class ChunkSequence(Effect):
    """Another sequence number than was asked for, or sent."""

    by: int = Field(
        default=1,
        ge=1 - NARROW_SEQUENCES,
        le=NARROW_SEQUENCES - 1,
        description="What is added; it wraps around.",
    )

    def on_message(self, hit: Hit, reply: Message) -> Message:
        """The message with this number."""
        if not isinstance(reply, ChunkResponse | ChunkSendAck) or not self.by:
            return reply
        wide = rules(reply.version).wide_chunks
        right = number(reply)
        wrong = (right + self.by) % (_WIDE_SEQUENCES if wide else NARROW_SEQUENCES)
        low, high = halves(wrong)
        # The size of the whole message goes with number 0 alone, right or wrong.
        changes: dict[str, object] = {"sequence": low, "sequence_high": high}
        if isinstance(reply, ChunkResponse):
            changes["large_size"] = b"" if wrong else reply.large_size or bytes(SIZE_FIELD)
            if right and not wrong:
                chunk = reply.chunk[:-SIZE_FIELD]  # the message grows no larger
                changes |= {"chunk": chunk, "chunk_size": len(chunk)}
        hit.note(f"chunk {wrong} in place of {right}")
        return replace(reply, **changes)  # type: ignore[arg-type]  # each of its own type


@effect("chunk-handle", Stage.CHUNK)
class ChunkHandle(Effect):
    """Another handle than that of the transfer."""

    by: int = Field(
        default=1, ge=1 - HANDLES, le=HANDLES - 1, description="What is added; it wraps around."
    )

    def on_message(self, hit: Hit, reply: Message) -> Message:
        """The message with this handle."""
        if not isinstance(reply, ChunkResponse | ChunkSendAck) or not self.by:
            return reply
        handle = (reply.handle + self.by) % HANDLES
        hit.note(f"handle {handle} in place of {reply.handle}")
        return replace(reply, handle=handle)


@effect("chunk-not-last", Stage.CHUNK)
class ChunkNotLast(Effect):
    """The last CHUNK_RESPONSE does not say that it is."""

    def on_message(self, hit: Hit, reply: Message) -> Message:
        """The message without LastChunk."""
        if not isinstance(reply, ChunkResponse) or not reply.attributes & LAST_CHUNK:
            return reply
        hit.note(f"chunk {number(reply)} is not told to be the last")
        return replace(reply, attributes=reply.attributes & ~LAST_CHUNK)


@effect("chunk-early-last", Stage.CHUNK)
class ChunkEarlyLast(Effect):
    """A CHUNK_RESPONSE says that it is the last while more is left."""

    def on_message(self, hit: Hit, reply: Message) -> Message:
        """The message with LastChunk."""
        if not isinstance(reply, ChunkResponse) or reply.attributes & LAST_CHUNK:
            return reply
        hit.note(f"chunk {number(reply)} is told to be the last")
        return replace(reply, attributes=reply.attributes | LAST_CHUNK)


@effect("chunk-short", Stage.CHUNK)
class ChunkShort(Effect):
    """A CHUNK_RESPONSE lacks the end of its chunk, which never comes; its ChunkSize is right."""

    by: int = Field(default=1, ge=1, le=MOST, description="How many bytes, at most all of them.")

    def on_message(self, hit: Hit, reply: Message) -> Message:
        """The message with less in it."""
        if not isinstance(reply, ChunkResponse) or not reply.chunk:
            return reply
        chunk = reply.chunk[: -self.by]
        hit.note(f"chunk {number(reply)} lacks {len(reply.chunk) - len(chunk)} bytes")
        return replace(reply, chunk=chunk, chunk_size=len(chunk))


@effect("chunk-size", Stage.CHUNK)
class ChunkSize(Effect):
    """Another LargeMessageSize, in the first CHUNK_RESPONSE."""

    to: U32 = Field(default=0xFFFFFFFF, description="Bytes the whole message is said to have.")

    def on_message(self, hit: Hit, reply: Message) -> Message:
        """The message with this size."""
        size = self.to.to_bytes(SIZE_FIELD, "little")
        if not isinstance(reply, ChunkResponse) or reply.large_size in {b"", size}:
            return reply
        hit.note(f"a large message of {self.to} bytes")
        return replace(reply, large_size=size)


@effect("chunk-endless", Stage.REQUEST)
class ChunkEndless(Effect):
    """No chunk is ever the last: the large message begins anew at its end, for ever.

    Each CHUNK_GET is answered by its own number, whatever came before, so this is an effect of
    stage request. The transfer ends with GET_VERSION.
    """

    def on_request(self, hit: Hit) -> bytes | None:
        """The chunk of the number asked for."""
        connection = hit.situation.connection
        outgoing, raw = connection.outgoing, hit.situation.request
        if outgoing is None or raw[1:2] != bytes((Code.CHUNK_GET,)):
            return None
        shape = connection.shape()
        try:
            asked, _ = parse(ChunkGet, raw, shape, slack=len(raw))
        except WireError:
            return None
        if asked.version != connection.version or asked.handle != outgoing.handle:
            return None
        wanted, message = number(asked), outgoing.message
        room = self._room(hit)
        at = wanted * room - (SIZE_FIELD if wanted else 0)
        if not wanted:
            room -= SIZE_FIELD
        start = at % len(message)
        chunk = (message[start:] + message * (room // len(message) + 1))[:room]
        hit.note(f"chunk {wanted}, from byte {at} of a message of {len(message)}")
        low, high = halves(wanted)
        return encode(
            ChunkResponse(
                version=asked.version,
                handle=outgoing.handle,
                sequence=low,
                sequence_high=high,
                large_size=b"" if wanted else len(message).to_bytes(SIZE_FIELD, "little"),
                chunk=chunk,
            ),
            shape,
        )

    def _room(self, hit: Hit) -> int:
        """Bytes of a chunk but the first: as many as in the device's own."""
        binding = BY_NAME.get(hit.situation.transport)
        peer = hit.situation.connection.peer_data_transfer_size
        limits = (peer, hit.device.sizes.transmit, binding.largest if binding else None)
        return min(limit for limit in limits if limit) - GET_HEADER
