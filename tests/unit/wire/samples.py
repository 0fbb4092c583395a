"""Every message as the C header lays it out, field by field, in every shape.

The names are the layouts', the bytes are written here by hand: nothing is derived from what is
under test. Source: libspdm `include/industry_standard/spdm.h`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from unit.wire import information_samples, provisioning_samples, session_samples

from emulator.spdm.codes import Code
from emulator.spdm.messages import LAYOUTS
from emulator.wire import Message, Shape

VERSIONS = (0x10, 0x11, 0x12, 0x13, 0x14)

Parts = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Sample:
    """A message's fields in order, their bytes, and the shape they are in."""

    layout: type[Message]
    shape: Shape
    parts: Parts

    @property
    def raw(self) -> bytes:
        """The message."""
        return b"".join(data for _, data in self.parts)

    @property
    def open_ended(self) -> bool:
        """Whether its last field takes whatever follows."""
        open_ended = {Code.ERROR, Code.CHUNK_SEND_ACK, *session_samples.OPEN_ENDED}
        open_ended |= information_samples.OPEN_ENDED | provisioning_samples.OPEN_ENDED
        return self.layout.CODE in open_ended

    @property
    def settled(self) -> int:
        """How many bytes come before its last field."""
        return sum(len(data) for _, data in self.parts[:-1])

    def field_at(self, at: int) -> str:
        """The field that holds byte `at`."""
        end = 0
        for name, data in self.parts:
            end += len(data)
            if at < end:
                return name
        raise IndexError(at)

    def __str__(self) -> str:
        shape = self.shape
        sizes = f"{shape.hash}-{shape.signature}-{shape.summary}-{shape.exchange}-{shape.verify}"
        sizes += f"-{shape.multi_key}"
        return f"{self.layout.__name__}-{shape.version:x}-{sizes}"


def _row(index: int, kind: int, count: int, supported: bytes, external: bytes = b"") -> Parts:
    """One algorithm structure."""
    return (
        (f"structures[{index}].kind", bytes((kind,))),
        (f"structures[{index}].count", bytes((count,))),
        (f"structures[{index}].supported", supported),
        (f"structures[{index}].external", external),
    )


def _structures(version: int) -> Parts:
    if version == 0x10:
        return ()
    return (*_row(0, 2, 0x20, b"\x1b\x00"), *_row(1, 3, 0x22, b"\x06\x00", bytes(range(8))))


def _context(version: int) -> Parts:
    return (("context", b"context!"),) if version >= 0x13 else ()


def _sizes(version: int) -> Parts:
    if version < 0x12:
        return ()
    return (
        ("data_transfer_size", b"\xf8\x11\x00\x00"),
        ("max_spdm_msg_size", b"\x00\x00\x01\x00"),
    )


def _empty(version: int, shape: Shape) -> Parts:
    del version, shape
    return (("reserved1", b"\0"), ("reserved2", b"\0"))


def _version(version: int, shape: Shape) -> Parts:
    del version, shape
    return (
        *(("reserved1", b"\0"), ("reserved2", b"\0"), ("reserved3", b"\0")),
        ("entry_count", b"\x02"),
        ("entries[0].number", b"\x00\x12"),
        ("entries[1].number", b"\x00\x13"),
    )


def _get_capabilities(version: int, shape: Shape) -> Parts:
    del shape
    parts: Parts = (("param1", b"\x01"), ("reserved1", b"\0"))
    if version >= 0x11:
        parts += (("reserved2", b"\0"), ("ct_exponent", b"\x14"))
        parts += (("ext_flags", b"\x01\x00"), ("flags", b"\x06\x00\x02\x00"))
    return parts + _sizes(version)


def _capabilities(version: int, shape: Shape) -> Parts:
    del shape
    told = version >= 0x13
    block: Parts = (
        ("structure_count", b"\x02"),
        *(("reserved1", b"\0"), ("length", b"\x3a\x00")),
        *(("measurement_specification", b"\x01"), ("other_params", b"\x02")),
        *(("base_asym", b"\x90\0\0\0"), ("base_hash", b"\x03\0\0\0"), ("pqc_asym", b"\x02\0\0\0")),
        *(("reserved2", bytes(8)), ("ext_asym_count", b"\x01"), ("ext_hash_count", b"\x02")),
        *(("reserved3", b"\0"), ("mel_specification", b"\x01")),
        *(("ext_asym", b"asym"), ("ext_hash", b"hash0001")),
        *_structures(version),
    )
    return (
        *(("param1", bytes((told,))), ("reserved1", b"\0"), ("reserved2", b"\0")),
        *(("ct_exponent", b"\x14"), ("ext_flags", b"\0\0"), ("flags", b"\x36\x00\x00\x80")),
        *_sizes(version),
        *((f"supported[0].{name}", data) for name, data in block if told),
    )


