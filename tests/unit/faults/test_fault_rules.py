"""On which exchanges rules reach in, how often, and by what chance."""

from typing import Any

import pytest
from devices import (
    GET_VERSION,
    Peer,
    challenge,
    device,
    error,
    get_capabilities,
    get_certificate,
    get_digests,
    get_measurements,
    negotiate_algorithms,
    snapshot,
    spdm_frame,
)
from unit.faults.faulting import Faulty, rule

from emulator.device import Timing
from emulator.endpoint import Endpoint
from emulator.entropy import Seeded
from emulator.faults import Rule, arm
from emulator.spdm.codes import Code
from emulator.spdm.connection import Connection
from emulator.spdm.pending import Readiness
from emulator.spdm.stages import Situation
from emulator.spdm.state import State

BUSY = error(0x13, 0x03)
NEGOTIATION = (GET_VERSION, get_capabilities(), negotiate_algorithms())


def busy(**on: Any) -> Faulty:
    """A peer that has negotiated, of a device that is busy on these exchanges."""
    peer = Faulty(rule("busy", on=on))
    for request in NEGOTIATION:
        peer.ask(request)
    return peer


def are_busy(peer: Peer, *requests: bytes) -> list[bool]:
    return [peer.ask(request) == BUSY for request in requests]


@pytest.mark.parametrize("name", ["GET_DIGESTS", "DIGESTS", ["CHALLENGE", "DIGESTS"]])
def test_a_message_is_a_request_or_the_response_that_answers_it(name: str | list[str]) -> None:
    peer = busy(message=name)
    assert are_busy(peer, get_digests(), get_certificate(), get_digests()) == [True, False, True]
    assert peer.fired == 2


def edits(**on: Any) -> Faulty:
    """Likewise, of a device that says another version in these replies."""
    peer = Faulty(rule({"set": {"field": "version", "to": 0x20}}, on=on))
    for request in NEGOTIATION:
        peer.ask(request)
    return peer


def test_a_response_is_not_met_by_a_refusal_of_its_request() -> None:
    peer = edits(message="CERTIFICATE")
    assert peer.ask(get_certificate(slot=1)) == error(0x13, 0x01)
    assert peer.ask(get_certificate())[:2] == b"\x20\x02"
    assert peer.fired == 1


def test_a_request_is_met_whether_it_is_refused_or_not() -> None:
    peer = edits(message="GET_CERTIFICATE")
    assert peer.ask(get_certificate(slot=1)) == error(0x20, 0x01)
    assert peer.ask(get_certificate())[:2] == b"\x20\x02"


def test_error_is_any_refusal() -> None:
    peer = edits(message="ERROR")
    assert peer.ask(get_certificate())[:2] == b"\x13\x02"
    assert peer.ask(get_certificate(slot=1)) == error(0x20, 0x01)
    assert peer.ask(b"\x13") == error(0x20, 0x01)
    assert peer.ask(bytes((0x13, 0xED, 0, 0))) == error(0x20, 0x07, 0xED)
    assert peer.fired == 3


def test_a_version_is_the_agreed_one_and_before_there_is_one_the_request_s() -> None:
    for version, seen in (("1.3", True), ("1.2", False), (["1.2", "1.3"], True)):
        assert are_busy(busy(version=version, message="GET_DIGESTS"), get_digests()) == [seen]
    peer = Faulty(rule("busy", on={"version": "1.0"}))
    assert peer.ask(GET_VERSION) == error(0x10, 0x03)


def test_a_slot_is_that_of_the_requests_that_name_one() -> None:
    peer = busy(slot=[2, 5])
    signed = {slot: get_measurements(signed=True, slot=slot) for slot in (0, 2)}
    assert are_busy(
        peer,
        get_certificate(slot=0),
        get_certificate(slot=2),
        challenge(slot=2),
        signed[0],
        signed[2],
        get_measurements(),
        get_digests(),
    ) == [False, True, True, False, True, False, False]


def test_an_offset_and_an_index() -> None:
    peer = busy(offset=100)
    requests = [get_certificate(offset=at, length=9) for at in (0, 100, 101)]
    assert are_busy(peer, *requests, get_digests()) == [False, True, False, False]
    peer = busy(index=[0, 3])
    asked = [get_measurements(operation=index) for index in (0, 1, 3, 0xFF)]
    assert are_busy(peer, *asked, challenge(slot=0)) == [True, False, True, False, False]


