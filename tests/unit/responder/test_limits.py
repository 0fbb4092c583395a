"""What fits into a reply and into a transcript."""

import pytest
from devices import (
    Peer,
    challenge,
    device,
    error,
    get_capabilities,
    get_certificate,
    get_digests,
    get_measurements,
    negotiate_algorithms,
    negotiated,
    snapshot,
)
from unit.responder.verifying import said, verify

from emulator.device import Limits, Measurement, Sizes
from emulator.spdm.capabilities import Cap
from emulator.spdm.state import State

both = pytest.mark.parametrize("version", [0x12, 0x13], ids=["1.2", "1.3"])

DHE = bytes.fromhex("02201b00")
AEAD = bytes.fromhex("03200600")


def narrow(version: int, size: int, **sizes: int) -> Peer:
    """A peer whose DataTransferSize is `size`, before algorithms are negotiated."""
    peer = Peer(device(slots={0: ("ECDSA_P256",)}, sizes=Sizes(**sizes)), version=version)
    peer.climb(State.AFTER_VERSION)
    peer.good(get_capabilities(version, size=size))
    return peer


def too_large(version: int, size: int) -> bytes:
    """ERROR ResponseTooLarge, which tells the size there would have been."""
    return error(version, 0x0D, 0, size.to_bytes(4, "little"))


@both
def test_the_smallest_requester_there_may_be(version: int) -> None:
    peer = narrow(version, 42)
    peer.good(negotiate_algorithms(version, asym=0x10, base_hash=1))
    assert len(peer.good(get_digests(version))) == 36
    chain, left = b"", 1
    while left:
        reply = peer.good(get_certificate(version, offset=len(chain), length=left))
        assert len(reply) <= 42
        left = int.from_bytes(reply[6:8], "little")
        chain += reply[8:]
        left = min(left, 0xFFFF)
    signed = 4 + 32 + 32 + 2 + 64 + (8 if version == 0x13 else 0)
    assert peer.ask(challenge(version)) == too_large(version, signed)
    counted = peer.ask(get_measurements(version, 0))
    if version == 0x12:
        assert len(counted) == 42  # this is what the smallest size is made for
    else:
        assert counted == too_large(version, 50)


@both
def test_algorithms_of_many_structures_do_not_fit_the_smallest_requester(version: int) -> None:
    peer = narrow(version, 42)
    before = snapshot(peer.connection)
    request = negotiate_algorithms(version, structures=(DHE, AEAD))
    assert peer.ask(request) == too_large(version, 44)
    assert snapshot(peer.connection) == before
    peer.good(negotiate_algorithms(version, structures=(DHE,)))


@both
def test_exactly_what_fits_is_sent(version: int) -> None:
    size = len(negotiated(version=version).good(challenge(version)))
    for limit, fits in ((size, True), (size - 1, False)):
        peer = Peer(version=version).climb(State.AFTER_VERSION)
        peer.good(get_capabilities(version, size=limit))
        peer.good(negotiate_algorithms(version))
        before = snapshot(peer.connection)
        if fits:
            assert len(peer.good(challenge(version))) == limit
        else:
            assert peer.ask(challenge(version)) == too_large(version, size)
            assert snapshot(peer.connection) == before


@both
def test_without_chunks_datatransfersize_bounds_a_reply_not_maxspdmmsgsize(version: int) -> None:
    peer = Peer(version=version).climb(State.AFTER_VERSION)
    peer.good(get_capabilities(version, size=60, largest=0x10000, flags=Cap.CHUNK))
    peer.good(negotiate_algorithms(version))
    assert peer.ask(get_digests(version)) == too_large(version, 100)


@both
def test_the_devices_own_way_out_bounds_a_reply(version: int) -> None:
    peer = Peer(device(sizes=Sizes(transmit=99)), version=version).climb(State.NEGOTIATED)
    assert peer.ask(get_digests(version)) == too_large(version, 100)
    assert len(peer.good(get_certificate(version))) == 99
    assert peer.ask(challenge(version))[2] == 0x0D


@both
def test_a_record_that_does_not_fit_starts_the_reading_anew(version: int) -> None:
    measured = (Measurement(1, 1, bytes(5000), raw=True), Measurement(2, 1, b"small", raw=True))
    peer = negotiated(device(measurements=measured), version=version)
    peer.good(get_measurements(version, 2))
    assert peer.ask(get_measurements(version))[2] == 0x0D
    peer.good(get_measurements(version, 2, signed=True))
    verify(said(peer, 0, 1, 2, -1))


@both
def test_a_measurement_that_cannot_be_said_is_the_devices_failure(version: int) -> None:
    peer = negotiated(
        device(measurements=(Measurement(1, 1, bytes(0x10000), raw=True),)), version=version
    )
    assert peer.ask(get_measurements(version, 1)) == error(version, 0x05)
    peer.good(get_measurements(version, 0))


@both
def test_a_full_transcript_is_the_devices_failure(version: int) -> None:
    peer = negotiated(version=version)
    one = get_measurements(version, 3)
    peer.good(one)
    room = sum(map(len, peer.said[-1]))
    peer.responder._device.limits = Limits(transcript=2 * room)
    peer.good(one)
    refused = peer.exchange(one)
    assert refused.data == error(version, 0x05)
    assert str(refused.error) == "part M of the transcript is full"
    # The error has started the reading anew.
    peer.good(get_measurements(version, 0, signed=True))
    verify(said(peer, 0, 1, 2, -1))


@both
def test_get_digests_empties_a_full_part_b(version: int) -> None:
    peer = Peer(version=version).climb(State.AFTER_CERTIFICATE)
    said_since = sum(map(len, [x for y in peer.said[3:] for x in y]))
    peer.responder._device.limits = Limits(transcript=said_since)
    before = snapshot(peer.connection)
    assert peer.ask(get_certificate(version)) == error(version, 0x05)
    assert snapshot(peer.connection) == before
    peer.good(get_digests(version))
    peer.good(get_certificate(version, length=100))
    peer.good(challenge(version))
    verify(said(peer, 0, 1, 2, -3, -2, -1))


def test_a_reading_for_ever_meets_the_bound() -> None:
    measured = (Measurement(1, 1, bytes(4000), raw=True),)
    peer = negotiated(device(measurements=measured))
    request = get_measurements(0x13, 1)
    size = len(request) + len(peer.good(request))
    answered = 1
    while peer.ask(request)[1] == 0x60:
        answered += 1
    assert answered == 4 * 1024 * 1024 // size
