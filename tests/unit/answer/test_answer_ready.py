"""ERROR ResponseNotReady and RESPOND_IF_READY, one rule at a time.

Source: libspdm `library/spdm_responder_lib/libspdm_rsp_respond_if_ready.c`; the times as its
requester takes them (`library/spdm_requester_lib/libspdm_req_handle_error_response.c`).
"""

import pytest
from devices import (
    GET_VERSION,
    Peer,
    challenge,
    device,
    error,
    get_capabilities,
    get_digests,
    get_measurements,
    negotiate_algorithms,
    snapshot,
    vendor_request,
)
from unit.responder.verifying import verify

from emulator.device import Sizes, Timing
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.pending import Readiness
from emulator.spdm.state import State
from emulator.spdm.transcript import Part

RDT = 0.001024
LATER = RDT + 1e-9


def waiting(policy: Readiness | None = None, state: State = State.NEGOTIATED) -> Peer:
    """A peer in `state` of a device that is slow from then on."""
    held = device()
    peer = Peer(held).climb(state)
    held.timing = Timing(not_ready=policy or Readiness(rdt_exponent=10, rdtm=3))
    return peer


def respond_if_ready(code: int, token: int, version: int = 0x13) -> bytes:
    return bytes((version, 0xFF, code, token))


def not_ready(code: int, token: int, exponent: int = 10, rdtm: int = 3) -> bytes:
    return bytes((0x13, 0x7F, 0x42, 0, exponent, code, token, rdtm))


def test_a_signed_reply_is_fetched_when_it_is_ready() -> None:
    peer = waiting()
    before = [peer.said[number] for number in range(3)]
    request = challenge()
    assert peer.ask(request) == not_ready(0x83, 0)
    peer.now = LATER
    reply = peer.ask(respond_if_ready(0x83, 0))
    assert reply[1] == Code.CHALLENGE_AUTH
    # Neither the ERROR nor RESPOND_IF_READY is signed.
    verify([*before, (request, reply)])
    assert peer.connection.state == State.AUTHENTICATED
    assert peer.connection.pending is None


def test_what_is_not_signed_is_ready_at_once() -> None:
    peer = waiting()
    peer.good(get_digests())
    peer.good(get_measurements())


def test_measurements_read_before_stay_in_what_is_signed() -> None:
    peer = waiting(state=State.AUTHENTICATED)
    first, last = get_measurements(0x13, 1), get_measurements(0x13, 2, signed=True)
    read = peer.good(first)
    assert peer.ask(last) == not_ready(0xE0, 0)
    assert len(peer.connection.transcript.part(Part.M)) == 2
    peer.now = LATER
    reply = peer.ask(respond_if_ready(0xE0, 0))
    verify([*peer.said[:3], (first, read), (last, reply)])


def test_too_early_is_told_again_as_often_as_asked() -> None:
    peer = waiting()
    peer.ask(challenge())
    for now in (0.0, RDT / 2, RDT - 1e-9):
        peer.now = now
        assert peer.ask(respond_if_ready(0x83, 0)) == not_ready(0x83, 0)
    peer.now = LATER
    assert peer.ask(respond_if_ready(0x83, 0))[1] == Code.CHALLENGE_AUTH


def test_it_is_told_again_as_often_as_the_profile_says() -> None:
    peer = waiting(Readiness(rdt_exponent=10, rdtm=3, tries=2))
    peer.ask(challenge())
    peer.now = LATER
    for _ in range(2):
        assert peer.ask(respond_if_ready(0x83, 0)) == not_ready(0x83, 0)
    assert peer.ask(respond_if_ready(0x83, 0))[1] == Code.CHALLENGE_AUTH


def test_it_is_kept_for_rdtm_times_as_long_and_then_forgotten() -> None:
    peer = waiting()
    peer.ask(challenge())
    peer.now = 4 * RDT - 1e-9
    assert peer.ask(respond_if_ready(0x83, 0))[1] == Code.CHALLENGE_AUTH
    peer.ask(challenge())
    peer.now += 4 * RDT + 1e-9
    assert peer.ask(respond_if_ready(0x83, 1)) == error(0x13, 0x01)


@pytest.mark.parametrize(
    ("code", "token"), [(0x83, 1), (0x83, 0xFF), (0xE0, 0), (0xFF, 0), (0x00, 0)]
)
def test_another_code_or_token_is_invalid_and_loses_nothing(code: int, token: int) -> None:
    peer = waiting()
    peer.ask(challenge())
    peer.now = LATER
    before = snapshot(peer.connection)
    assert peer.ask(respond_if_ready(code, token)) == error(0x13, 0x01)
    assert snapshot(peer.connection) == before
    assert peer.ask(respond_if_ready(0x83, 0))[1] == Code.CHALLENGE_AUTH


