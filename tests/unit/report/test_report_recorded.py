"""Recorded conversations told, and two of them compared."""

import io

import pytest
from devices import (
    GET_VERSION,
    Peer,
    challenge,
    data_object,
    device,
    error,
    get_certificate,
    get_digests,
    get_measurements,
    negotiated,
)
from rich.console import Console

from emulator.device import Measurement
from emulator.record import LinkType, Packet, Session
from emulator.report import (
    Beside,
    Conversation,
    FieldDifference,
    Told,
    compare,
    differences,
    entries,
    entry_json,
    message_json,
    tell,
)
from emulator.report.fields import text
from emulator.requester import Direction
from emulator.wire import Span

REQUEST, REPLY = Direction.REQUEST, Direction.REPLY
DOE = LinkType.PCI_DOE


def other(direction: Direction, data: bytes) -> tuple[str, int, str]:
    told = tell(Conversation(), direction, Packet(0, DOE, data))
    return told.name, told.size, told.meaning


@pytest.mark.parametrize(
    ("direction", "data", "expected"),
    [
        (REQUEST, data_object(b"\x01\0\0\0", kind=0), ("DISCOVERY", 4, "index 1")),
        (REQUEST, data_object(b"", kind=0), ("DISCOVERY", 0, "no index")),
        (
            REPLY,
            data_object(b"\x01\0\x02\0", kind=0),
            ("DISCOVERY", 4, "vendor 0x0001, type 2; next index 0"),
        ),
        (REPLY, data_object(b"", kind=0), ("DISCOVERY", 0, "")),
        (REPLY, data_object(bytes(8), kind=2), ("(secured)", 8, "secured message, 8 bytes")),
        (REPLY, b"", ("(nothing)", 0, "no response")),
        (REQUEST, b"", ("(nothing)", 0, "no data")),
        (
            REQUEST,
            b"abc",
            ("(no message)", 3, "malformed data object: 3 bytes where a header takes 8"),
        ),
    ],
)
def test_what_is_no_spdm_message(
    direction: Direction, data: bytes, expected: tuple[str, int, str]
) -> None:
    assert other(direction, data) == expected


def test_packets_for_a_script() -> None:
    packets = (
        Packet(1_700_000_000_000_000_001, DOE, data_object(GET_VERSION), REQUEST, offset=7),
        Packet(2**63, DOE, b"", None, comments=("closed",)),
        Packet(2**90, DOE, b"", REPLY),
    )
    first, second, third = (entry_json(one) for one in entries(Session("", 0, packets)))
    assert first == {
        "time": "2023-11-14T22:13:20.000000001Z",
        "offset": 7,
        "comments": [],
        "direction": "request",
        "name": "GET_VERSION",
        "size": 4,
        "meaning": "which versions do you speak?",
        "raw": "10840000",
        "fields": [
            {"name": "version", "start": 0, "end": 1, "value": 16, "text": "16 (0x10)"},
            {"name": "code", "start": 1, "end": 2, "value": 132, "text": "132 (0x84)"},
            {"name": "reserved1", "start": 2, "end": 3, "value": 0, "text": "0 (0x0)"},
            {"name": "reserved2", "start": 3, "end": 4, "value": 0, "text": "0 (0x0)"},
        ],
    }
    assert second == {
        "time": "2262-04-11T23:47:16.854775808Z",
        "offset": 0,
        "comments": ["closed"],
    }
    assert third["time"] == "1237940039285380274.899124224 s"
    assert third["fields"] == []


def said(peer: Peer) -> list[Told]:
    """A conversation so far, as it is told."""
    conversation = Conversation()
    return [
        conversation.tell(way, raw)
        for pair in peer.said
        for way, raw in zip((REQUEST, REPLY), pair, strict=True)
    ]


