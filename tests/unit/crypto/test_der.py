import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.crypto import der
from emulator.errors import PkiError


@pytest.mark.parametrize(
    ("size", "header"),
    [
        *((0, "0400"), (127, "047f"), (128, "048180"), (255, "0481ff")),
        *((256, "04820100"), (65535, "0482ffff"), (65536, "0483010000")),
    ],
)
def test_read_gives_back_what_encode_made(size: int, header: str) -> None:
    element = der.encode(0x04, bytes(size))
    assert element == bytes.fromhex(header) + bytes(size)
    assert der.read(b"before" + element + b"behind", 6) == (0x04, bytes(size), 6 + len(element))


@given(st.binary(max_size=64), st.integers(0, 70))
def test_read_raises_nothing_but_pki_error(data: bytes, offset: int) -> None:
    try:
        element = der.read(data, offset)
    except PkiError:
        return
    assert data[offset : element.end] == der.encode(element.tag, element.content)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "0 bytes left"),
        ("30", "1 bytes left"),
        ("3f0100", "takes further bytes"),
        ("3080", "indefinite"),
        ("30850000000001", "too large"),
        ("308201", "cut off"),
        ("308105" + "00" * 5, "shortest form"),
        ("30820080" + "00" * 128, "shortest form"),
        ("300501", "says 7 bytes, 3 follow"),
    ],
)
def test_read_names_what_is_wrong(data: str, reason: str) -> None:
    with pytest.raises(PkiError, match=reason):
        der.read(bytes.fromhex(data))


def test_children_fill_their_parent() -> None:
    content = der.encode(0x04, b"one") + der.encode(0x0C, b"two")
    assert [(e.tag, e.content) for e in der.children(content)] == [(4, b"one"), (12, b"two")]
    assert der.children(b"") == ()
    with pytest.raises(PkiError, match="byte 5"):
        der.children(content[:5] + b"\x04")


def test_object_identifiers() -> None:
    element = bytes.fromhex("0603678113")
    assert der.encode_oid("2.23.147") == element
    assert der.decode_oid(element) == "2.23.147"
    with pytest.raises(PkiError, match="not an object identifier: 0c0141"):
        der.decode_oid(bytes.fromhex("0c0141"))
    with pytest.raises(PkiError, match=r"'2\.x' is not an object identifier"):
        der.encode_oid("2.x")


def test_text() -> None:
    assert der.encode_text("é") == bytes.fromhex("0c02c3a9")
    assert der.encode_text("A=1", "printable") == bytes.fromhex("1303413d31")
    assert der.decode_utf8(bytes.fromhex("0c02c3a9")) == "é"
    assert der.decode_utf8(bytes.fromhex("1303413d31")) is None
    assert der.decode_utf8(bytes.fromhex("0c01ff")) is None
    with pytest.raises(PkiError, match="does not fit a printable string"):
        der.encode_text("a_b", "printable")
