"""GET_MEASUREMENTS, its record and its signature."""

import struct

import pytest
from asking import Host, patched
from devices import MEASURED, device, error

from emulator.ask import MeasurementsRequest, Reading
from emulator.crypto import hashes
from emulator.errors import BrokenReply, PeerErrorReply, SignatureMismatch, UnsupportedByPeer
from emulator.requester import Offer
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages import MeasurementOperation, RequestAttributes
from emulator.spdm.messages.measurements import ContentChanged
from emulator.spdm.state import State
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version

NONCE, CONTEXT = bytes(range(32)), b"a 64 bit"
NOTHING = RequestAttributes(0)
COUNT, ALL = MeasurementOperation.COUNT, MeasurementOperation.ALL
VERSIONS = pytest.mark.parametrize("version", [Version.V1_2, Version.V1_3])


def connected(version: Version = Version.V1_3) -> Host:
    return Host(offer=Offer(versions=(version,))).connected(2)


def asked(
    operation: int = ALL,
    *,
    signed: bool = False,
    host: Host | None = None,
    attributes: RequestAttributes = NOTHING,
) -> tuple[MeasurementsRequest, bytes, Host]:
    host = host or connected()
    request = MeasurementsRequest(
        host.connection,
        operation=operation,
        attributes=attributes,
        context=CONTEXT,
        nonce=NONCE,
        signer=host.requester.chains[2] if signed else None,
    )
    return request, host.answer(request.raw), host


@VERSIONS
def test_the_number_of_measurements(version: Version) -> None:
    request, reply, host = asked(COUNT, host=connected(version))
    context = CONTEXT if version >= Version.V1_3 else b""
    assert request.raw == bytes((version, 0xE0, 0, 0)) + context
    found = request.accept(reply)
    assert found.reply.total == len(MEASURED)
    assert found.measurements == ()
    assert (found.content_changed, found.transcript_hash, found.covered) == (None, b"", 0)
    assert [entry.raw for entry in host.connection.transcript.part(Part.M)] == [request.raw, reply]


@VERSIONS
def test_all_measurements_signed(version: Version) -> None:
    request, reply, host = asked(signed=True, host=connected(version))
    context = CONTEXT if version >= Version.V1_3 else b""
    assert request.raw == bytes((version, 0xE0, 1, 0xFF)) + NONCE + b"\x02" + context
    found = request.accept(reply)
    assert [one.index for one in found.measurements] == [one.index for one in MEASURED]
    assert [one.raw for one in found.measurements] == [False, False, True, False, True]
    assert found.measurements[1].kind == 1
    assert found.measurements[1].value == hashes.digest("SHA_384", b"mutable firmware")
    assert found.measurements[2].value == b"second rom"
    assert b"".join(one.block for one in found.measurements) == found.reply.record
    assert found.content_changed == ContentChanged.UNCHANGED
    assert host.connection.transcript.part(Part.M) == ()
    assert host.connection.state == State.AFTER_CERTIFICATE


def asked_request(host: Host, operation: int) -> MeasurementsRequest:
    return MeasurementsRequest(
        host.connection, operation=operation, attributes=NOTHING, context=CONTEXT
    )


def test_l1l2_is_the_negotiation_and_all_readings() -> None:
    host = connected()
    for operation in (COUNT, 1, 2):
        host.ask(asked_request(host, operation))
    transcript = host.connection.transcript
    before = transcript.part(Part.A) + transcript.part(Part.M)
    request, reply, _ = asked(3, signed=True, host=host)
    found = request.accept(reply)
    covered = b"".join(entry.raw for entry in before) + request.raw + reply[:-96]
    assert found.transcript_hash == hashes.digest("SHA_384", covered)
    assert found.covered == 4


def test_contents_that_changed_are_told() -> None:
    to = device()
    host = Host(to).connected(2)
    host.ask(asked_request(host, 1))
    to.measurements.change(1, b"another rom")
    request, reply, _ = asked(signed=True, host=host)
    assert request.accept(reply).content_changed == ContentChanged.CHANGED


def test_raw_measurements_are_asked_for() -> None:
    request, reply, _ = asked(attributes=RequestAttributes.RAW_BIT_STREAM)
    found = request.accept(reply)
    assert found.measurements[0].raw
    assert found.measurements[0].value == b"immutable rom"


def test_one_measurement() -> None:
    request, reply, _ = asked(5)
    (found,) = request.accept(reply).measurements
    assert (found.index, found.kind, found.value) == (5, 2, bytes(range(48)))


def test_an_index_that_is_not_there_is_refused() -> None:
    request, reply, _ = asked(4)
    with pytest.raises(PeerErrorReply, match=r"GET_MEASUREMENTS was refused .*INVALID_REQUEST"):
        request.accept(reply)


# MEASUREMENTS: version, code, total, slot, blocks, record length (3), record, nonce, ...
TOTAL_AT, SLOT_AT, BLOCKS_AT, LENGTH_AT, RECORD_AT = 2, 3, 4, 5, 8