def flow(version: int = 0x13, nonce: int = 0, *, count: bool = True) -> list[Told]:
    peer = negotiated(device(), version=version)
    peer.good(get_digests(version))
    peer.good(get_certificate(version))
    peer.good(challenge(version, nonce=bytes((nonce,) * 32), context=bytes((nonce,) * 8)))
    if count:
        peer.good(get_measurements(version, 0))
    peer.good(get_measurements(version, signed=True, nonce=bytes((nonce,) * 32)))
    return said(peer)


def test_a_reading_tells_what_its_values_say() -> None:
    peer = negotiated(device())
    request = get_measurements(operation=0xFE)
    told = one(REPLY, peer.good(request))
    assert told.meaning == "index 254, secure-version-number: 0, not signed"
    measured = {
        "index": 254,
        "type": 7,
        "type_name": "secure-version-number",
        "raw": True,
        "size": 8,
        "value": "00" * 8,
        "decoded": 0,
        "text": "0",
    }
    assert message_json(told)["measurements"] == [measured]
    digest = one(REPLY, peer.good(get_measurements(operation=1)))
    assert digest.meaning == "index 1, immutable-rom: digest, not signed"
    assert "measurements" not in message_json(one(REQUEST, request))
    long = Measurement(1, 4, b"manifest " * 30, raw=True)
    manifest = negotiated(device(measurements=(long,))).good(get_measurements(operation=1))
    said = "index 1, measurement-manifest: 270 bytes, not signed"
    assert one(REPLY, manifest).meaning == said
    every = one(REPLY, peer.good(get_measurements()))
    assert every.meaning.startswith("5 of them in ")
    assert [each["index"] for each in every.measurements] == [1, 2, 3, 5, 254]


def test_a_broken_record_is_told_without_its_values() -> None:
    raw = bytearray(negotiated(device()).good(get_measurements(operation=0xFE)))
    raw[9] = 0x02  # a specification nobody knows
    told = one(REPLY, bytes(raw))
    assert told.meaning == "1 of them in 15 bytes, not signed"
    assert told.measurements == ()


def test_what_is_random_makes_no_difference() -> None:
    rows = compare(flow(nonce=1), flow(nonce=2))
    assert all(row.same for row in rows)
    assert len(rows) == 16


def test_a_message_too_many_moves_nothing() -> None:
    rows = compare(flow(), flow(count=False))
    lonely = [row for row in rows if not row.same]
    assert [row.left.name for row in lonely if row.left] == ["GET_MEASUREMENTS", "MEASUREMENTS"]
    assert all(row.right is None for row in lonely)


def test_another_version_is_told_once() -> None:
    rows = compare(flow(0x12), flow(0x13))
    told = [field for row in rows for field in row.fields]
    assert [field for field in told if field.name == "version"] == [
        FieldDifference("version", "1.2 (0x12)", "1.3 (0x13)")
    ]
    context = next(field for field in told if field.name == "context")
    assert (context.left, context.right) == (None, "00 00 00 00 00 00 00 00")


def one(way: Direction, raw: bytes) -> Told:
    return Conversation().tell(way, raw)


def test_fields_that_differ_have_both_values() -> None:
    left = one(REPLY, error(0x13, 3, 1, bytes(20)))
    right = one(REPLY, error(0x13, 4, 1, bytes(19) + b"\1"))
    assert differences(left, right) == (
        FieldDifference("error_code", "BUSY (0x3)", "UNEXPECTED_REQUEST (0x4)"),
        FieldDifference(
            "extended",
            f"{bytes(16).hex(' ')} … (20 bytes)",
            f"{bytes(16).hex(' ')} … (20 bytes)",
            19,
        ),
    )


def test_messages_of_other_names_differ_as_a_whole() -> None:
    left, right = one(REPLY, error(0x13, 3)), one(REQUEST, GET_VERSION)
    (field,) = differences(left, right)
    assert field.to_json() == {
        "name": "(message)",
        "left": "ERROR BUSY (0x03), data 0: not now, but the same may be asked again",
        "right": "GET_VERSION which versions do you speak?",
        "at": None,
    }


