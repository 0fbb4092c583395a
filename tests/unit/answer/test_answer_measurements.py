"""MEASUREMENTS but for its signature, which tests/unit/responder/test_signatures.py verifies."""

import hashlib

import pytest
from devices import (
    CAPABILITIES,
    MEASURED,
    Peer,
    challenge,
    device,
    error,
    get_certificate,
    get_digests,
    get_measurements,
    negotiate_algorithms,
    negotiated,
)

from emulator.device import Measurement, Measurements
from emulator.entropy import Seeded
from emulator.spdm.capabilities import Cap
from emulator.spdm.state import State
from emulator.spdm.versions import Version

both = pytest.mark.parametrize("version", [0x12, 0x13])
HELD = Measurements(MEASURED)
INDICES = [entry.index for entry in MEASURED]


def expected(
    version: int,
    *,
    total: int = 0,
    slot: int = 0,
    blocks: int = 0,
    record: bytes = b"",
    opaque: bytes = b"",
) -> bytes:
    """MEASUREMENTS on a device's first connection, without signature."""
    nonce = Seeded("tests").fork("connection 1").bytes(32, label="MEASUREMENTS nonce")
    context = b"context!" if version == 0x13 else b""
    head = bytes((version, 0x60, total, slot, blocks)) + len(record).to_bytes(3, "little")
    return head + record + nonce + len(opaque).to_bytes(2, "little") + opaque + context


@both
def test_the_count(version: int) -> None:
    reply = negotiated(version=version).good(get_measurements(version, 0))
    assert reply == expected(version, total=5)


@both
def test_all_of_them(version: int) -> None:
    reply = negotiated(version=version).good(get_measurements(version, 0xFF))
    assert reply == expected(version, blocks=5, record=HELD.record("SHA_384", raw=False))


@both
@pytest.mark.parametrize("index", INDICES)
def test_each_of_them(version: int, index: int) -> None:
    reply = negotiated(version=version).good(get_measurements(version, index))
    block = HELD.block(index, "SHA_384", raw=False)
    assert reply == expected(version, blocks=1, record=block)


@both
def test_one_there_is_not(version: int) -> None:
    for index in set(range(1, 0xFF)) - set(INDICES):
        request = get_measurements(version, index)
        assert negotiated(version=version).ask(request) == error(version, 0x01)


@both
@pytest.mark.parametrize("index", [*INDICES, 0xFF])
def test_raw_bit_streams_where_there_are_any(version: int, index: int) -> None:
    reply = negotiated(version=version).good(get_measurements(version, index, attributes=0x02))
    one = index != 0xFF
    raw = HELD.block(index, "SHA_384", raw=True) if one else HELD.record("SHA_384", raw=True)
    assert reply == expected(version, blocks=1 if one else 5, record=raw)
    if index == 1:
        assert b"immutable rom" in reply


@both
def test_attributes_nobody_knows_are_not_looked_at(version: int) -> None:
    reply = negotiated(version=version).good(get_measurements(version, 1, attributes=0xFC))
    assert reply == expected(version, blocks=1, record=HELD.block(1, "SHA_384", raw=False))


@both
@pytest.mark.parametrize("slot", [0, 2, 0xF2])
@pytest.mark.parametrize(("operation", "blocks"), [(0, 0), (1, 1), (0xFF, 5)])
def test_a_signed_one_says_by_which_slot_and_that_nothing_changed(
    version: int, slot: int, operation: int, blocks: int
) -> None:
    request = get_measurements(version, operation, signed=True, slot=slot)
    reply = negotiated(version=version).good(request)
    total = 0 if operation else 5
    record = b""
    if operation:
        one = operation != 0xFF
        record = HELD.block(1, "SHA_384", raw=False) if one else HELD.record("SHA_384", raw=False)
    wanted = expected(version, total=total, slot=0x20 | slot & 0x0F, blocks=blocks, record=record)
    assert reply[:-96] == wanted


@both
def test_contents_changed_during_a_reading_are_reported_once_signed(version: int) -> None:
    held = device()
    peer = negotiated(held, version=version)
    signed = get_measurements(version, 1, signed=True)
    peer.good(get_measurements(version, 1))
    held.measurements.change(2, b"patched")
    assert peer.good(get_measurements(version, 2))[3] == 0
    assert peer.good(signed)[3] == 0x10
    # The next reading begins anew.
    assert peer.good(signed)[3] == 0x20
    held.measurements.change(2, b"patched again")
    assert peer.good(signed)[3] == 0x20


@both
def test_a_reading_begins_anew_after_any_other_request_and_after_an_error(version: int) -> None:
    held = device()
    peer = negotiated(held, version=version)
    signed = get_measurements(version, 1, signed=True)
    for between in (bytes((version, 0x81, 0, 0)), get_measurements(version, 0x77)):
        peer.good(get_measurements(version, 1))
        held.measurements.change(2, between)
        peer.ask(between)
        assert peer.good(signed)[3] == 0x20


def firmware(peer: Peer, version: int, attributes: int = 0) -> bytes:
    """What index 2 is reported to be, raw."""
    request = get_measurements(version, 2, attributes=0x02 | attributes)
    reply = peer.good(request)
    return reply[15 : 8 + int.from_bytes(reply[5:8], "little")]