@pytest.mark.parametrize(
    ("operation", "at", "value", "reason"),
    [
        (COUNT, TOTAL_AT, 0, "total: found 0, expected 1 to 254"),
        (COUNT, TOTAL_AT, 0xFF, "total: found 255"),
        (COUNT, BLOCKS_AT, 1, "block_count: found 1, expected 0"),
        (ALL, BLOCKS_AT, 0, "block_count: found 0, expected 1 to 254"),
        (ALL, BLOCKS_AT, 0xFF, "block_count: found 255"),
        (ALL, BLOCKS_AT, 4, "block_count: found 4, and 5 in the record, expected the same"),
        (1, BLOCKS_AT, 2, "block_count: found 2, expected 1"),
        (1, SLOT_AT, 0x20, "slot: found content changed 0x20, expected 0 without a signature"),
        (1, RECORD_AT, 2, "record: found index 2, expected 1"),
        (1, RECORD_AT, 0, "measurement 0: found index 0, expected 1 to 254"),
        (ALL, RECORD_AT, 0xFF, "measurement 255: found index 255"),
        (ALL, RECORD_AT, 2, "record: found index 2 twice, expected each once"),
        (
            1,
            RECORD_AT + 1,
            2,
            "measurement 1: found specification 0x02, expected specification 0x01",
        ),
        (1, RECORD_AT + 2, b"\xff\xff", "record at byte 0: found MeasurementBlock.measurement"),
        (1, RECORD_AT + 5, b"\xff\xff", "record at byte 0: found MeasurementValue.value"),
        (1, RECORD_AT + 5, b"\x2f\x00", "record at byte 0: found MeasurementValue at byte"),
        (1, LENGTH_AT, b"\xff\xff\xff", "record: found"),
        (1, -10, b"\x01\x04", "size|opaque"),
        (1, -8, 0, "context: found 00"),
    ],
)
def test_broken_measurements(operation: int, at: int, value: int | bytes, reason: str) -> None:
    request, reply, host = asked(operation)
    with pytest.raises(BrokenReply, match=f"MEASUREMENTS.({reason})"):
        request.accept(patched(reply, at, value))
    assert host.connection.transcript.part(Part.M) == ()


def test_a_digest_has_the_size_of_the_hash() -> None:
    # The raw bit taken away from a raw value of ten bytes.
    request, reply, _ = asked(3)
    with pytest.raises(BrokenReply, match=r"measurement 3: found a digest of 10 .* 48, as SHA_384"):
        request.accept(patched(reply, RECORD_AT + 4, 0))


def test_raw_bit_streams_alone_have_no_digest_size() -> None:
    host = Host(device(measurement_hash="RAW_BIT")).connected(2)
    request, reply, _ = asked(3, host=host)
    assert not request.accept(patched(reply, RECORD_AT + 4, 0)).measurements[0].raw


def test_a_count_with_a_record_is_broken() -> None:
    request, reply, _ = asked(COUNT)
    block = bytes.fromhex("01010700 86 0400 01020304")
    longer = patched(reply, LENGTH_AT, struct.pack("<I", len(block))[:3])
    with pytest.raises(BrokenReply, match="block_count: found 0, and 1 in the record"):
        request.accept(longer[:RECORD_AT] + block + longer[RECORD_AT:])


def test_the_slot_that_signs_is_told() -> None:
    request, reply, _ = asked(signed=True)
    with pytest.raises(BrokenReply, match=r"MEASUREMENTS.slot: found 1, expected 2"):
        request.accept(patched(reply, SLOT_AT, 0x21))


@pytest.mark.parametrize("at", [-1, -96, RECORD_AT + 10])
def test_a_bent_signature_or_value_does_not_verify(at: int) -> None:
    request, reply, host = asked(signed=True)
    position = at if at >= 0 else len(reply) + at
    with pytest.raises(SignatureMismatch, match=r"MEASUREMENTS.signature: it is not") as caught:
        request.accept(patched(reply, at, reply[position] ^ 1))
    assert isinstance(caught.value.content, Reading)
    assert len(caught.value.content.measurements) == len(MEASURED)
    assert host.connection.transcript.part(Part.M) == ()


def test_reading_before_the_challenge_gives_m1m2_up() -> None:
    request, reply, host = asked()
    assert host.connection.transcript.part(Part.B)
    request.accept(reply)
    assert host.connection.transcript.part(Part.B) == ()


def test_a_device_that_does_not_sign_is_not_asked_to() -> None:
    host = Host(device(capabilities=Cap.CERT | Cap.CHAL | Cap.MEAS_NO_SIG)).connected(2)
    with pytest.raises(UnsupportedByPeer, match="MEAS_SIG"):
        asked(signed=True, host=host)
    request, reply, _ = asked(host=host)
    assert len(request.accept(reply).measurements) == len(MEASURED)


def test_busy_gives_what_was_read_up() -> None:
    host = connected()
    host.ask(asked_request(host, COUNT))
    with pytest.raises(PeerErrorReply):
        asked_request(host, 1).accept(error(0x13, 0x03))
    assert host.connection.transcript.part(Part.M) == ()