def test_an_offset_in_the_large_form() -> None:
    large = bytes((0x14, 0x82, 0x80, 0, 1, 0, 9, 0)) + (70000).to_bytes(4, "little") + bytes(4)
    small = get_certificate(0x14, offset=1)
    for offset, seen in ((70000, [True, False]), (1, [False, True])):
        peer = Faulty(rule("busy", on={"offset": offset}))
        assert [peer.ask(one)[2] == 0x03 for one in (large, small)] == seen
        assert peer.ask(large[:10])[2] != 0x03


def test_a_transport() -> None:
    on = rule("busy", on={"transport": "mctp"})
    for command, transport, seen in ((1, 2, False), (1, 1, True)):
        to = device()
        faults = arm(to, [on], Seeded("faults"))
        body = spdm_frame(GET_VERSION)[12:] if transport == 2 else b"\x05" + GET_VERSION
        head = b"".join(n.to_bytes(4, "big") for n in (command, transport, len(body)))
        Endpoint(to).receive(head + body, 0.0)
        assert faults.counts == {"r": int(seen)}


def test_a_connection_is_counted_from_one() -> None:
    first = Faulty(rule("busy", on={"connection": [2]}))
    second = first.again()
    third = second.again()
    assert [peer.ask(GET_VERSION)[1] for peer in (first, second, third)] == [0x04, 0x7F, 0x04]


def test_a_state_is_that_before_the_request() -> None:
    peer = busy(state=["NEGOTIATED"])
    peer.faults.counts["r"] = 0
    assert are_busy(peer, get_digests()) == [True]
    peer = busy(state="AFTER_DIGESTS")
    assert are_busy(peer, get_digests(), get_certificate(), get_digests()) == [False, True, True]


def test_nth_and_every_count_the_matching_exchanges_of_a_connection() -> None:
    asked = [get_digests(), get_certificate(), *[get_digests()] * 5]
    peer = busy(message="GET_DIGESTS", nth=[2, 5])
    assert are_busy(peer, *asked) == [False, False, True, False, False, True, False]
    peer = busy(message="GET_DIGESTS", every=2)
    assert are_busy(peer, *asked) == [False, False, True, False, True, False, True]
    peer = busy(message="GET_DIGESTS", every=2, nth=[3, 4])
    assert are_busy(peer, *asked) == [False, False, False, False, True, False, False]


def test_occurrences_are_counted_on_each_connection_for_itself() -> None:
    first = Faulty(rule("busy", on={"message": "GET_VERSION", "nth": 2}))
    second = first.again()
    seen = [peer.ask(GET_VERSION)[1] for peer in (first, second, first, second)]
    assert seen == [0x04, 0x04, 0x7F, 0x7F]


def test_an_exchange_counts_once_however_often_it_passes_a_stage() -> None:
    """A message that cannot be sent is refused, and so passes stage message a second time."""
    large = {"set": {"field": "opaque", "to": "00" * 0x2000}}
    peer = Faulty(rule(large, {"increment": {"field": "data"}}, on={"nth": [4, 6]}))
    for request in NEGOTIATION:
        peer.good(request)
    assert peer.ask(challenge())[1:4] == b"\x7f\x0d\x01"
    assert peer.fired == 1
    assert peer.good(challenge())
    assert peer.ask(challenge())[1:4] == b"\x7f\x0d\x01"
    assert peer.fired == 2


def test_times_is_the_most_on_all_connections_together() -> None:
    first = Faulty(rule("busy", on={"message": "GET_VERSION"}, times=3))
    second = first.again()
    order = (first, second, second, first, second)
    assert [peer.ask(GET_VERSION)[1] for peer in order] == [0x7F, 0x7F, 0x7F, 0x04, 0x04]
    assert first.faults.counts == {"r": 3}
    assert not first.faults.unfired


