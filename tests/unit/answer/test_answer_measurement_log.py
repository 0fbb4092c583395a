"""MEASUREMENT_EXTENSION_LOG: what the log holds, its portions, and who gets none."""

import hashlib
import struct

import pytest
from devices import (
    CAPABILITIES,
    GET_VERSION,
    Peer,
    device,
    error,
    get_capabilities,
    get_certificate,
    get_digests,
    get_measurements,
    negotiate_algorithms,
)

from emulator.device import Device, Measurement, Measurements, Sizes, measurement_log
from emulator.spdm.capabilities import Cap
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version

VERSIONS = (Version.V1_2, Version.V1_3, Version.V1_4)
MEASURED = (
    Measurement(1, 0, b"rom"),
    Measurement(2, 1, b"firmware", raw=True),
    Measurement(3, 8, bytes(48), digested=True, extended=(b"first", b"second")),
)
NOTES = (Measurement(1, 9, b"a note", raw=True),)


def logging(*, capabilities: Cap = CAPABILITIES | Cap.MEL, sizes: Sizes | None = None) -> Device:
    made = device(versions=VERSIONS, capabilities=capabilities, sizes=sizes)
    made.measurements = Measurements(MEASURED, NOTES)
    return made


def agreed(to: Device, *, version: int = 0x13, mel: int = 1, specification: int = 1) -> Peer:
    peer = Peer(to, version=version)
    peer.good(GET_VERSION)
    peer.good(get_capabilities(version))
    peer.good(negotiate_algorithms(version, mel=mel, specification=specification))
    return peer


def get_log(version: int = 0x13, offset: int = 0, length: int = 0xFFFF) -> bytes:
    return struct.pack("<4BII", version, 0xEF, 0, 0, offset, length)


def entry(number: int, index: int, kind: int, value: bytes) -> bytes:
    return struct.pack("<IB3xBH", number, index, kind, len(value)) + value


def whole(*entries: bytes) -> bytes:
    return struct.pack("<II8x", len(entries), len(b"".join(entries))) + b"".join(entries)


BEGINNING = (
    entry(1, 1, 0, hashlib.sha384(b"rom").digest()),
    entry(2, 2, 0x81, b"firmware"),
    entry(3, 3, 0x89, b"first"),
    entry(4, 3, 0x89, b"second"),
    entry(5, 1, 0x89, b"a note"),
)


@pytest.mark.parametrize("version", [0x13, 0x14])
def test_the_log_begins_with_what_is_measured(version: int) -> None:
    peer = agreed(logging(), version=version)
    log = whole(*BEGINNING)
    head = struct.pack("<4BII", version, 0x6F, 0, 0, len(log), 0)
    assert peer.good(get_log(version)) == head + log


def test_portions_make_the_log() -> None:
    peer, log, data = agreed(logging()), whole(*BEGINNING), b""
    while len(data) < len(log):
        reply = peer.good(get_log(offset=len(data), length=7))
        size, remainder = struct.unpack_from("<II", reply, 4)
        data += reply[12:]
        assert size == len(reply) - 12 <= 7
        assert remainder == len(log) - len(data)
    assert data == log


def test_a_portion_is_no_larger_than_what_can_be_sent() -> None:
    peer = agreed(logging(sizes=Sizes(transmit=64)))
    assert len(peer.good(get_log())) == 64


@pytest.mark.parametrize(("offset", "length"), [(len(whole(*BEGINNING)), 1), (0xFFFFFFFF, 1)])
def test_an_offset_behind_the_end(offset: int, length: int) -> None:
    assert agreed(logging()).ask(get_log(offset=offset, length=length)) == error(0x13, 0x01)


def test_a_change_is_added_and_a_reset_begins_anew() -> None:
    held = logging()
    held.change_measurement(2, b"other")
    added = entry(6, 2, 0x81, b"other")
    assert agreed(held).good(get_log())[12:] == whole(*BEGINNING, added)
    held.reset()
    again = entry(2, 2, 0x81, b"other")
    expected = whole(BEGINNING[0], again, *BEGINNING[2:])
    assert agreed(held).good(get_log())[12:] == expected


def test_a_device_that_measures_at_its_reset_has_no_changes_in_it() -> None:
    held = logging(capabilities=Cap.CERT | Cap.CHAL | Cap.MEAS_SIG | Cap.MEL)
    held.change_measurement(2, b"other")
    assert agreed(held).good(get_log())[12:] == whole(*BEGINNING)


def test_a_full_log_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement_log, "MAX_CHANGES", 2)
    held = logging()
    for value in (b"1", b"2", b"3"):
        held.change_measurement(2, value)
    added = (entry(6, 2, 0x81, b"1"), entry(7, 2, 0x81, b"2"))
    assert agreed(held).good(get_log())[12:] == whole(*BEGINNING, *added)


@pytest.mark.parametrize(("mel", "specification"), [(0, 1), (2, 1), (1, 0)])
def test_without_an_agreed_form_there_is_none(mel: int, specification: int) -> None:
    peer = agreed(logging(), mel=mel, specification=specification)
    assert peer.ask(get_log()) == error(0x13, 0x04)


@pytest.mark.parametrize(
    ("capabilities", "mel", "chosen"),
    [(CAPABILITIES | Cap.MEL, 1, 1), (CAPABILITIES | Cap.MEL, 0xFE, 0), (CAPABILITIES, 1, 0)],
)
def test_algorithms_tell_the_form_where_there_is_a_log(
    capabilities: Cap, mel: int, chosen: int
) -> None:
    said = agreed(logging(capabilities=capabilities), mel=mel).said[-1][1]
    assert said[31] == chosen  # MELspecificationSel


@pytest.mark.parametrize("version", [0x12, 0x13])
def test_no_capability_no_log(version: int) -> None:
    """Before 1.3 nobody has it."""
    held = logging() if version == 0x12 else logging(capabilities=CAPABILITIES)
    assert agreed(held, version=version).ask(get_log(version)) == error(version, 0x07, 0xEF)


def test_a_request_that_is_cut_off() -> None:
    assert agreed(logging()).ask(get_log()[:-1]) == error(0x13, 0x01)


def test_it_begins_measurements_anew_and_gives_up_the_challenge() -> None:
    peer = agreed(logging())
    for request in (get_digests(), get_certificate(), get_measurements()):
        peer.good(request)
    peer.good(get_certificate())
    peer.good(get_log())
    transcript = peer.connection.transcript
    assert not transcript.part(Part.B)
    assert not transcript.part(Part.M)
