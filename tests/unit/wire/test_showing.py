"""What a reader gets to see of a message's bytes."""

import construct as c
import pytest

from emulator.errors import WireError
from emulator.spdm.algorithms import AlgType
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages import Challenge, Error, GetCapabilities, NegotiateAlgorithms
from emulator.wire import (
    U8,
    Shape,
    Span,
    Structure,
    annotate,
    decode,
    encode,
    render,
    structure,
    wire,
)
from emulator.wire.annotate import explain
from emulator.wire.kinds import Kind


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"", "(empty)"),
        (b"\x01\xab", "01 ab"),
        (bytes(16), " ".join(["00"] * 16)),
        (bytes(17), " ".join(["00"] * 16) + " … (17 bytes)"),
        (0, "0 (0x0)"),
        (4660, "4660 (0x1234)"),
        (AlgType.DHE, "DHE (0x2)"),
        (Cap.CERT | Cap.CHAL, "CERT|CHAL (0x6)"),
    ],
)
def test_a_value_is_shown_for_readers(value: object, text: str) -> None:
    assert Span("field", 0, 1, value).text == text


def test_a_rendering_reads_as_offset_name_value() -> None:
    request = GetCapabilities(version=0x11, flags=Cap.CERT | Cap.CHAL, ct_exponent=20)
    assert render(GetCapabilities, encode(request, Shape(0x11)), Shape(0x11)) == (
        "    0  version      17 (0x11)\n"
        "    1  code         225 (0xe1)\n"
        "    2  param1       0 (0x0)\n"
        "    3  reserved1    0 (0x0)\n"
        "    4  reserved2    0 (0x0)\n"
        "    5  ct_exponent  20 (0x14)\n"
        "    6  ext_flags    0 (0x0)\n"
        "    8  flags        CERT|CHAL (0x6)"
    )


def test_a_rendering_says_what_is_missing_and_what_follows() -> None:
    raw = bytes.fromhex("1383 00ff") + bytes(30)
    assert render(Challenge, raw, Shape(0x12)).splitlines()[-1].split(maxsplit=3)[:3] == [
        "4",
        "(missing)",
        "nonce",
    ]
    longer = render(Challenge, raw + b"\0\0\xfe\xff", Shape(0x12)).splitlines()[-1]
    assert longer.split() == ["36", "(trailing)", "fe", "ff"]
    assert render(Error, b"", Shape(0x12)).split() == ["0", "(missing)", "version", "(empty)"]


def test_rows_are_numbered() -> None:
    raw = bytes.fromhex("13e3 0200 2800 0102 90000000 03000000 00000000") + bytes(12)
    raw += bytes.fromhex("0220 0100 0320 0200")
    spans = {span.name: span for span in annotate(NegotiateAlgorithms, raw, Shape(0x13))}
    assert spans["structures[1].kind"] == Span("structures[1].kind", 36, 37, AlgType.AEAD)


class Lying(Kind):
    """A kind that reads what it does not declare."""

    def declare(self, shape: Shape) -> c.Construct:
        del shape
        return c.Bytes(0)

    def fixed(self, shape: Shape) -> str:
        del shape
        return "4s"


@structure
class Disagreeing(Structure):
    """A layout whose two readings differ."""

    lie: bytes = wire(Lying())


def test_layouts_that_disagree_are_reported_as_a_bug() -> None:
    error = explain(Disagreeing, b"", Shape())
    assert (error.message, error.field, error.offset) == ("Disagreeing", "", 0)
    assert "please report this" in error.reason


def test_a_structure_of_nothing_has_no_spans() -> None:
    @structure
    class Nothing(Structure):
        """No field at all."""

    assert annotate(Nothing, b"", Shape()) == []
    assert annotate(Nothing, b"x", Shape()) == [Span("(trailing)", 0, 1, b"x")]
    assert render(Nothing, b"", Shape()) == ""


class Text(Kind):
    """A kind that says nothing but its construct."""

    def declare(self, shape: Shape) -> c.Construct:
        del shape
        return c.PascalString(c.Byte, "ascii")


def test_a_kind_that_only_declares_itself_is_read_by_its_construct() -> None:
    @structure
    class Named(Structure):
        """A field of such a kind between two others."""

        before: int = wire(U8())
        name: str = wire(Text())
        after: int = wire(U8())

    raw = b"\x01\x03abc\x02"
    assert encode(Named(before=1, name="abc", after=2), Shape()) == raw
    assert decode(Named, raw, Shape()) == (Named(before=1, name="abc", after=2), 6)
    with pytest.raises(WireError, match=r"Named\.name at byte 1"):
        decode(Named, raw[:3], Shape())


def test_a_lone_field_is_written_too() -> None:
    @structure
    class Lone(Structure):
        """One field, which a run of several would be read as."""

        value: int = wire(U8())

    assert encode(Lone(value=7), Shape()) == b"\x07"
    assert Lone.declaration(Shape()).parse(b"\x07").value == 7