def test_nothing_is_waiting() -> None:
    peer = Peer().climb(State.NEGOTIATED)
    assert peer.ask(respond_if_ready(0x83, 0)) == error(0x13, 0x01)
    assert peer.ask(respond_if_ready(0, 0)) == error(0x13, 0x01)


def test_it_is_answered_once() -> None:
    peer = waiting()
    peer.ask(challenge())
    peer.now = LATER
    assert peer.ask(respond_if_ready(0x83, 0))[1] == Code.CHALLENGE_AUTH
    assert peer.ask(respond_if_ready(0x83, 0)) == error(0x13, 0x01)


@pytest.mark.parametrize("other", [get_digests(), get_measurements(), GET_VERSION])
def test_another_request_gives_it_up(other: bytes) -> None:
    peer = waiting()
    peer.ask(challenge())
    peer.good(other)
    peer.now = LATER
    assert peer.connection.pending is None
    expected = 0x04 if other == GET_VERSION else 0x01
    version = 0x10 if other == GET_VERSION else 0x13
    assert peer.ask(respond_if_ready(0x83, 0)) == error(version, expected)


def test_a_refused_request_gives_nothing_up() -> None:
    peer = waiting()
    peer.ask(challenge())
    peer.ask(challenge(slot=1))
    peer.now = LATER
    assert peer.ask(respond_if_ready(0x83, 0))[1] == Code.CHALLENGE_AUTH


def test_a_second_request_takes_the_place_of_the_first() -> None:
    peer = waiting()
    peer.ask(challenge())
    assert peer.ask(get_measurements(0x13, signed=True)) == not_ready(0xE0, 1)
    peer.now = LATER
    assert peer.ask(respond_if_ready(0x83, 0)) == error(0x13, 0x01)
    assert peer.ask(respond_if_ready(0xE0, 1))[1] == Code.MEASUREMENTS


def test_a_wrong_request_is_refused_at_once() -> None:
    peer = waiting()
    assert peer.ask(challenge(slot=1)) == error(0x13, 0x01)
    assert peer.connection.pending is None


def test_what_became_wrong_meanwhile_is_refused_and_done_with() -> None:
    held = device()
    peer = Peer(held).climb(State.NEGOTIATED)
    held.timing = Timing(not_ready=Readiness())
    peer.ask(challenge())
    held.slots = {}
    peer.now = LATER
    assert peer.ask(respond_if_ready(0x83, 0)) == error(0x13, 0x01)
    assert peer.connection.pending is None


def test_requests_can_be_named() -> None:
    named = Readiness(frozenset({Code.GET_DIGESTS, Code.VENDOR_DEFINED_REQUEST}), 0, 2)
    peer = waiting(named)
    peer.good(challenge())
    assert peer.ask(get_digests()) == not_ready(0x81, 0, 0, 2)
    # What would be refused anyway is refused.
    assert peer.ask(vendor_request(0x13)) == error(0x13, 0x07, 0xFE)
    peer.now = 1e-6
    assert peer.ask(respond_if_ready(0x81, 0))[1] == Code.DIGESTS


def test_tokens_come_round() -> None:
    peer = waiting()
    for token in range(258):
        assert peer.ask(challenge()) == not_ready(0x83, token % 256)


def test_padding_of_the_transport_is_kept_with_the_request() -> None:
    peer = waiting(Readiness(frozenset({Code.GET_DIGESTS})))
    peer.ask(get_digests() + bytes(3))
    peer.now = LATER
    assert peer.ask(respond_if_ready(0x81, 0) + bytes(3))[1] == Code.DIGESTS
    held = peer.connection.transcript.part(Part.B)
    assert held[0].raw == get_digests()


def test_a_large_reply_goes_out_in_chunks_when_it_is_ready() -> None:
    sizes = Sizes(data_transfer=4600, max_message=70000)
    held = device(capabilities=Cap.CERT | Cap.CHAL | Cap.MEAS_SIG | Cap.CHUNK, sizes=sizes)
    peer = Peer(held)
    peer.good(GET_VERSION)
    peer.good(get_capabilities(0x13, flags=Cap.CHUNK, size=64, largest=70000))
    peer.good(negotiate_algorithms(0x13))
    held.timing = Timing(not_ready=Readiness())
    assert peer.ask(challenge())[2] == 0x42
    peer.now = LATER
    reply = peer.ask(respond_if_ready(0x83, 0))
    assert reply[1:4] == bytes((0x7F, 0x0F, 0))
    message, number = b"", 0
    while len(message) < 500 and peer.connection.outgoing is not None:
        chunk = peer.good(bytes((0x13, 0x86, 0, reply[4])) + number.to_bytes(2, "little"))
        message += chunk[12 if number else 16 :]
        number += 1
    verify([*peer.said[:3], (challenge(), message)])
