"""Every message of sessions as the C header lays it out; see `samples.py`."""

from collections.abc import Iterator

from emulator.spdm.codes import Code
from emulator.wire import Shape

Parts = tuple[tuple[str, bytes], ...]

RANDOM = ("random", bytes(range(32)))


def _opaque(version: int) -> Parts:
    """The opaque data that FINISH and its like have since 1.4."""
    if version < 0x14:
        return ()
    return (("opaque_length", b"\x06\0"), ("opaque", b"opaque"))


def _key_exchange(version: int, shape: Shape) -> Parts:
    del version
    return (
        *(("summary_type", b"\xff"), ("slot", b"\x02"), ("session_id", b"\xfe\xff")),
        *(("session_policy", b"\x01"), ("reserved", b"\0"), RANDOM),
        ("exchange_data", b"e" * shape.exchange),
        *(("opaque_length", b"\x06\0"), ("opaque", b"opaque")),
    )


def _key_exchange_rsp(version: int, shape: Shape) -> Parts:
    del version
    return (
        *(("heartbeat_period", b"\x0a"), ("reserved", b"\0"), ("session_id", b"\xfd\xff")),
        *(("mutual_auth", b"\x01"), ("requester_slot", b"\x0f"), RANDOM),
        *(("exchange_data", b"e" * shape.exchange), ("summary", b"m" * shape.summary)),
        *(("opaque_length", b"\x06\0"), ("opaque", b"opaque")),
        *(("signature", b"s" * shape.signature), ("verify_data", b"v" * shape.verify)),
    )


def _finish(version: int, shape: Shape) -> Parts:
    """Signed where the shape has a signature."""
    return (
        *(("attributes", bytes((bool(shape.signature),))), ("requester_slot", b"\x01")),
        *_opaque(version),
        *(("signature", b"s" * shape.signature), ("verify_data", b"v" * shape.verify)),
    )


def _finish_rsp(version: int, shape: Shape) -> Parts:
    return (
        *(("reserved1", b"\0"), ("reserved2", b"\0"), *_opaque(version)),
        ("verify_data", b"v" * shape.verify),
    )


def _psk_exchange(version: int, shape: Shape) -> Parts:
    del version, shape
    return (
        *(("summary_type", b"\x01"), ("session_policy", b"\x01"), ("session_id", b"\xfe\xff")),
        *(("hint_length", b"\x04\0"), ("context_length", b"\x07\0"), ("opaque_length", b"\x06\0")),
        *(("hint", b"hint"), ("context", b"context"), ("opaque", b"opaque")),
    )


def _psk_exchange_rsp(version: int, shape: Shape) -> Parts:
    del version
    return (
        *(("heartbeat_period", b"\x0a"), ("reserved1", b"\0"), ("session_id", b"\xfd\xff")),
        *(("reserved2", b"\0\0"), ("context_length", b"\x07\0"), ("opaque_length", b"\x06\0")),
        *(("summary", b"m" * shape.summary), ("context", b"context"), ("opaque", b"opaque")),
        ("verify_data", b"v" * shape.verify),
    )


def _psk_finish_rsp(version: int, shape: Shape) -> Parts:
    del shape
    return (("reserved1", b"\0"), ("reserved2", b"\0"), *_opaque(version))


def _header(version: int, shape: Shape) -> Parts:
    del version, shape
    return (("reserved1", b"\0"), ("reserved2", b"\0"))


def _key_update(version: int, shape: Shape) -> Parts:
    del version, shape
    return (("operation", b"\x02"), ("tag", b"\x7f"))


def _end_session(version: int, shape: Shape) -> Parts:
    del version, shape
    return (("attributes", b"\x01"), ("reserved", b"\0"))


def _encapsulated(field: str, version: int) -> Parts:
    head = (("request_id", b"\x05"), ("reserved", b"\0"))
    return (*head, (field, bytes((version, 0x81, 0, 0))))


def _encapsulated_request(version: int, shape: Shape) -> Parts:
    del shape
    return _encapsulated("request", version)


def _encapsulated_response(version: int, shape: Shape) -> Parts:
    del shape
    return _encapsulated("response", version)


def _encapsulated_ack(version: int, shape: Shape) -> Parts:
    del shape
    answered = (("ack_request_id", b"\x05"), ("reserved", bytes(3))) if version >= 0x12 else ()
    head = (("request_id", b"\x06"), ("payload_type", b"\x01"), *answered)
    return (*head, ("payload", bytes((version, 0x81, 0, 0))))


BUILDERS = {
    Code.KEY_EXCHANGE: _key_exchange,
    Code.KEY_EXCHANGE_RSP: _key_exchange_rsp,
    Code.FINISH: _finish,
    Code.FINISH_RSP: _finish_rsp,
    Code.PSK_EXCHANGE: _psk_exchange,
    Code.PSK_EXCHANGE_RSP: _psk_exchange_rsp,
    Code.PSK_FINISH: _finish_rsp,
    Code.PSK_FINISH_RSP: _psk_finish_rsp,
    Code.HEARTBEAT: _header,
    Code.HEARTBEAT_ACK: _header,
    Code.KEY_UPDATE: _key_update,
    Code.KEY_UPDATE_ACK: _key_update,
    Code.END_SESSION: _end_session,
    Code.END_SESSION_ACK: _header,
    Code.GET_ENCAPSULATED_REQUEST: _header,
    Code.ENCAPSULATED_REQUEST: _encapsulated_request,
    Code.DELIVER_ENCAPSULATED_RESPONSE: _encapsulated_response,
    Code.ENCAPSULATED_RESPONSE_ACK: _encapsulated_ack,
}

OPEN_ENDED = {
    Code.ENCAPSULATED_REQUEST,
    Code.DELIVER_ENCAPSULATED_RESPONSE,
    Code.ENCAPSULATED_RESPONSE_ACK,
}
"""Those whose last field takes whatever follows."""


def shapes(code: Code, version: int) -> Iterator[Shape]:
    """The shapes that samples of a message are in."""
    sized = ((32, 64, 64), (48, 96, 384))
    match code:
        case Code.KEY_EXCHANGE:
            yield from (Shape(version, exchange=exchange) for _, _, exchange in sized)
        case Code.KEY_EXCHANGE_RSP:
            for size, signature, exchange in sized:
                for summary, verify in ((0, size), (size, 0)):
                    yield Shape(version, size, signature, summary, exchange, verify)
        case Code.FINISH:
            yield from (Shape(version, 48, signature, verify=48) for signature in (0, 96))
        case Code.FINISH_RSP:
            yield from (Shape(version, 48, verify=verify) for verify in (0, 48))
        case Code.PSK_EXCHANGE_RSP | Code.PSK_FINISH:
            yield from (Shape(version, 48, 0, summary, verify=48) for summary in (0, 48))
        case _:
            yield Shape(version)