def test_an_effect_that_does_nothing_is_no_time() -> None:
    peer = Faulty(rule({"opaque": {"to": "ab"}}, times=1)).climb(State.NEGOTIATED)
    assert peer.fired == 0
    assert peer.faults.unfired == ["r"]
    peer.good(challenge())
    assert peer.fired == 1


def after_tests(peer: Faulty, *times: float) -> list[bool]:
    seen = []
    for now in times:
        peer.now = now
        seen.append(peer.ask(get_digests())[1] == 0x7F)
    return seen


def test_after_is_the_time_since_the_first_request_whatever_that_is() -> None:
    peer = Faulty(rule("busy", on={"message": "GET_DIGESTS", "after": "2s"}))
    peer.now = 100.0
    for request in NEGOTIATION:
        peer.good(request)
    assert after_tests(peer, 101.0, 101.9, 102.0, 103.0) == [False, False, True, True]


def test_after_rule_waits_until_that_one_has_reached_in_on_any_connection() -> None:
    first = Faulty(
        rule("busy", name="then", on={"message": "GET_VERSION", "after_rule": "first", "nth": 1}),
        rule({"error": {"code": 5}}, name="first", on={"message": "GET_DIGESTS"}),
    )
    for request in (GET_VERSION, GET_VERSION, get_capabilities(), negotiate_algorithms()):
        first.good(request)
    assert first.ask(get_digests()) == error(0x13, 5)
    assert first.ask(GET_VERSION)[1:3] == b"\x7f\x03"
    assert first.again().ask(GET_VERSION)[1:3] == b"\x7f\x03"
    assert first.ask(GET_VERSION)[1] == 0x04


def drawn(seed: str, *more: Rule, number: int = 64, probability: float = 0.5) -> list[bool]:
    on = {"message": "GET_VERSION", "probability": probability}
    to = device()
    faults = arm(to, [*more, rule("busy", on=on)], Seeded(seed))
    peer = Faulty(to=to, faults=faults)
    return [peer.ask(GET_VERSION)[1] == 0x7F for _ in range(number)]


def test_a_probability_is_drawn_by_the_seed() -> None:
    assert drawn("one") == drawn("one")
    assert drawn("one") != drawn("two")
    assert 16 < sum(drawn("one")) < 48
    assert not any(drawn("one", probability=0))
    assert all(drawn("one", probability=1))
    assert sum(drawn("one", number=400, probability=0.1)) == pytest.approx(40, abs=25)


def test_one_rule_more_disturbs_no_other() -> None:
    on = {"message": "GET_VERSION", "probability": 0.5}
    before = rule({"replay": {"from": "other"}}, name="x", on=on)
    after = rule({"increment": {"field": "reserved1"}}, name="y", on=on)
    assert drawn("one", before, after) == drawn("one")


def test_connections_draw_for_themselves() -> None:
    on = {"message": "GET_VERSION", "probability": 0.5}

    def hits(peer: Faulty) -> list[bool]:
        return [peer.ask(GET_VERSION)[1] == 0x7F for _ in range(32)]

    first = Faulty(rule("busy", on=on))
    second = first.again()
    alone = [hits(first), hits(second)]
    assert alone[0] != alone[1]
    first = Faulty(rule("busy", on=on))
    second = first.again()
    both: list[list[bool]] = [[], []]
    for _ in range(32):
        both[0].append(first.ask(GET_VERSION)[1] == 0x7F)
        both[1].append(second.ask(GET_VERSION)[1] == 0x7F)
    assert both == alone


def test_rules_draw_nothing_from_the_device() -> None:
    asked = [*NEGOTIATION, challenge(), get_measurements(signed=True)]
    usual = Peer(device())
    faulty = Faulty(rule("busy", on={"probability": 0.0}))
    assert [faulty.ask(one) for one in asked] == [usual.ask(one) for one in asked]
    assert snapshot(faulty.connection) == snapshot(usual.connection)


@pytest.mark.parametrize("commit", [True, False])
def test_commit_says_whether_what_the_request_changed_stands(commit: bool) -> None:  # noqa: FBT001 - a parameter
    set_it = {"set": {"field": "attributes", "to": 9}}
    edit = rule(set_it, on={"message": "CERTIFICATE"}, commit=commit)
    peer = Faulty(edit).climb(State.AFTER_DIGESTS)
    before = snapshot(peer.connection)
    assert peer.good(get_certificate())[3] == 9
    assert (snapshot(peer.connection) == before) is not commit
    assert peer.connection.state == (State.AFTER_CERTIFICATE if commit else State.AFTER_DIGESTS)


