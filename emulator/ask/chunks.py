"""Fetching a large response, and sending a large request, in chunks.

Both are flows over the chunk messages themselves: the request a large message answers, or is, is
checked elsewhere once it is whole. Rules: libspdm
`library/spdm_requester_lib/libspdm_req_handle_error_response.c` and `libspdm_req_send_receive.c`.
"""

from collections.abc import Generator

from emulator.ask.request import Request, refusal
from emulator.errors import BrokenReply, UnsupportedByPeer
from emulator.spdm.capabilities import MIN_DATA_TRANSFER_SIZE, Cap
from emulator.spdm.chunking import (
    EARLY_ERROR,
    LAST_CHUNK,
    SIZE_FIELD,
    Outgoing,
    least,
    most,
)
from emulator.spdm.codes import Code, ErrorCode
from emulator.spdm.connection import Connection
from emulator.spdm.messages import ChunkGet, ChunkResponse, ChunkSend, ChunkSendAck
from emulator.spdm.messages.capabilities import SUPPORTED_ALGORITHMS
from emulator.spdm.messages.chunks import halves, number
from emulator.spdm.state import State
from emulator.spdm.versions import rules
from emulator.transport.doe import PADDING

Pieces = Generator[bytes, bytes, bytes]
"""A flow that yields requests, is sent replies, and returns a whole message."""

_RESPONSE = "CHUNK_RESPONSE"
_ACK = "CHUNK_SEND_ACK"
_ERROR_HEADER = 4


def agreed(connection: Connection) -> bool:
    """Whether both sides have CHUNK."""
    return Cap.CHUNK in connection.local_capabilities & connection.peer_capabilities


def _may_come(connection: Connection, *, offered: bool) -> bool:
    """Whether a large response may come: that to GET_CAPABILITIES answers our flags alone."""
    return agreed(connection) or (offered and connection.state == State.AFTER_VERSION)


def is_large_response(reply: bytes) -> bool:
    """Whether `reply` is the ERROR that says that a large response waits."""
    return reply[1:3] == bytes((Code.ERROR, ErrorCode.LARGE_RESPONSE))


def check_may_be_large(message: bytes) -> None:
    """VERSION never comes in chunks, CAPABILITIES with the supported-algorithms block alone.

    Source: libspdm `library/spdm_requester_lib/libspdm_req_send_receive.c`. Raises BrokenReply.
    """
    code = message[1]
    plain = code == Code.CAPABILITIES and not message[2] & SUPPORTED_ALGORITHMS
    if code == Code.VERSION or plain:
        raise BrokenReply(Code(code).name, "size", found="chunks", expected="one piece")


def _check_echo(
    name: str, theirs: ChunkResponse | ChunkSendAck, ours: ChunkGet | ChunkSend
) -> None:
    """Handle and sequence number are those that were asked for."""
    for field, found, expected in (
        ("handle", theirs.handle, ours.handle),
        ("sequence", number(theirs), number(ours)),
    ):
        if found != expected:
            raise BrokenReply(name, field, found=found, expected=expected)


class _ChunkGetRequest(Request[ChunkResponse]):
    """CHUNK_GET: its reply must be the chunk that was asked for."""

    def __init__(self, connection: Connection, handle: int, sequence: int) -> None:
        low, high = halves(sequence)
        message = ChunkGet(
            version=connection.version, handle=handle, sequence=low, sequence_high=high
        )
        self._asked = message
        super().__init__(connection, message)

    def is_legal(self, state: State) -> bool:
        """Also for CAPABILITIES in chunks, before we have read them."""
        return state == State.AFTER_VERSION or super().is_legal(state)

    def _accept(self, reply: bytes) -> ChunkResponse:
        theirs, _ = self._read(ChunkResponse, reply, self.connection.shape())
        _check_echo(_RESPONSE, theirs, self._asked)
        return theirs