def _negotiate(version: int, shape: Shape) -> Parts:
    del shape
    return (
        ("structure_count", b"\x02"),
        *(("reserved1", b"\0"), ("length", b"\x3c\x00")),
        *(("measurement_specification", b"\x01"), ("other_params", b"\x02")),
        *(("base_asym", b"\x90\0\0\0"), ("base_hash", b"\x03\0\0\0"), ("pqc_asym", b"\x02\0\0\0")),
        *(("reserved2", bytes(8)), ("ext_asym_count", b"\x01"), ("ext_hash_count", b"\x02")),
        *(("reserved3", b"\0"), ("mel_specification", b"\x01")),
        *(("ext_asym", b"asym"), ("ext_hash", b"hash0001")),
        *_structures(version),
    )


def _algorithms(version: int, shape: Shape) -> Parts:
    del shape
    return (
        ("structure_count", b"\x02"),
        *(("reserved1", b"\0"), ("length", b"\x38\x00")),
        *(("measurement_specification", b"\x01"), ("other_params", b"\x02")),
        ("measurement_hash", b"\x04\0\0\0"),
        *(("base_asym", b"\x80\0\0\0"), ("base_hash", b"\x02\0\0\0"), ("pqc_asym", b"\0\0\0\0")),
        *(("reserved2", bytes(7)), ("mel_specification", b"\x01")),
        *(("ext_asym_count", b"\x01"), ("ext_hash_count", b"\0"), ("reserved3", b"\0\0")),
        *(("ext_asym", b"asym"), ("ext_hash", b"")),
        *_structures(version),
    )


def _digests(version: int, shape: Shape) -> Parts:
    several = shape.multi_key
    keys = (
        *(("key_pair_ids", b"\x01\x04" * several), ("certificate_info", b"\x01\x03" * several)),
        ("key_usages", b"\x0f\0\x02\xc0" * several),
    )
    return (
        *(("supported_slots", b"\x07"), ("provisioned_slots", b"\x05")),
        ("digests", bytes(range(2 * shape.hash))),
        *(keys if version >= 0x13 else ()),
    )


def _get_certificate(version: int, shape: Shape) -> Parts:
    del version, shape
    return (
        *(("slot", b"\x02"), ("attributes", b"\x01")),
        *(("offset", b"\x34\x12"), ("length", b"\xff\xff")),
    )


def _certificate(version: int, shape: Shape) -> Parts:
    del version, shape
    return (
        *(("slot", b"\x02"), ("attributes", b"\0")),
        *(("portion_length", b"\x05\x00"), ("remainder_length", b"\xfb\x03")),
        ("portion", b"chain"),
    )


def _large(version: int, *fields: tuple[str, bytes]) -> Parts:
    """Fields of the large form, which the versions before 1.4 do not have."""
    return fields if version >= 0x14 else ()


def _get_large_certificate(version: int, shape: Shape) -> Parts:
    del shape
    return (
        *(("slot", b"\x82"), ("attributes", b"\0"), ("offset", b"\0\0"), ("length", b"\0\0")),
        *_large(version, ("large_offset", b"\x01\0\x01\0"), ("large_length", b"\xff\xff\xff\xff")),
    )


def _large_certificate(version: int, shape: Shape) -> Parts:
    del shape
    portion = (("large_portion_length", b"\x05\0\0\0"), ("large_remainder_length", b"\xfb\0\x01\0"))
    reserved = b"\xaa\xaa" if version >= 0x14 else b"\x05\0"
    return (
        *(("slot", b"\x82"), ("attributes", b"\0")),
        *(("portion_length", reserved), ("remainder_length", b"\0\0")),
        *_large(version, *portion),
        ("portion", b"chain"),
    )


def _large_vendor(version: int, shape: Shape) -> Parts:
    """libspdm leaves anything in the small length."""
    del shape
    return (
        *(("attributes", b"\x80"), ("reserved2", b"\0"), ("standard", b"\x03\x00")),
        *(("vendor_length", b"\x02"), ("vendor", b"\x01\x00")),
        ("payload_length", b"\xaa\xaa" if version >= 0x14 else b"\x07\0"),
        *_large(version, ("large_payload_length", b"\x07\0\0\0")),
        ("payload", b"payload"),
    )


def _challenge(version: int, shape: Shape) -> Parts:
    del shape
    head = (("slot", b"\x00"), ("summary_type", b"\xff"), ("nonce", bytes(range(32))))
    return head + _context(version)


def _opaque(data: bytes) -> Parts:
    return (("opaque_length", len(data).to_bytes(2, "little")), ("opaque", data))


def _challenge_auth(version: int, shape: Shape) -> Parts:
    return (
        *(("slot", b"\x02"), ("slot_mask", b"\x05")),
        *(("cert_chain_hash", b"c" * shape.hash), ("nonce", bytes(range(32)))),
        *(("summary", b"m" * shape.summary), *_opaque(b"opaque")),
        *(*_context(version), ("signature", b"s" * shape.signature)),
    )


def _get_measurements(version: int, shape: Shape) -> Parts:
    """Signed where the shape has a signature, which is how the sample knows."""
    parts: Parts = (
        ("attributes", b"\x07" if shape.signature else b"\x06"),
        ("operation", b"\xff"),
        ("nonce", bytes(range(32)) if shape.signature else b""),
    )
    if version >= 0x11:
        parts += (("slot", b"\x0f" if shape.signature else b""),)
    return parts + _context(version)


