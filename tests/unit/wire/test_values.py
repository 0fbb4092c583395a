"""What happens to values nobody expects: unknown, reserved, too large, of the wrong length."""

from dataclasses import replace
from typing import Any

import pytest

from emulator.errors import WireError
from emulator.spdm.algorithms import AlgType
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import ErrorCode
from emulator.spdm.messages import (
    AlgorithmStructure,
    Certificate,
    Challenge,
    ChallengeAuth,
    Digests,
    Error,
    GetCapabilities,
    GetMeasurements,
    GetVersion,
    Measurements,
    NegotiateAlgorithms,
    VendorDefinedRequest,
    VersionEntry,
    VersionResponse,
)
from emulator.spdm.messages.challenge import SummaryType
from emulator.wire import AUTO, Message, Shape, Structure, decode, encode

V1_3 = Shape(0x13)
SIGNED = Shape(0x13, hash=32, signature=64)


def again(item: Structure, shape: Shape = V1_3) -> Any:
    return decode(type(item), encode(item, shape), shape)[0]


def test_known_values_become_members() -> None:
    assert again(AlgorithmStructure(kind=AlgType.DHE, supported=1)).kind is AlgType.DHE
    assert again(Error(version=0x13, error_code=3)).error_code is ErrorCode.BUSY
    got = again(Challenge(version=0x13, slot=0, nonce=bytes(32), summary_type=SummaryType.ALL))
    assert got.summary_type is SummaryType.ALL


@pytest.mark.parametrize(
    ("item", "field", "value"),
    [
        (AlgorithmStructure(kind=AlgType.KEM, supported=1), "kind", 0x77),
        (Error(version=0x13, error_code=1), "error_code", 0xEE),
        (Challenge(version=0x13, slot=0, nonce=bytes(32)), "summary_type", 0x42),
        (Challenge(version=0x13, slot=0, nonce=bytes(32)), "code", 0x00),
        (Challenge(version=0x13, slot=0, nonce=bytes(32)), "version", 0xFF),
    ],
)
def test_unknown_values_survive_as_numbers(item: Any, field: str, value: int) -> None:
    got = getattr(again(replace(item, **{field: value})), field)
    assert got == value
    assert type(got) is int


def test_unknown_flags_survive_beside_known_ones() -> None:
    request = GetMeasurements(
        version=0x13,
        attributes=0xF9,  # type: ignore[arg-type]  # bits nobody has named
        operation=1,
        nonce=bytes(32),
        slot=b"\0",
    )
    got = again(request)
    assert got.attributes == 0xF9
    assert type(got.attributes).SIGNATURE in got.attributes
    assert again(GetCapabilities(version=0x13, flags=Cap(0xFFFFFFFF))).flags == 0xFFFFFFFF


def test_reserved_fields_are_zero_by_default_and_survive() -> None:
    assert encode(GetVersion(version=0x10), Shape(0x10)) == bytes.fromhex("10840000")
    assert encode(NegotiateAlgorithms(version=0x12, length=32), Shape(0x12))[20:28] == bytes(8)
    for item in (
        GetVersion(version=0x10, reserved1=0xAA, reserved2=0x55),
        NegotiateAlgorithms(
            version=0x13, length=32, reserved1=1, reserved2=b"reserved", reserved3=3
        ),
        GetCapabilities(version=0x13, reserved1=1, reserved2=2, ext_flags=3),
        VersionResponse(version=0x10, reserved1=1, reserved2=2, reserved3=3, entries=()),
    ):
        assert again(item) == item


def test_integers_are_little_endian() -> None:
    raw = encode(
        Measurements(version=0x12, block_count=1, record=bytes(0x010203), nonce=bytes(32)),
        Shape(0x12),
    )
    assert raw[5:8] == b"\x03\x02\x01"
    assert encode(VersionEntry(number=0x1234), V1_3) == b"\x34\x12"


def test_counts_state_what_they_count_unless_told_otherwise() -> None:
    request = VendorDefinedRequest(version=0x13, standard=3, vendor=b"\1\0", payload=b"abc")
    assert (request.vendor_length, request.payload_length) == (2, 3)
    assert VersionResponse(version=0x10, entries=(VersionEntry(number=1),) * 3).entry_count == 3
    explicit = VendorDefinedRequest(version=0x13, standard=3, payload=b"abc", payload_length=AUTO)
    assert explicit.payload_length == 3