@pytest.mark.parametrize("version", [0x12, 0x13, 0x14])
@pytest.mark.parametrize("fresh", [False, True])
def test_what_is_measured_now_is_reported_if_the_device_measures_afresh(
    version: int, *, fresh: bool
) -> None:
    flags = CAPABILITIES if fresh else CAPABILITIES & ~Cap.MEAS_FRESH
    held = device(capabilities=flags, versions=tuple(Version))
    peer = negotiated(held, version=version)
    held.measurements.change(2, b"patched")
    assert firmware(peer, version) == (b"patched" if fresh else b"mutable firmware")
    held.measurements.reset()
    assert firmware(peer, version) == b"patched"


@pytest.mark.parametrize("fresh", [False, True])
def test_a_reset_during_a_reading_changes_it_where_the_values_are_others(*, fresh: bool) -> None:
    flags = CAPABILITIES if fresh else CAPABILITIES & ~Cap.MEAS_FRESH
    held = device(capabilities=flags)
    peer = negotiated(held)
    signed = get_measurements(operation=1, signed=True)
    peer.good(get_measurements(operation=2))
    held.measurements.change(2, b"patched")
    # What is not reported has not changed.
    assert peer.good(signed)[3] == (0x10 if fresh else 0x20)
    peer.good(get_measurements(operation=2))
    held.measurements.reset()
    assert peer.good(signed)[3] == (0x20 if fresh else 0x10)
    peer.good(get_measurements(operation=2))
    held.measurements.reset()
    assert peer.good(signed)[3] == 0x20


@pytest.mark.parametrize("version", [0x12, 0x13, 0x14])
def test_new_measurements_are_those_after_the_reset_since_1_3(version: int) -> None:
    held = device(versions=tuple(Version))
    peer = negotiated(held, version=version)
    assert firmware(peer, version, 0x04) == b"mutable firmware"
    held.measurements.prepare(2, b"update")
    assert firmware(peer, version) == b"mutable firmware"
    expected = b"update" if version >= 0x13 else b"mutable firmware"
    assert firmware(peer, version, 0x04) == expected
    held.measurements.reset()
    assert firmware(peer, version) == b"update"


def test_an_update_that_is_prepared_changes_a_reading_of_new_measurements_only() -> None:
    held = device()
    peer = negotiated(held)
    for attributes, changed in ((0, 0x20), (0x04, 0x10)):
        peer.good(get_measurements(operation=2, attributes=attributes))
        held.measurements.prepare(2, b"update %d" % attributes)
        assert peer.good(get_measurements(signed=True, attributes=attributes))[3] == changed


@pytest.mark.parametrize("fresh", [False, True])
def test_the_summary_of_a_challenge_is_of_what_is_reported(*, fresh: bool) -> None:
    flags = CAPABILITIES if fresh else CAPABILITIES & ~Cap.MEAS_FRESH
    held = device(capabilities=flags)
    peer = negotiated(held)
    held.measurements.change(2, b"patched")
    peer.good(get_digests())
    peer.good(get_certificate())
    stated = peer.good(challenge(summary=0xFF))[84:132]
    reply = peer.good(get_measurements())
    record = reply[8 : 8 + int.from_bytes(reply[5:8], "little")]
    assert stated == hashlib.sha384(record).digest()


@both
@pytest.mark.parametrize("signed", [False, True])
def test_without_an_agreed_specification_there_is_nothing_to_ask_for(
    version: int, *, signed: bool
) -> None:
    # Whatever else is wrong with the request, as in libspdm: this device signs nothing.
    held = device(capabilities=Cap.MEAS_NO_SIG, slots={})
    peer = Peer(held, version=version).climb(State.AFTER_CAPABILITIES)
    peer.good(negotiate_algorithms(version, specification=0))
    request = get_measurements(version, 0x77, signed=signed)
    assert peer.ask(request) == error(version, 0x04)


@both
@pytest.mark.parametrize(("format_", "sent"), [(2, b"format 1"), (1, b"format 0"), (0, b"")])
def test_opaque_data_is_in_the_agreed_format(version: int, format_: int, sent: bytes) -> None:
    opaque = {2: b"format 1", 1: b"format 0"}
    held = device(opaque_format=format_, measurement_opaque=opaque)
    peer = Peer(held, version=version).climb(State.AFTER_CAPABILITIES)
    peer.good(negotiate_algorithms(version, other=3))
    assert peer.good(get_measurements(version, 0)) == expected(version, total=5, opaque=sent)


@both
def test_a_device_that_measures_without_signing(version: int) -> None:
    held = device(capabilities=Cap.MEAS_NO_SIG, measurement_hash="RAW_BIT", slots={})
    peer = negotiated(held, version=version)
    record = HELD.record("RAW_BIT", raw=False)
    assert peer.good(get_measurements(version)) == expected(version, blocks=5, record=record)
    assert peer.ask(get_measurements(version, signed=True)) == error(version, 0x01)


@both
def test_a_device_may_hold_no_measurement_or_every_index(version: int) -> None:
    none = negotiated(device(measurements=()), version=version)
    assert none.good(get_measurements(version, 0))[2] == 0
    assert none.good(get_measurements(version, 0xFF))[4:8] == bytes(4)
    every = tuple(Measurement(index, 1, b"", raw=True) for index in range(1, 0xFF))
    all_of_them = negotiated(device(measurements=every), version=version)
    assert all_of_them.good(get_measurements(version, 0))[2] == 254
    reply = all_of_them.good(get_measurements(version, 0xFF))
    assert reply[4:8] == bytes((254,)) + (254 * 7).to_bytes(3, "little")
