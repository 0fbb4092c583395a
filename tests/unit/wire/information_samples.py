"""Samples of the messages that tell of a device beside its identity; see samples.py."""

from collections.abc import Iterator

from emulator.spdm.codes import Code
from emulator.wire import Shape

Parts = tuple[tuple[str, bytes], ...]


def _get_log(version: int, shape: Shape) -> Parts:
    del version, shape
    return (
        *(("reserved1", b"\0"), ("reserved2", b"\0")),
        *(("offset", b"\x10\0\x01\0"), ("length", b"\xff\xff\0\0")),
    )


def _log(version: int, shape: Shape) -> Parts:
    del version, shape
    return (
        *(("reserved1", b"\0"), ("reserved2", b"\0")),
        *(("portion_length", b"\x03\0\0\0"), ("remainder_length", b"\0\0\x01\0")),
        ("portion", b"log"),
    )


def _get_endpoint_info(version: int, shape: Shape) -> Parts:
    """Signed where the shape has a signature, which is how the sample knows."""
    del version
    return (
        *(("sub_code", b"\x01"), ("slot", b"\x02")),
        *(("attributes", bytes((bool(shape.signature),))), ("reserved", bytes(3))),
        ("nonce", bytes(range(32)) if shape.signature else b""),
    )


def _endpoint_info(version: int, shape: Shape) -> Parts:
    del version
    return (
        *(("reserved1", b"\0"), ("slot", b"\x02"), ("reserved2", bytes(4))),
        ("nonce", bytes(range(32)) if shape.signature else b""),
        *(("info_length", b"\x04\0\0\0"), ("info", b"info")),
        ("signature", b"s" * shape.signature),
    )


def _header(version: int, shape: Shape) -> Parts:
    del version, shape
    return (("reserved1", b"\0"), ("reserved2", b"\0"))


def _event_types(version: int, shape: Shape) -> Parts:
    del version, shape
    return (
        *(("group_count", b"\x01"), ("reserved", b"\0")),
        *(("size", b"\x05\0\0\0"), ("groups", b"group")),
    )


def _subscribe(version: int, shape: Shape) -> Parts:
    del version, shape
    head = (("group_count", b"\x01"), ("reserved", b"\0"))
    return (*head, ("subscription", b"\x05\0\0\0group"))


def _event(at: int, kind: int, vendor: bytes, detail: bytes) -> Parts:
    way = f"events[{at}]."
    return (
        *((f"{way}number", bytes((at + 1, 0, 0, 0))), (f"{way}reserved", bytes(4))),
        *((f"{way}registry", b"\x03"), (f"{way}vendor_length", bytes((len(vendor),)))),
        *((f"{way}vendor", vendor), (f"{way}kind", bytes((kind, 0)))),
        *((f"{way}size", bytes((len(detail), 0))), (f"{way}detail", detail)),
    )


def _send_event(version: int, shape: Shape) -> Parts:
    del version, shape
    return (
        *(("reserved1", b"\0"), ("reserved2", b"\0"), ("event_count", b"\x02\0\0\0")),
        *_event(0, 4, b"", b"\x01"),
        *_event(1, 2, b"\x86\x80", bytes(32)),
    )


BUILDERS = {
    Code.GET_SUPPORTED_EVENT_TYPES: _header,
    Code.SUPPORTED_EVENT_TYPES: _event_types,
    Code.SUBSCRIBE_EVENT_TYPES: _subscribe,
    Code.SUBSCRIBE_EVENT_TYPES_ACK: _header,
    Code.SEND_EVENT: _send_event,
    Code.EVENT_ACK: _header,
    Code.GET_MEASUREMENT_EXTENSION_LOG: _get_log,
    Code.MEASUREMENT_EXTENSION_LOG: _log,
    Code.GET_ENDPOINT_INFO: _get_endpoint_info,
    Code.ENDPOINT_INFO: _endpoint_info,
}


OPEN_ENDED = {Code.SUBSCRIBE_EVENT_TYPES}
"""Those whose last field takes whatever follows."""


def shapes(code: Code, version: int) -> Iterator[Shape]:
    """The shapes that samples of a message are in."""
    if code in {Code.GET_ENDPOINT_INFO, Code.ENDPOINT_INFO}:
        yield from (Shape(version, 48, signature) for signature in (0, 64, 96))
    else:
        yield Shape(version)
