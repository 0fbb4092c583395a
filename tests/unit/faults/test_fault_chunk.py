"""Faults of chunks: the requester tells each of them apart, and the next connection is clean."""

from typing import Any

import pytest
from unit.faults.faulty import FaultyHost, failed, faults_of, faulty, rule

from emulator.device import Device
from emulator.errors import BrokenReply
from emulator.requester import Offer
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.versions import Version

VERSIONS = (Version.V1_2, Version.V1_3, Version.V1_4)
SMALL = 64
AUTH = 4 + 48 + 32 + 48 + 2 + 96
"""CHALLENGE_AUTH with SHA-384 and P-384 before 1.3, a summary and no opaque data."""

FETCHED = {"message": "CHUNK_RESPONSE"}
SENT = {"message": "CHUNK_SEND_ACK"}
EVERY = pytest.mark.parametrize("version", VERSIONS)


def chunking(*rules: Any, data_transfer: int = 4600) -> Device:
    sets = (
        "versions=['1.2', '1.3', '1.4']",
        "capabilities=[CERT, CHAL, MEAS_SIG, MEAS_FRESH, CHUNK]",
        "algorithms.asym=[ECDSA_P384]",
        f"sizes={{max_message: 65536, data_transfer: {data_transfer}}}",
    )
    return faulty(*rules, sets=sets)


def host(held: Device, version: Version = Version.V1_3, size: int = SMALL) -> FaultyHost:
    """A requester that has the device's chain."""
    offer = Offer(
        versions=(version,),
        capabilities=Cap.CHUNK,
        data_transfer_size=size,
        max_message=65536,
    )
    made = FaultyHost(held, offer=offer)
    made.run(made.requester.connect())
    made.run(made.requester.certificate())
    return made


def refused(held: Device, version: Version, size: int = SMALL) -> tuple[FaultyHost, str]:
    """The host, and why it refused the CHALLENGE_AUTH; a later connection is clean."""
    one = host(held, version, size)
    clean = host(chunking(data_transfer=held.sizes.data_transfer), version, size)
    before = len(one.peer.said)
    clean.run(clean.requester.challenge())
    with pytest.raises(BrokenReply) as caught:
        one.run(one.requester.challenge())
    # Up to the faulty message nothing differs.
    same = zip(one.peer.said, clean.peer.said, strict=False)
    differing = [at for at, (ours, theirs) in enumerate(same) if ours != theirs]
    assert differing[0] >= before
    assert faults_of(held).counts["the-rule"] >= 1
    assert {fired.rule for fired in one.fired} == {"the-rule"}
    return one, str(caught.value)


@EVERY
@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ("chunk-sequence", "CHUNK_RESPONSE.sequence: found 1, expected 0"),
        ({"chunk-sequence": {"by": -1}}, "CHUNK_RESPONSE.sequence: found {last}, expected 0"),
        ("chunk-handle", "CHUNK_RESPONSE.handle: found 1, expected 0"),
        ({"chunk-handle": {"by": -1}}, "CHUNK_RESPONSE.handle: found 255, expected 0"),
        (
            "chunk-early-last",
            "CHUNK_RESPONSE.chunk_size: found 48 bytes, the last, expected {size} in all",
        ),
        (
            {"chunk-short": {"by": 40}},
            "CHUNK_RESPONSE.chunk_size: found 8, expected 26 or more",
        ),
        ("chunk-size", "CHUNK_RESPONSE.large_size: found 4294967295, expected 43 to 65536"),
        (
            {"chunk-size": {"to": 47}},
            "CHUNK_RESPONSE.chunk_size: found 48 bytes, more to come, expected 47 in all",
        ),
        ({"chunk-size": {"to": 0}}, "CHUNK_RESPONSE.large_size: found 0, expected 43 to 65536"),
    ],
)
def test_of_the_first_chunk(version: Version, do: Any, reason: str) -> None:
    held = chunking(rule(do, {**FETCHED, "connection": 1}))
    one, found = refused(held, version)
    last = 0xFFFFFFFF if version == Version.V1_4 else 0xFFFF
    assert found == reason.format(last=last, size=whole(version))
    assert [raw[1] for raw in one.sent].count(Code.CHUNK_GET) == 1
    clean_again(held, version)


def whole(version: Version) -> int:
    """The size of a CHALLENGE_AUTH without a summary."""
    return AUTH - 48 + (8 if version >= Version.V1_3 else 0)


def clean_again(held: Device, version: Version) -> None:
    offer = Offer(
        versions=(version,), capabilities=Cap.CHUNK, data_transfer_size=SMALL, max_message=65536
    )
    later = FaultyHost(held, offer=offer)
    assert failed(later.judge()) == set()
    assert not later.fired


@EVERY
def test_the_last_chunk_is_not_told_to_be_that(version: Version) -> None:
    held = chunking(rule("chunk-not-last", {**FETCHED, "connection": 1}))
    size = whole(version)
    _, found = refused(held, version)
    expected = f"found {size} bytes, more to come, expected {size} in all"
    assert found == f"CHUNK_RESPONSE.chunk_size: {expected}"
    clean_again(held, version)


