"""Stage message: fields of replies are edited, and the reply is signed as if it were right."""

import struct
from typing import Any

import pytest
from devices import (
    CAPABILITIES,
    GET_VERSION,
    Peer,
    challenge,
    device,
    get_capabilities,
    get_certificate,
    get_digests,
    get_measurements,
    negotiate_algorithms,
    negotiated,
    vendor_request,
)
from unit.faults.faulting import Faulty, rule
from unit.responder.verifying import said, verify

from emulator.faults.fields import fields_of
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.messages import LAYOUTS
from emulator.spdm.state import RESPONSES, State
from emulator.spdm.versions import Version

NEGOTIATION = (GET_VERSION, get_capabilities(), negotiate_algorithms())
OPAQUE = b"opaque data!"
HEAD = 4
HASH = 48
NONCE = slice(4 + HASH, 4 + HASH + 32)


def to(field: str, value: object) -> dict[str, Any]:
    return {"set": {"field": field, "to": value}}


def more(field: str, by: int = 1) -> dict[str, Any]:
    return {"increment": {"field": field, "by": by}}


def copy(field: str, source: str) -> dict[str, Any]:
    return {"copy": {"field": field, "from": source}}


def without(field: str) -> dict[str, Any]:
    return {"remove": {"field": field}}


def edited(*effects: Any, request: bytes, **given: Any) -> tuple[bytes, bytes, Faulty]:
    """The reply to a request without a fault and with it, signatures left out, and the peer."""
    made = []
    on = {"message": Code(request[1]).name}
    faulty = Faulty(rule(*effects, on=on, times=1), to=device(**given))
    usual = Peer(device(**given))
    for peer in (usual, faulty):
        for one in NEGOTIATION:
            reply = peer.ask(one)
            if one == request:
                break
        else:
            reply = peer.ask(request)
        made.append(reply)
    if request[1] == 0x83 or (request[1] == 0xE0 and request[2] & 1):
        before = [faulty.said[at] for at in (0, 1, 2, -1)]
        verify(before)
        made = [one[:-96] for one in made]
    return made[0], made[1], faulty


def u16(number: int) -> bytes:
    return number.to_bytes(2, "little")


AUTH = challenge()
SIGNED = get_measurements(signed=True)
GIVEN = {"challenge_opaque": {2: OPAQUE}, "measurement_opaque": {2: OPAQUE}}
LENGTH = slice(4 + HASH + 32, 4 + HASH + 34)