def test_a_count_may_lie() -> None:
    short = Certificate(version=0x13, slot=0, portion_length=2, remainder_length=0, portion=b"abc")
    raw = encode(short, V1_3)
    assert raw == bytes.fromhex("13020000 0200 0000") + b"abc"
    assert decode(Certificate, raw, V1_3) == (replace(short, portion=b"ab"), len(raw) - 1)
    with pytest.raises(WireError) as failure:
        again(replace(short, portion_length=4))
    assert (failure.value.field, failure.value.offset) == ("portion", 8)
    rows = VersionResponse(version=0x10, entry_count=3, entries=(VersionEntry(number=1),))
    with pytest.raises(WireError) as failure:
        again(rows)
    assert (failure.value.field, failure.value.offset) == ("entries[1].number", 8)


def test_presence_may_lie() -> None:
    unasked = GetMeasurements(
        version=0x12,
        attributes=0,  # type: ignore[arg-type]  # a plain number serves as well
        operation=0,
        nonce=b"n" * 32,
        slot=b"\0",
    )
    assert encode(unasked, Shape(0x12)) == bytes.fromhex("12e00000") + b"n" * 32 + b"\0"


@pytest.mark.parametrize(
    ("item", "field", "found", "right"),
    [
        (Challenge(version=0x13, slot=0, nonce=bytes(31)), "nonce", 31, 32),
        (Challenge(version=0x13, slot=0, nonce=bytes(33)), "nonce", 33, 32),
        (Challenge(version=0x13, slot=0, nonce=bytes(32), context=b""), "context", 0, 8),
        (NegotiateAlgorithms(version=0x13, length=32, reserved2=b"x"), "reserved2", 1, 8),
    ],
)
def test_bytes_of_the_wrong_length_are_refused(
    item: Message, field: str, found: int, right: int
) -> None:
    with pytest.raises(WireError) as failure:
        encode(item, V1_3)
    assert failure.value.field == field
    assert failure.value.reason == f"{found} bytes where {right} belong"


@pytest.mark.parametrize("field", ["cert_chain_hash", "signature", "summary"])
def test_sizes_of_the_shape_are_kept(field: str) -> None:
    sizes = {"cert_chain_hash": bytes(32), "signature": bytes(64), "summary": b""}
    good = ChallengeAuth(version=0x13, slot=0, slot_mask=1, nonce=bytes(32), **sizes)  # type: ignore[arg-type]  # bytes fields only
    encode(good, SIGNED)
    with pytest.raises(WireError) as failure:
        encode(replace(good, **{field: b"?"}), SIGNED)  # type: ignore[arg-type]  # bytes fields only
    assert failure.value.field == field


@pytest.mark.parametrize(
    "item",
    [
        GetVersion(version=0x100),
        GetVersion(version=-1),
        GetVersion(version="1.0"),  # type: ignore[arg-type]  # on purpose
        Challenge(version=0x13, slot=0, nonce=0),  # type: ignore[arg-type]  # on purpose
        Measurements(version=0x13, block_count=1, record_length=1 << 24, nonce=bytes(32)),
        Digests(version=0x13, provisioned_slots=1, digests="text"),  # type: ignore[arg-type]  # on purpose
        VersionResponse(version=0x10, entries=(b"no row",)),  # type: ignore[arg-type]  # on purpose
    ],
)
def test_values_that_do_not_fit_are_refused(item: Message) -> None:
    with pytest.raises(WireError, match="a value does not fit its field") as failure:
        encode(item, V1_3)
    assert failure.value.message == type(item).__name__


def test_an_error_names_message_field_and_place() -> None:
    error = WireError("CHALLENGE", "nonce", 4, "it is too short")
    assert str(error) == "CHALLENGE.nonce at byte 4: it is too short"
    assert str(WireError("CHALLENGE", "", 0, "it is too long")) == (
        "CHALLENGE at byte 0: it is too long"
    )


def test_messages_are_values() -> None:
    one, other = (GetVersion(version=0x10) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    with pytest.raises(AttributeError):
        one.version = 0x11  # type: ignore[misc]  # on purpose
    assert GetVersion.CODE == one.code == 0x84


def test_a_codec_is_compiled_once_a_shape() -> None:
    assert Challenge.codec(Shape(0x12)) is Challenge.codec(Shape(0x12))
    assert Challenge.codec(Shape(0x12)) is not Challenge.codec(Shape(0x13))