@EVERY
def test_a_byte_is_missing_and_the_end_shows_it(version: Version) -> None:
    held = chunking(rule("chunk-short", {**FETCHED, "connection": 1, "nth": 2}))
    size = whole(version)
    _, found = refused(held, version)
    expected = f"found {size - 1} bytes, the last, expected {size} in all"
    assert found == f"CHUNK_RESPONSE.chunk_size: {expected}"
    clean_again(held, version)


@EVERY
@pytest.mark.parametrize("size", [42, SMALL, 100])
def test_an_endless_message_ends_where_it_was_to_end(version: Version, size: int) -> None:
    held = chunking(rule("chunk-endless", {"message": "CHUNK_GET", "connection": 1}))
    length = whole(version)
    one, found = refused(held, version, size)
    taken = int(found.split()[2])
    assert taken >= length
    expected = f"found {taken} bytes, more to come, expected {length} in all"
    assert found == f"CHUNK_RESPONSE.chunk_size: {expected}"
    # What came so far is the message, in chunks as large as the device's own.
    chunks = [reply for raw, reply in one.peer.said if raw[1] == Code.CHUNK_GET]
    assert {len(chunk) for chunk in chunks} == {size}
    clean_again(held, version)


@EVERY
def test_an_endless_message_repeats_itself_for_ever(version: Version) -> None:
    one = host(chunking(rule("chunk-endless")), version)
    flow = one.requester.challenge()
    assert one.answer(next(flow))[1:3] == bytes((0x7F, 0x0F))
    outgoing = one.peer.connection.outgoing
    assert outgoing is not None
    wide = 4 if version == Version.V1_4 else 2
    got = b""
    for number in range(50):
        asked = bytes((version, 0x86, 0, outgoing.handle)) + number.to_bytes(wide, "little")
        reply = one.answer(asked)
        assert reply[:4] == bytes((version, 0x06, 0, outgoing.handle))
        got += reply[12:] if number else reply[16:]
    assert one.peer.connection.outgoing is outgoing
    assert got == (outgoing.message * 50)[: len(got)]
    far = bytes((version, 0x86, 0, outgoing.handle)) + (0xFFFF).to_bytes(wide, "little")
    assert one.answer(far)[1] == Code.CHUNK_RESPONSE
    # Another handle is the device's own business, and GET_VERSION ends it all.
    assert one.answer(far[:3] + b"\x77" + far[4:])[1:3] == bytes((0x7F, 0x01))
    assert failed(one.judge()) == {"challenge", "measurement count"}
    assert one.answer(bytes.fromhex("10840000"))[1] == Code.VERSION
    assert one.peer.connection.outgoing is None


# Before 1.3 CHALLENGE fits the smallest buffer.
@pytest.mark.parametrize("version", VERSIONS[1:])
@pytest.mark.parametrize(
    ("do", "nth", "reason"),
    [
        ("chunk-sequence", 1, "CHUNK_SEND_ACK.sequence: found 1, expected 0"),
        ("chunk-sequence", 2, "CHUNK_SEND_ACK.sequence: found 2, expected 1"),
        ("chunk-handle", 1, "CHUNK_SEND_ACK.handle: found 2, expected 1"),
        ("chunk-handle", 2, "CHUNK_SEND_ACK.handle: found 2, expected 1"),
    ],
)
def test_of_an_acknowledgement(version: Version, do: str, nth: int, reason: str) -> None:
    """Of the last one too, which has the answer in it."""
    held = chunking(rule(do, {**SENT, "connection": 1, "nth": nth}), data_transfer=42)
    one, found = refused(held, version, size=4600)
    assert found == reason
    assert [raw[1] for raw in one.sent].count(Code.CHUNK_SEND) == nth
    clean_again(held, version)


@EVERY
def test_a_later_chunk_that_claims_to_be_the_first(version: Version) -> None:
    do = {"chunk-sequence": {"by": -1}}
    held = chunking(rule(do, {**FETCHED, "connection": 1, "nth": 2}))
    one, found = refused(held, version)
    assert found == "CHUNK_RESPONSE.sequence: found 0, expected 1"
    assert len(one.peer.said[-1][1]) == SMALL
    clean_again(held, version)


@pytest.mark.parametrize("do", ["chunk-not-last", "chunk-early-last", "chunk-short", "chunk-size"])
def test_an_acknowledgement_has_none_of_the_others(do: str) -> None:
    held = chunking(rule(do), data_transfer=42)
    one = host(held, Version.V1_3, size=4600)
    one.run(one.requester.challenge())
    assert Code.CHUNK_SEND in {raw[1] for raw in one.sent}
    assert faults_of(held).counts == {"the-rule": 0}


@pytest.mark.parametrize(
    "do",
    [
        "chunk-sequence", "chunk-handle", "chunk-not-last", "chunk-early-last", "chunk-short",
        "chunk-size", "chunk-endless",
    ],
)  # fmt: skip
def test_without_chunks_nothing_happens(do: str) -> None:
    held = faulty(rule(do))
    assert failed(FaultyHost(held).judge()) == set()
    assert faults_of(held).counts == {"the-rule": 0}