def test_what_did_not_stand_before_does_not_hold_for_what_comes_later() -> None:
    """RESPOND_IF_READY is of no concern to the rule, the request that it fetches is."""
    waiting = Readiness(requests=frozenset({Code.GET_MEASUREMENTS}), rdt_exponent=0)
    on = {"message": "MEASUREMENTS", "nth": 1}
    to = device(timing=Timing(not_ready=waiting))
    edit = rule("measurement", on=on, commit=False)
    peer = Faulty(edit, to=to).climb(State.NEGOTIATED)
    for stands in (False, True):
        told = peer.ask(get_measurements(operation=1))
        assert told[1:3] == b"\x7f\x42"
        peer.now += 1e-5
        reply = peer.ask(bytes((0x13, 0xFF, 0xE0, told[6])))
        assert reply[1] == 0x60
        assert (peer.connection.measured is not None) is stands
    assert peer.fired == 1


def about(request: bytes, number: int = 1) -> Situation:
    """An exchange that begins with `request`."""
    return Situation(Connection(), number, 0, request)


def test_an_exchange_that_is_of_no_concern_is_not_looked_at() -> None:
    stages = Faulty(rule("busy", on={"message": "DIGESTS"})).faults.attach(1)
    assert stages.concerns(about(get_digests()))
    assert not stages.concerns(about(GET_VERSION))
    assert not stages.concerns(about(b""))
    for one in (rule("busy"), rule("busy", at="request", on={"message": ["GET_VERSION"]})):
        assert Faulty(one).faults.attach(1).concerns(about(GET_VERSION))
    recalling = Faulty(rule("replay", on={"message": "DIGESTS"})).faults.attach(1)
    assert recalling.concerns(about(GET_VERSION))
    error_only = Faulty(rule({"increment": {"field": "data"}}, on={"message": "ERROR"}))
    assert error_only.faults.attach(1).concerns(about(b""))


@pytest.mark.parametrize(
    "on", [{"connection": 2}, {"version": "1.0"}, {"slot": 1}, {"after": 1.0}, {"transport": "tcp"}]
)
def test_an_exchange_that_cannot_meet_the_conditions_is_of_no_concern(on: dict[str, Any]) -> None:
    stages = Faulty(rule("busy", on={"message": "CHALLENGE", **on})).faults.attach(1)
    assert not stages.concerns(about(challenge()))


def test_a_rule_that_is_spent_is_of_no_concern() -> None:
    for one in (rule("busy", times=1), rule("busy", on={"nth": 1})):
        peer = Faulty(one)
        assert peer.ask(GET_VERSION)[1] == 0x7F
        stages = peer.responder._stages
        assert stages is not None
        again = Situation(peer.connection, 1, peer.responder.ordinal, GET_VERSION)
        assert not stages.concerns(again)
        peer.good(GET_VERSION)


def test_the_first_rule_that_answers_is_the_one() -> None:
    peer = Faulty(
        rule("replay", name="nothing to replay", on={"message": "GET_VERSION"}),
        rule({"error": {"code": 5}}, name="first"),
        rule("busy", name="second"),
    )
    assert peer.ask(GET_VERSION) == error(0x10, 5)
    assert peer.faults.counts == {"nothing to replay": 0, "first": 1, "second": 0}
    assert [str(fired) for fired in peer.told] == ["first at request: ERROR UNSPECIFIED"]


def test_rules_of_a_stage_follow_each_other() -> None:
    peer = Faulty(
        rule({"set": {"field": "attributes", "to": 3}}, name="one"),
        rule({"increment": {"field": "attributes", "by": 4}}, name="two"),
    ).climb(State.NEGOTIATED)
    assert peer.good(get_certificate())[3] == 7


def test_arming_with_none_takes_the_rules_away() -> None:
    to = device()
    arm(to, [rule("busy")], Seeded("faults"))
    assert to.stages is not None
    arm(to, [], Seeded("faults"))
    assert to.stages is None
