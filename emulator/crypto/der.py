"""DER, as little as certificates need beyond `cryptography`: find elements, make elements.

Strict: definite lengths in their shortest form and single-byte tags only (X.690 §10.1, §8.1.2.4),
so an element has one encoding and a chain of certificates one way to be cut.
"""

from typing import NamedTuple

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from emulator.errors import PkiError

SEQUENCE = 0x30
OBJECT_IDENTIFIER = 0x06

_LONG_TAG = 0x1F
_LONG_FORM = 0x80
_MOST_LENGTH_BYTES = 4


class Element(NamedTuple):
    """One element: its tag byte, its content, and the offset just behind it."""

    tag: int
    content: bytes
    end: int


def read(data: bytes, offset: int = 0) -> Element:
    """The element that starts at `offset` of `data`. Raises PkiError naming the offset."""
    header = data[offset : offset + 2]
    if len(header) < 2:  # noqa: PLR2004 - a tag byte and a length byte
        raise PkiError(f"byte {offset}: {len(header)} bytes left, too few for a DER element")
    tag, length = header
    if tag & _LONG_TAG == _LONG_TAG:
        raise PkiError(f"byte {offset}: tag {tag:#04x} takes further bytes; none in X.509 does")
    start = offset + 2
    if length >= _LONG_FORM:
        count = length - _LONG_FORM
        field = data[start : start + count]
        start += count
        length = int.from_bytes(field, "big")
        shortest = max(1, (length.bit_length() + 7) // 8)
        if not 0 < count <= _MOST_LENGTH_BYTES or len(field) < count:
            raise PkiError(f"byte {offset}: the DER length is indefinite, too large or cut off")
        if length < _LONG_FORM or count > shortest:
            raise PkiError(f"byte {offset}: the DER length {length} is not in its shortest form")
    end = start + length
    if end > len(data):
        raise PkiError(
            f"byte {offset}: the DER element says {end - offset} bytes, {len(data) - offset} follow"
        )
    return Element(tag, data[start:end], end)


def children(content: bytes) -> tuple[Element, ...]:
    """All elements of a constructed element's content, which they must fill."""
    found: list[Element] = []
    offset = 0
    while offset < len(content):
        found.append(read(content, offset))
        offset = found[-1].end
    return tuple(found)


def encode(tag: int, *parts: bytes) -> bytes:
    """An element of `tag` around the concatenation of `parts`."""
    content = b"".join(parts)
    size = len(content)
    if size < _LONG_FORM:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, _LONG_FORM + len(length)]) + length + content


def oid(dotted: str) -> ObjectIdentifier:
    """The identifier `dotted`, such as `2.23.147`, as `cryptography` knows it. Raises PkiError."""
    try:
        return ObjectIdentifier(dotted)
    except ValueError as error:
        raise PkiError(f"{dotted!r} is not an object identifier: {error}") from error


def encode_oid(dotted: str) -> bytes:
    """The OBJECT IDENTIFIER element of `dotted`."""
    return asn1.encode_der(oid(dotted))


def decode_oid(element: bytes) -> str:
    """The dotted text of an OBJECT IDENTIFIER element. Raises PkiError."""
    try:
        return asn1.decode_der(ObjectIdentifier, element).dotted_string
    except ValueError as error:
        raise PkiError(f"not an object identifier: {element.hex()}") from error


def encode_text(text: str, encoding: str = "utf8") -> bytes:
    """`text` as a UTF8String (`utf8`) or a PrintableString (`printable`) element."""
    try:
        return asn1.encode_der(text if encoding == "utf8" else asn1.PrintableString(text))
    except ValueError as error:
        raise PkiError(f"{text!r} does not fit a {encoding} string: {error}") from error


def decode_utf8(element: bytes) -> str | None:
    """The text of a UTF8String element, or None for any other element."""
    try:
        return asn1.decode_der(str, element)
    except ValueError:
        return None