def test_padding_and_empty_fields_are_no_differences() -> None:
    assert differences(one(REQUEST, GET_VERSION), one(REQUEST, GET_VERSION + bytes(3))) == ()
    (field,) = differences(one(REQUEST, GET_VERSION), one(REQUEST, GET_VERSION + bytes(4)))
    assert field.name == "(trailing)"


def test_random_fields_of_other_sizes_differ() -> None:
    left = one(REQUEST, get_measurements(signed=True))
    right = one(REQUEST, get_measurements(signed=False))
    assert [field.name for field in differences(left, right)] == ["attributes", "nonce", "slot"]
    assert differences(left, right)[1].right == "0 bytes"


def test_messages_nobody_knows_are_compared_byte_by_byte() -> None:
    left, right = one(REPLY, b"\x13\x08ab"), one(REPLY, b"\x13\x08ac")
    assert differences(left, left) == ()
    assert [field.name for field in differences(left, right)] == ["(bytes)"]


def test_measurement_records_are_compared_block_by_block() -> None:
    def record(last: bytes) -> Told:
        blocks = b"\x01\x01\x01\x00a" + b"\x07\x01\x02\x00" + last
        raw = bytes.fromhex("13600000 02 0b0000") + blocks + bytes(32 + 2 + 8)
        return one(REPLY, raw)

    (field,) = differences(record(b"xx"), record(b"xy"))
    assert field.name == "record[index 7]"
    broken = record(b"xx")
    cut = one(REPLY, broken.raw.replace(b"\x07\x01\x02\x00", b"\x07\x01\x09\x00"))
    names = [field.name for field in differences(broken, cut)]
    assert names == ["record[index 7]", "record (rest)"]


def drawn(left: list[Told], right: list[Told], *, width: int) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, highlight=False)
    Beside(console).draw("one", "two", compare(left, right))
    return stream.getvalue()


def test_two_columns_where_there_is_room() -> None:
    picture = drawn(flow(0x12), flow(0x13, count=False), width=100)
    lines = picture.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == ["one", "|", "two"]
    assert f"{'  -> GET_VERSION                4 B':48} |   -> GET_VERSION" in picture
    assert f"{'      version: 1.2 (0x12)':48} |       version: 1.3 (0x13)" in picture
    assert f"{'! -> GET_MEASUREMENTS           4 B  how many?':48} |\n" in picture
    assert lines[-1].startswith("of 16 messages ")
    assert lines[-1].endswith(" differ, 2 are only in the first, 0 only in the second")


def test_one_column_where_there_is_none() -> None:
    picture = drawn(flow(0x12, count=False), flow(0x13), width=99)
    assert picture.startswith("- one\n+ two\n  -> GET_VERSION                4 B\n")
    assert "      - version: 1.2 (0x12)\n      + version: 1.3 (0x13)\n" in picture
    assert "\n+ -> GET_MEASUREMENTS          12 B  how many?\n" in picture
    assert "      - context: (absent)\n" in picture


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("version", 0x12, "1.2 (0x12)"),
        ("version", 0xFF, "15.15 (0xff)"),
        ("base_asym", 0x90, "ECDSA_P256, ECDSA_P384 (0x90)"),
        ("base_hash", 0, "none (0x0)"),
        ("measurement_hash", 0x1000_0001, "RAW_BIT, 0x10000000 (0x10000001)"),
        ("provisioned_slots", 0x13, "slots 0, 1, 4 (0x13)"),
        ("supported_slots", 0x01, "slot 0 (0x1)"),
        ("base_asym", b"\x90", "90"),
        ("length", 32, "32 (0x20)"),
    ],
)
def test_fields_in_words(name: str, value: int | bytes, told: str) -> None:
    assert text(Span(name, 0, 4, value)) == told


def test_the_same_conversations() -> None:
    assert drawn(flow(), flow(), width=120).endswith("the same in all 16 messages\n")