def put(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def test_a_number_a_name_and_bytes_are_set() -> None:
    usual, faulty, _ = edited(to("slot_mask", 0xFE), request=AUTH)
    assert faulty == put(usual, 3, b"\xfe")
    usual, faulty, _ = edited(to("nonce", "ab" * 32), request=AUTH)
    assert faulty == put(usual, NONCE.start, b"\xab" * 32)
    usual, faulty, _ = edited(to("cert_chain_hash", 1), request=AUTH)
    assert faulty == put(usual, 4, b"\1" + bytes(HASH - 1))
    usual, faulty, peer = edited(to("code", "DIGESTS"), request=AUTH)
    assert faulty == put(usual, 1, b"\x01")
    assert [str(one) for one in peer.told] == ["r at message: code set to DIGESTS"]


def test_an_edited_nonce_is_the_one_that_is_signed_over_and_the_next_is_right() -> None:
    peer = Faulty(rule(to("nonce", "00" * 32), times=1))
    peer.climb(State.NEGOTIATED)
    assert peer.good(AUTH)[NONCE] == bytes(32)
    verify(said(peer, 0, 1, 2, 3))
    usual = negotiated()
    usual.good(AUTH)
    assert peer.good(AUTH)[:-96] == usual.good(AUTH)[:-96]
    verify(said(peer, 0, 1, 2, 4))
    again = peer.again().climb(State.NEGOTIATED)
    again.good(AUTH)
    verify(said(again, 0, 1, 2, 3))
    assert peer.fired == 1


def test_bytes_that_are_set_have_the_right_length() -> None:
    for request in (AUTH, SIGNED):
        usual, faulty, _ = edited(to("opaque", "0102"), request=request, **GIVEN)
        at = usual.index(u16(len(OPAQUE)) + OPAQUE)
        end = at + 2 + len(OPAQUE)
        assert faulty == usual[:at] + u16(2) + b"\1\2" + usual[end:]


def test_a_length_that_is_set_lies_whatever_is_set_after_it() -> None:
    lie = to("opaque_length", 5)
    usual, faulty, _ = edited(lie, request=AUTH, **GIVEN)
    assert faulty == put(usual, LENGTH.start, u16(5))
    bytes_too = to("opaque", "0102")
    for both in ((lie, bytes_too), (bytes_too, lie)):
        usual, faulty, _ = edited(*both, request=AUTH, **GIVEN)
        end = LENGTH.stop + len(OPAQUE)
        assert faulty == usual[: LENGTH.start] + u16(5) + b"\1\2" + usual[end:]


def test_the_opaque_effect_counts_and_takes_all_away() -> None:
    usual, faulty, _ = edited({"opaque": {"to": "ff" * 300}}, request=AUTH)
    at = LENGTH.start
    assert faulty == usual[:at] + u16(300) + b"\xff" * 300 + usual[at + 2 :]
    for nothing in ("opaque", without("opaque")):
        usual, faulty, _ = edited(nothing, request=AUTH, **GIVEN)
        assert faulty == usual[:at] + u16(0) + usual[at + 2 + len(OPAQUE) :]


@pytest.mark.parametrize(
    ("by", "was", "number"), [(1, 0x05, 0x06), (-6, 0x05, 0xFF), (0x102, 0x05, 0x07)]
)
def test_a_number_is_incremented_and_begins_anew(by: int, was: int, number: int) -> None:
    usual, faulty, _ = edited(more("slot_mask", by), request=AUTH)
    assert usual[3] == was
    assert faulty == put(usual, 3, bytes((number,)))


def test_bytes_are_incremented_as_one_number() -> None:
    usual, faulty, _ = edited(more("cert_chain_hash"), request=AUTH)
    hashed = int.from_bytes(usual[4 : 4 + HASH], "little") + 1
    assert faulty == put(usual, 4, hashed.to_bytes(HASH, "little"))
    digests, faulty, _ = edited(more("digests", -1), request=get_digests())
    number = int.from_bytes(digests[4:], "little") - 1
    assert faulty == digests[:4] + number.to_bytes(2 * HASH, "little")


def test_a_field_is_copied_where_it_fits() -> None:
    usual, faulty, _ = edited(copy("opaque", "nonce"), request=AUTH)
    at = LENGTH.start
    assert faulty == usual[:at] + u16(32) + usual[NONCE] + usual[at + 2 :]
    usual, faulty, peer = edited(copy("nonce", "cert_chain_hash"), request=AUTH)
    assert faulty == usual
    assert peer.fired == 0
    usual, faulty, _ = edited(copy("slot", "slot_mask"), request=AUTH)
    assert faulty == put(usual, 2, usual[3:4])
    entries = copy("entries[0]", "entries[1]")
    usual, faulty, _ = edited(entries, request=GET_VERSION)
    assert faulty == put(usual, 6, usual[8:10])


def test_version_entries() -> None:
    usual, faulty, _ = edited(to("entries[0].number", 0x1500), request=GET_VERSION)
    assert faulty == put(usual, 6, u16(0x1500))
    usual, faulty, _ = edited(to("entries[1].number", "1.0"), request=GET_VERSION)
    assert faulty == put(usual, 8, u16(0x1000))
    usual, faulty, _ = edited(without("entries[0]"), request=GET_VERSION)
    assert faulty == bytes.fromhex("100400000001") + usual[8:10]
    usual, faulty, _ = edited(without("entries"), request=GET_VERSION)
    assert faulty == bytes.fromhex("100400000000")
    usual, faulty, peer = edited(without("entries[9]"), request=GET_VERSION)
    assert (faulty, peer.fired) == (usual, 0)


def test_capability_flags_are_told_and_the_device_does_as_it_can() -> None:
    effect = {"flags": {"set": ["PSK"], "clear": ["CHAL", "CERT"]}}
    usual, faulty, peer = edited(effect, request=get_capabilities())
    flags = struct.unpack_from("<I", usual, 8)[0]
    assert flags == CAPABILITIES
    assert faulty == put(usual, 8, (flags ^ (Cap.PSK | Cap.CHAL | Cap.CERT)).to_bytes(4, "little"))
    peer.good(negotiate_algorithms())
    peer.good(challenge())
    assert peer.told[0].what == "CERT, CHAL, PSK changed"
    verify(said(peer, 0, 1, 2, 3))
    for same in ({"flags": {"set": ["CERT"]}}, {"flags": {"clear": ["PSK"]}}):
        usual, faulty, peer = edited(same, request=get_capabilities())
        assert (faulty, peer.fired) == (usual, 0)


def test_sizes_and_the_exponent_of_capabilities() -> None:
    for field, at, size in (
        ("data_transfer_size", 12, 4),
        ("max_spdm_msg_size", 16, 4),
        ("ct_exponent", 5, 1),
    ):
        usual, faulty, _ = edited(to(field, 41), request=get_capabilities())
        assert faulty == put(usual, at, (41).to_bytes(size, "little"))


def test_a_field_that_the_version_does_not_know_is_left_alone() -> None:
    peer = Faulty(
        rule(to("data_transfer_size", 41)),
        to=device(versions=(Version.V1_1,)),
        version=0x11,
    )
    peer.good(GET_VERSION)
    peer.good(get_capabilities(0x11)[:12])
    assert peer.fired == 0


EVERY_FIELD = {
    way: place
    for code, layout in LAYOUTS.items()
    if code in RESPONSES
    for way, place in fields_of(layout).items()
    if place.holds
}

ALGORITHMS = (
    ("base_asym", "ECDSA_P256", 12, 0x10),
    ("base_asym", 0x200, 12, 0x200),
    ("base_hash", "SHA_256", 16, 1),
    ("measurement_hash", "SHA3_512", 8, 0x40),
    ("other_params", "FORMAT_0", 7, None),
)


@pytest.mark.parametrize(("field", "name", "at", "bit"), ALGORITHMS)
def test_a_selected_algorithm_is_told_and_the_device_does_as_agreed(
    field: str, name: object, at: int, bit: int | None
) -> None:
    effect = to(field, name)
    usual, faulty, peer = edited(effect, request=negotiate_algorithms())
    new = b"\1" if bit is None else bit.to_bytes(4, "little")
    assert faulty == put(usual, at, new)
    peer.good(challenge())
    verify(said(peer, 0, 1, 2, 3))


STRUCTURES = (bytes.fromhex("02201000"), bytes.fromhex("03200200"))


def test_algorithm_structures() -> None:
    request = negotiate_algorithms(structures=STRUCTURES)

    def answers(*effects: Any) -> tuple[bytes, bytes]:
        usual, faulty = Peer(), Faulty(rule(*effects))
        for peer in (usual, faulty):
            peer.good(GET_VERSION)
            peer.good(get_capabilities())
        return usual.good(request), faulty.good(request)

    usual, faulty = answers(to("structures[1].supported", 2))
    assert faulty == put(usual, len(usual) - 2, u16(2))
    usual, faulty = answers(without("structures[0]"))
    assert faulty == put(put(usual[:-8] + usual[-4:], 2, b"\1"), 4, u16(len(usual) - 4))
    usual, faulty = answers(to("length", 7), without("structures[0]"))
    assert faulty == put(put(usual[:-8] + usual[-4:], 2, b"\1"), 4, u16(7))


def test_digests_and_certificates() -> None:
    usual, faulty, _ = edited(to("provisioned_slots", 1), request=get_digests())
    assert faulty == put(usual, 3, b"\1")
    usual, faulty, _ = edited(without("digests"), request=get_digests())
    assert faulty == usual[:4]
    ask = get_certificate(length=100)
    usual, faulty, _ = edited(to("portion", "aabb"), request=ask)
    assert faulty == put(usual[:8], 4, u16(2)) + b"\xaa\xbb"
    usual, faulty, _ = edited(more("remainder_length", -1), request=ask)
    left = int.from_bytes(usual[6:8], "little")
    assert faulty == put(usual, 6, u16(left - 1))


def blocks(reply: bytes) -> dict[int, tuple[int, bytes]]:
    """The measurements of a reply by index: type and value; every length must be right."""
    size = int.from_bytes(reply[5:8], "little")
    record, found = reply[8 : 8 + size], {}
    while record:
        index, specification, length, kind, inner = struct.unpack_from("<BBHBH", record)
        assert (specification, length) == (1, inner + 3)
        found[index] = (kind, record[7 : 7 + inner])
        record = record[7 + inner :]
    assert len(found) == reply[4]
    return found


@pytest.mark.parametrize(("fields", "indexes"), [({"index": 2}, [2]), ({}, [1, 2, 3, 5, 0xFE])])
def test_measurements_are_others(fields: dict[str, int], indexes: list[int]) -> None:
    for change, value in (
        ({}, lambda was: bytes((was[0] ^ 1,)) + was[1:]),
        ({"xor": "00ff"}, lambda was: was[:1] + bytes((was[1] ^ 0xFF,)) + was[2:]),
        ({"xor": "01" * 99}, lambda was: bytes(one ^ 1 for one in was)),
        ({"to": "0102"}, lambda _: b"\1\2"),
        ({"to": ""}, lambda _: b""),
    ):
        effect = {"measurement": fields | change}
        usual, faulty, peer = edited(effect, request=SIGNED)
        was = blocks(usual)
        expected = {
            index: (kind, value(data) if index in indexes else data)
            for index, (kind, data) in was.items()
        }
        assert blocks(faulty) == expected
        record = 8 + int.from_bytes(usual[5:8], "little")
        assert faulty[8 + int.from_bytes(faulty[5:8], "little") :] == usual[record:]
        assert peer.fired == 1


def test_a_measurement_that_is_not_there_is_not_changed() -> None:
    usual, faulty, peer = edited({"measurement": {"index": 9}}, request=SIGNED)
    assert (faulty, peer.fired) == (usual, 0)
    count = get_measurements(operation=0)
    usual, faulty, peer = edited("measurement", request=count)
    assert (faulty[:8], peer.fired) == (usual[:8], 0)


def test_a_record_of_no_whole_blocks_is_left_alone() -> None:
    cut = to("record", "0101ff")
    usual, faulty, _ = edited(cut, "measurement", request=SIGNED)
    assert faulty[:8] == usual[:5] + b"\3\0\0"
    assert faulty[8:11] == b"\1\1\xff"
    assert faulty[11:] == usual[8 + int.from_bytes(usual[5:8], "little") :]


def test_what_does_not_fit_once_it_is_known_is_no_fault() -> None:
    """A hash of the wrong size, and a summary where there is none."""
    for effect in (
        to("cert_chain_hash", "ab" * 32),
        to("summary", "ab" * 48),
        to("summary", 1),
        more("summary"),
        to("opaque", 1),
        to("slot", 0),
        to("opaque", "00" * 0x10000),
    ):
        usual, faulty, peer = edited(effect, request=AUTH)
        assert (faulty, peer.fired) == (usual, 0)


def test_an_error_is_edited_too() -> None:
    peer = Faulty(
        rule(
            to("error_code", "BUSY"),
            to("extended", "ab"),
        )
    )
    assert peer.ask(b"\x13\x81\0\0")[1:] == b"\x7f\x03\x00\xab"


@pytest.mark.parametrize("size", [0x1200, 0xFFFF])
def test_an_edited_reply_that_cannot_be_sent_is_an_error_and_nothing_worse(size: int) -> None:
    usual, faulty, peer = edited({"opaque": {"to": "00" * size}}, request=get_measurements())
    assert usual[1] == 0x60
    assert faulty[:3] == bytes((0x13, 0x7F, 0x0D))
    assert int.from_bytes(faulty[4:8], "little") > size
    assert peer.good(get_measurements())


def test_every_field_of_every_reply_can_be_anything() -> None:
    """Whatever is set, there is a reply to everything."""
    asked = (
        *NEGOTIATION,
        get_digests(),
        get_certificate(length=64),
        AUTH,
        SIGNED,
        vendor_request(),
    )
    numbers, texts = (0, 0xFF, 0xFFFFFFFF), ("", "ab", "ab" * 32, "ab" * 5000)
    fired = 0
    for way, place in EVERY_FIELD.items():
        for value in (*numbers, *texts):
            if place.takes(value):
                peer = Faulty(rule(to(way, value)))
                assert all(peer.ask(request) for request in asked)
                fired += peer.fired
    assert fired > len(EVERY_FIELD)
