"""Stages request and ready: the device answers before anything happened, or not yet."""

import pytest
from devices import (
    GET_VERSION,
    Peer,
    challenge,
    device,
    error,
    get_digests,
    get_measurements,
    snapshot,
)
from unit.faults.faulting import Faulty, rule
from unit.responder.verifying import said, verify

from emulator.entropy import Seeded
from emulator.faults import arm
from emulator.faults.stages import KEPT_CONNECTIONS
from emulator.spdm.state import State


@pytest.mark.parametrize(
    ("effect", "reply"),
    [
        ("busy", error(0x13, 0x03)),
        ({"error": {"code": "SESSION_REQUIRED"}}, error(0x13, 0x0B)),
        ({"error": {"code": 0x99, "data": 7, "extended": "0102"}}, error(0x13, 0x99, 7, b"\1\2")),
        ("large-response", error(0x13, 0x0F, 0, b"\xff")),
        ({"large-response": {"handle": 3}}, error(0x13, 0x0F, 0, b"\3")),
    ],
)
def test_an_error_in_place_of_the_reply_changes_nothing(effect: object, reply: bytes) -> None:
    peer = Faulty(rule(effect, on={"message": "CHALLENGE"}, times=1)).climb(State.NEGOTIATED)
    before = snapshot(peer.connection)
    assert peer.ask(challenge()) == reply
    assert snapshot(peer.connection) == before
    usual = Peer().climb(State.NEGOTIATED)
    assert peer.ask(challenge())[:-96] == usual.ask(challenge())[:-96]
    assert peer.fired == 1


def replaying(**fields: object) -> Faulty:
    on = {"message": "CHALLENGE", "nth": [3, 5]}
    return Faulty(rule({"replay": fields}, on=on))


def test_a_reply_is_replayed_byte_for_byte() -> None:
    peer = replaying().climb(State.NEGOTIATED)
    first, second, third, fourth, fifth = [peer.ask(challenge()) for _ in range(5)]
    assert len({first, second, fourth}) == 3
    assert third == second
    assert fifth == fourth
    assert str(peer.told[0]) == "r at request: the reply to CHALLENGE of 1 before"


def test_a_reply_of_some_replies_ago_and_to_another_request() -> None:
    peer = replaying(back=2).climb(State.NEGOTIATED)
    first, second, third, _fourth, fifth = [peer.ask(challenge()) for _ in range(5)]
    assert third == first
    assert fifth == second  # what was replayed is no reply of its own
    peer = replaying(of="GET_DIGESTS").climb(State.AFTER_DIGESTS)
    digests = peer.said[-1][1]
    assert [peer.ask(challenge()) == digests for _ in range(3)] == [False, False, True]


def test_a_reply_of_another_connection() -> None:
    first = Faulty(
        rule({"replay": {"from": "other"}}, on={"message": "CHALLENGE", "connection": 3})
    ).climb(State.AUTHENTICATED)
    second = first.again().climb(State.NEGOTIATED)
    latest = second.good(challenge())
    assert latest != first.said[-1][1]
    third = first.again().climb(State.NEGOTIATED)
    assert third.ask(challenge()) == latest
    assert third.connection.state == State.NEGOTIATED
    first.again().climb(State.AUTHENTICATED)


def test_an_error_is_no_reply_to_replay() -> None:
    on = {"message": "CHALLENGE", "nth": 2}
    peer = Faulty(rule("replay", on=on)).climb(State.NEGOTIATED)
    assert peer.ask(challenge(slot=1)) == error(0x13, 0x01)
    peer.good(challenge())
    assert peer.fired == 0


def test_replies_are_kept_of_the_latest_connections_only() -> None:
    to = device()
    faults = arm(to, [rule("replay", on={"message": "CHALLENGE"})], Seeded("faults"))
    for _ in range(KEPT_CONNECTIONS + 3):
        Faulty(to=to, faults=faults).good(GET_VERSION)
    assert list(faults.replies) == list(range(4, KEPT_CONNECTIONS + 4))


def test_a_reply_that_is_not_ready_is_fetched_and_rightly_signed() -> None:
    waits = {"not-ready": {"rdt_exponent": 0, "rdtm": 9, "tries": 1}}
    peer = Faulty(rule(waits, on={"message": "GET_MEASUREMENTS", "nth": 1})).climb(State.NEGOTIATED)
    request = get_measurements(signed=True)
    told = error(0x13, 0x42, 0, bytes((0, 0xE0, 0, 9)))
    assert peer.ask(request) == told
    fetch = bytes((0x13, 0xFF, 0xE0, 0))
    peer.now = 2e-6
    assert peer.ask(fetch) == told
    reply = peer.ask(fetch)
    assert reply[1] == 0x60
    verify([*said(peer, 0, 1, 2), (request, reply)])
    assert peer.good(request)
    assert [str(one) for one in peer.told] == ["r at ready: GET_MEASUREMENTS is not ready"]


def test_the_times_of_a_reply_that_is_not_ready_may_be_absurd() -> None:
    waits = {"not-ready": {"rdt_exponent": 255, "rdtm": 0}}
    peer = Faulty(rule(waits, on={"message": "CHALLENGE", "nth": 1})).climb(State.NEGOTIATED)
    assert peer.ask(challenge()) == error(0x13, 0x42, 0, bytes((255, 0x83, 0, 0)))
    assert peer.ask(bytes((0x13, 0xFF, 0x83, 0)))[1:3] == b"\x7f\x42"
    peer.good(get_digests())


def test_what_is_answered_at_once_never_waits() -> None:
    peer = Faulty(rule("not-ready", on={"state": ["NOT_STARTED", "AFTER_VERSION"]}))
    peer.climb(State.NEGOTIATED)
    assert peer.fired == 0