def _measurements(version: int, shape: Shape) -> Parts:
    return (
        *(("total", b"\0"), ("slot", b"\x22"), ("block_count", b"\x01")),
        *(("record_length", b"\x09\0\0"), ("record", b"one block"), ("nonce", bytes(range(32)))),
        *_opaque(b""),
        *(*_context(version), ("signature", b"s" * shape.signature)),
    )


def _vendor(version: int, shape: Shape) -> Parts:
    del version, shape
    return (
        *(("attributes", b"\0"), ("reserved2", b"\0"), ("standard", b"\x03\x00")),
        *(("vendor_length", b"\x02"), ("vendor", b"\x01\x00")),
        *(("payload_length", b"\x07\x00"), ("payload", b"payload")),
    )


def _respond_if_ready(version: int, shape: Shape) -> Parts:
    del version, shape
    return (("request_code", b"\xe0"), ("token", b"\x07"))


def _chunk(version: int, shape: Shape) -> Parts:
    """CHUNK_SEND and CHUNK_RESPONSE: a first chunk of three bytes out of a hundred."""
    del version, shape
    return (
        *(("attributes", b"\x01"), ("handle", b"\x07"), ("sequence", b"\0\0")),
        *(("sequence_high", b"\0\0"), ("chunk_size", b"\x03\0\0\0")),
        *(("large_size", b"\x64\0\0\0"), ("chunk", b"abc")),
    )


def _sequence(version: int) -> Parts:
    high = (("sequence_high", b"\x01\0"),) if version >= 0x14 else ()
    return (("sequence", b"\x02\0"), *high)


def _chunk_get(version: int, shape: Shape) -> Parts:
    del shape
    return (("reserved", b"\0"), ("handle", b"\x07"), *_sequence(version))


def _chunk_send_ack(version: int, shape: Shape) -> Parts:
    del shape
    head = (("attributes", b"\0"), ("handle", b"\x07"), *_sequence(version))
    return (*head, ("response", bytes((version, 0x01, 0, 0))))


def _error(version: int, shape: Shape) -> Parts:
    del version, shape
    return (("error_code", b"\x0d"), ("data", b"\0"), ("extended", b"\x10\x27\0\0"))


_BUILDERS = {
    Code.GET_VERSION: _empty,
    Code.VERSION: _version,
    Code.GET_CAPABILITIES: _get_capabilities,
    Code.CAPABILITIES: _capabilities,
    Code.NEGOTIATE_ALGORITHMS: _negotiate,
    Code.ALGORITHMS: _algorithms,
    Code.GET_DIGESTS: _empty,
    Code.DIGESTS: _digests,
    Code.GET_CERTIFICATE: _get_certificate,
    Code.CERTIFICATE: _certificate,
    Code.CHALLENGE: _challenge,
    Code.CHALLENGE_AUTH: _challenge_auth,
    Code.GET_MEASUREMENTS: _get_measurements,
    Code.MEASUREMENTS: _measurements,
    Code.VENDOR_DEFINED_REQUEST: _vendor,
    Code.VENDOR_DEFINED_RESPONSE: _vendor,
    Code.ERROR: _error,
    Code.RESPOND_IF_READY: _respond_if_ready,
    Code.CHUNK_SEND: _chunk,
    Code.CHUNK_RESPONSE: _chunk,
    Code.CHUNK_GET: _chunk_get,
    Code.CHUNK_SEND_ACK: _chunk_send_ack,
    **session_samples.BUILDERS,
    **information_samples.BUILDERS,
    **provisioning_samples.BUILDERS,
}


_LARGE_BUILDERS = {
    Code.GET_CERTIFICATE: _get_large_certificate,
    Code.CERTIFICATE: _large_certificate,
    Code.VENDOR_DEFINED_REQUEST: _large_vendor,
    Code.VENDOR_DEFINED_RESPONSE: _large_vendor,
}
"""The same messages in the large form; before 1.4 the bit that marks it is reserved."""


def _shapes(code: Code, version: int) -> Iterator[Shape]:
    match code:
        case Code.DIGESTS:
            for several in (0, 1):
                yield from (Shape(version, size, multi_key=several) for size in (32, 48))
        case Code.CHALLENGE_AUTH:
            for size, signature in ((32, 64), (48, 96)):
                yield from (Shape(version, size, signature, summary) for summary in (0, size))
        case Code.GET_MEASUREMENTS | Code.MEASUREMENTS:
            yield from (Shape(version, 48, signature) for signature in (0, 64, 96))
        case _ if code in session_samples.BUILDERS:
            yield from session_samples.shapes(code, version)
        case _ if code in information_samples.BUILDERS:
            yield from information_samples.shapes(code, version)
        case _:
            yield Shape(version)


def _samples() -> Iterator[Sample]:
    for version in VERSIONS:
        for code, build in (*_BUILDERS.items(), *_LARGE_BUILDERS.items()):
            for shape in _shapes(code, version):
                head = (("version", bytes((version,))), ("code", bytes((code,))))
                yield Sample(LAYOUTS[code], shape, head + build(version, shape))


SAMPLES = tuple(_samples())
