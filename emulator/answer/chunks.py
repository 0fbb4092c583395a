"""Answers CHUNK_GET and CHUNK_SEND.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_chunk_response.c`,
`libspdm_rsp_chunk_send_ack.c`.
"""

from dataclasses import replace

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import handles
from emulator.errors import InvalidRequest, UnexpectedRequest
from emulator.spdm.capabilities import MIN_DATA_TRANSFER_SIZE, Cap
from emulator.spdm.chunking import EARLY_ERROR, LAST_CHUNK, Incoming, least, most
from emulator.spdm.codes import ErrorCode
from emulator.spdm.messages import ChunkGet, ChunkSend, ChunkSendAck, Error
from emulator.spdm.messages.chunks import number
from emulator.spdm.session import ANYWHERE
from emulator.spdm.versions import rules
from emulator.wire import encode


def _check_agreed(exchange: Exchange) -> None:
    if Cap.CHUNK not in exchange.connection.peer_capabilities:
        raise UnexpectedRequest("a chunk from a requester without CHUNK")


@handles(ChunkGet, needs=Cap.CHUNK, where=ANYWHERE)
def chunk_get(exchange: Exchange, request: ChunkGet) -> Outcome:
    """The next chunk of the large response that waits."""
    _check_agreed(exchange)
    connection = exchange.connection
    outgoing = connection.outgoing
    if outgoing is None:
        raise UnexpectedRequest("no large response is waiting")
    if request.handle != outgoing.handle:
        raise InvalidRequest(f"handle {request.handle} where {outgoing.handle} is waiting")
    if number(request) != outgoing.sequence:
        raise InvalidRequest(f"chunk {number(request)} where {outgoing.sequence} is next")
    reply, left = outgoing.response(request.version, exchange.reply_limit)
    return Outcome(
        reply=reply,
        shape=connection.shape(),
        changes={"outgoing": left},
    )


def _begin(exchange: Exchange, request: ChunkSend) -> Incoming:
    """The first chunk of a large request. Raises InvalidRequest."""
    sizes = exchange.device.sizes
    size = int.from_bytes(request.large_size, "little")
    wide = rules(request.version).wide_chunks
    if number(request) or not request.large_size:
        raise InvalidRequest(f"chunk {number(request)} of no large request")
    if request.attributes & LAST_CHUNK:
        raise InvalidRequest("the first chunk is the last")
    if request.chunk_size < least(first=True, last=False):
        raise InvalidRequest(f"a first chunk of {request.chunk_size} bytes")
    if size <= MIN_DATA_TRANSFER_SIZE:
        raise InvalidRequest(f"a large request of {size} bytes")
    largest = min(sizes.max_message, exchange.device.limits.large_message)
    if size > min(largest, most(sizes.data_transfer, wide=wide)):
        raise InvalidRequest(
            f"a large request of {size} bytes, at most {largest}", limit="large_message"
        )
    if request.chunk_size > size:
        raise InvalidRequest("a chunk larger than its message")
    return Incoming(request.handle, size, request.chunk)


def _go_on(request: ChunkSend, incoming: Incoming) -> Incoming:
    """The next chunk of a large request. Raises InvalidRequest."""
    last = bool(request.attributes & LAST_CHUNK)
    if request.handle != incoming.handle:
        raise InvalidRequest(f"handle {request.handle} where {incoming.handle} is under way")
    if number(request) != incoming.sequence + 1:
        raise InvalidRequest(f"chunk {number(request)} where {incoming.sequence + 1} is next")
    taken = incoming.take(request.chunk)
    if len(taken.received) > taken.size or (last and not taken.whole):
        found = len(taken.received)
        raise InvalidRequest(f"{found} bytes of a large request of {taken.size}")
    if request.chunk_size < least(first=False, last=last):
        raise InvalidRequest(f"a chunk of {request.chunk_size} bytes")
    return taken


def _take(exchange: Exchange, request: ChunkSend) -> Incoming:
    """The large request with this chunk. Raises InvalidRequest."""
    if exchange.size > exchange.device.sizes.data_transfer:
        raise InvalidRequest(f"a chunk in {exchange.size} bytes exceeds DataTransferSize")
    incoming = exchange.connection.incoming
    return _go_on(request, incoming) if incoming else _begin(exchange, request)


@handles(ChunkSend, needs=Cap.CHUNK, where=ANYWHERE)
def chunk_send(exchange: Exchange, request: ChunkSend) -> Outcome:
    """Take a chunk; the last one is acknowledged with the answer to the whole request."""
    _check_agreed(exchange)
    shape = exchange.connection.shape()
    acknowledged = ChunkSendAck(
        version=request.version,
        handle=request.handle,
        sequence=request.sequence,
        sequence_high=request.sequence_high,
    )
    try:
        taken = _take(exchange, request)
    except InvalidRequest as error:
        # The transfer is over, and the ERROR stands inside the acknowledgement.
        inside = Error(version=request.version, error_code=ErrorCode.INVALID_REQUEST)
        reply = replace(acknowledged, attributes=EARLY_ERROR, response=encode(inside, shape))
        return Outcome(reply=reply, shape=shape, changes={"incoming": None}, refused=error)
    return Outcome(
        reply=acknowledged,
        shape=shape,
        whole=taken.received if taken.whole else None,
        changes={"incoming": None if taken.whole else taken},
    )