class _ChunkSendRequest(Request[bytes]):
    """CHUNK_SEND: its acknowledgement gives the answer to the whole request, or nothing yet."""

    def __init__(self, connection: Connection, message: ChunkSend) -> None:
        self._sent = message
        super().__init__(connection, message)

    def _accept(self, reply: bytes) -> bytes:
        theirs, _ = self._read(ChunkSendAck, reply, self.connection.shape())
        _check_echo(_ACK, theirs, self._sent)
        if theirs.attributes & EARLY_ERROR:
            if len(theirs.response) < _ERROR_HEADER or theirs.response[1] != Code.ERROR:
                found = theirs.response.hex() or "nothing"
                raise BrokenReply(_ACK, "response", found=found, expected="an ERROR")
            raise refusal(self.code, theirs.response)
        return theirs.response


def receive_large(
    connection: Connection,
    reply: bytes,
    *,
    max_message: int,
    padding: int = PADDING,
    offered: bool = False,
) -> Pieces:
    """Fetch the large response that the ERROR `reply` speaks of, at most `max_message` bytes.

    `offered`: we have CHUNK, which is all that is known before CAPABILITIES are read. Raises
    BrokenReply where the chunks do not fit together.
    """
    if not _may_come(connection, offered=offered) or len(reply) <= _ERROR_HEADER:
        raise BrokenReply("ERROR", "error_code", found="LargeResponse", expected="CHUNK and handle")
    handle = reply[_ERROR_HEADER]
    received, size, sequence = b"", 0, 0
    while True:
        request = _ChunkGetRequest(connection, handle, sequence)
        request.padding = padding
        chunk = request.accept((yield request.raw))
        last = bool(chunk.attributes & LAST_CHUNK)
        if not sequence:
            size = int.from_bytes(chunk.large_size, "little")
            if not MIN_DATA_TRANSFER_SIZE < size <= max_message:
                expected = f"{MIN_DATA_TRANSFER_SIZE + 1} to {max_message}"
                raise BrokenReply(_RESPONSE, "large_size", found=size, expected=expected)
        if chunk.chunk_size < least(first=not sequence, last=last):
            expected = f"{least(first=not sequence, last=last)} or more"
            raise BrokenReply(_RESPONSE, "chunk_size", found=chunk.chunk_size, expected=expected)
        received += chunk.chunk
        if len(received) > size or last != (len(received) == size):
            found = f"{len(received)} bytes, {'the last' if last else 'more to come'}"
            raise BrokenReply(_RESPONSE, "chunk_size", found=found, expected=f"{size} in all")
        if last:
            return received
        sequence += 1


def send_large(
    connection: Connection, message: bytes, *, handle: int, padding: int = PADDING
) -> Pieces:
    """Send a large request; returns what answers it, which may be ERROR LargeResponse.

    Raises UnsupportedByPeer where the peer does not take it.
    """
    size, wide = connection.peer_data_transfer_size, rules(connection.version).wide_chunks
    largest = min(connection.peer_max_message, most(size, wide=wide))
    if not agreed(connection) or len(message) > largest:
        raise UnsupportedByPeer(f"a request of {len(message)} bytes, the peer takes {largest}")
    left: Outgoing | None = Outgoing(handle, message)
    while left is not None:
        now = left
        chunk, left = now.chunk(size)
        low, high = halves(now.sequence)
        total = len(message).to_bytes(SIZE_FIELD, "little")
        request = _ChunkSendRequest(
            connection,
            ChunkSend(
                version=connection.version,
                attributes=0 if left else LAST_CHUNK,
                handle=handle,
                sequence=low,
                sequence_high=high,
                large_size=b"" if now.sequence else total,
                chunk=chunk,
            ),
        )
        request.padding = padding
        reply = yield request.raw
        if is_large_response(reply) and left is None:
            return reply
        answer = request.accept(reply)
        if left is None:
            return answer
        if len(answer) > padding:
            raise BrokenReply(_ACK, "response", found=f"{len(answer)} bytes", expected="none yet")
    return b""
