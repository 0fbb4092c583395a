"""Back-off, statuses that others wrote, and answers."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.control.mqtt import statuses
from emulator.control.mqtt.backoff import FIRST, Backoff
from emulator.control.mqtt.commands import Command, Route, answer
from emulator.control.mqtt.handover import Claim, Peer
from emulator.control.port import ControlError
from emulator.entropy import Seeded

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
KEYS = st.sampled_from(["online", "emulator", "id", "since", "room", "term", "v"])


def test_waits_double_up_to_the_longest_with_jitter() -> None:
    backoff = Backoff(Seeded("x"), longest=8.0)
    waits = [backoff.wait() for _ in range(12)]
    full = [min(FIRST * 2**n, 8.0) for n in range(12)]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, full, strict=True))
    assert all(before != after for before, after in pairwise(waits))
    backoff.reset()
    assert backoff.wait() <= FIRST


def test_two_emulators_do_not_come_back_at_once() -> None:
    source = Seeded("x")
    waits = {Backoff(source.fork(name), longest=8.0).wait() for name in ("a", "b", "c")}
    assert len(waits) == 3


@given(said=JSON | st.dictionaries(KEYS, JSON))
def test_whatever_was_published_is_read_or_passed_over(said: object) -> None:
    peer, claim = statuses.read_peer(said), statuses.read_owner(said)
    assert peer is None or isinstance(peer[0], Peer)
    assert claim is None or isinstance(claim, Claim)
    assert (statuses.read_term(said) or 1) > 0


@given(room=st.none() | st.integers(0, 9), name=st.text(min_size=1))
def test_a_status_is_read_as_it_was_written(room: int | None, name: str) -> None:
    me = Peer("id", name, "2026", 3)
    said = statuses.emulator_status(me, online=True, room=room, devices=1)
    assert statuses.read_peer(said) == (Peer("id", name, "2026", room), True)
    gone = statuses.emulator_status(me, online=False)
    assert statuses.read_peer(gone) == (Peer("id", name, "", None), False)


@pytest.mark.parametrize("claim", [Claim(3, "id", "a"), Claim(4, "", "")])
def test_a_claim_is_read_as_it_was_written(claim: Claim) -> None:
    read = statuses.read_owner(json.loads(statuses.owner(claim)))
    assert read == claim
    assert read is not None
    assert read.emulator == claim.emulator


def test_an_answer_says_what_came_of_it_and_to_which_question() -> None:
    item = answer(Command(Route("there", b"tag", 3)), "one", {"a": "\ud800é"})
    assert item is not None
    assert (item.topic, item.correlation, item.retain) == ("there", b"tag", False)
    said = {"id": 3, "ok": True, "emulator": "one", "result": {"a": "\ud800é"}}
    assert json.loads(item.payload) == said
    error = ControlError("conflict", ["one", "two"])
    item = answer(Command(Route("there"), problem=error), "one")
    assert item is not None
    assert json.loads(item.payload)["error"]["problems"] == ["one", "two"]


def test_who_wants_no_answer_gets_none() -> None:
    assert answer(Command(Route(None)), "one", 1) is None
