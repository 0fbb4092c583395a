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


BUILDERS = {
    Code.GET_MEASUREMENT_EXTENSION_LOG: _get_log,
    Code.MEASUREMENT_EXTENSION_LOG: _log,
    Code.GET_ENDPOINT_INFO: _get_endpoint_info,
    Code.ENDPOINT_INFO: _endpoint_info,
}


def shapes(code: Code, version: int) -> Iterator[Shape]:
    """The shapes that samples of a message are in."""
    if code in {Code.GET_ENDPOINT_INFO, Code.ENDPOINT_INFO}:
        yield from (Shape(version, 48, signature) for signature in (0, 64, 96))
    else:
        yield Shape(version)
