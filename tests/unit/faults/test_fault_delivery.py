"""Stage delivery: when the frame leaves, in which pieces, and what becomes of the connection."""

from typing import Any

import pytest
from devices import GET_VERSION, device, frame, spdm_frame
from unit.faults.wired import NO_RESPONSE, OBJECT, VERSION, Wired, rule

from emulator.device import Timing
from emulator.endpoint import Action, Close, Send
from emulator.faults.effect import EFFECTS, Stage
from emulator.faults.effects.delivery import MAX_PIECES
from emulator.spdm.state import State
from emulator.transport import tcp

RIGHT = frame(OBJECT)
HALF = RIGHT[: len(RIGHT) // 2]
TCP = bytes.fromhex("0600 01 05") + GET_VERSION
CLOSES, RESETS = "a fault closes the connection", "a fault resets the connection"

ALL = [name for name, cls in EFFECTS.items() if cls.STAGES == (Stage.DELIVERY,)]


@pytest.mark.parametrize(
    ("do", "seen", "told"),
    [
        ("delay", [Send(RIGHT, 11.0)], "1 s late"),
        ({"delay": {"for": "250ms"}}, [Send(RIGHT, 10.25)], "0.25 s late"),
        (
            {"drip": {"bytes": 20, "every": "2s"}},
            [Send(RIGHT[:20], 10.0), Send(RIGHT[20:], 12.0)],
            "2 pieces, one every 2 s",
        ),
        (
            {"split": {"at": 15}},
            [Send(RIGHT[:15]), Send(RIGHT[15:30]), Send(RIGHT[30:])],
            "3 pieces",
        ),
        ("split", [Send(bytes((byte,))) for byte in RIGHT], "32 pieces"),
        ("cut", [Send(HALF), Close(CLOSES, 10.0)], "16 of 32 bytes"),
        ({"cut": {"after": 3}}, [Send(RIGHT[:3]), Close(CLOSES, 10.0)], "3 of 32 bytes"),
        ({"cut": {"after": -1}}, [Send(RIGHT[:-1]), Close(CLOSES, 10.0)], "31 of 32 bytes"),
        ({"cut": {"after": -40}}, [Close(CLOSES, 10.0)], "0 of 32 bytes"),
        ("drop", [Send(NO_RESPONSE, 12.0)], "nothing for 2 s, then no-response"),
        (
            {"drop": {"deadline": 5, "then": "close"}},
            [Close(CLOSES, 15.0)],
            "nothing for 5 s, then close",
        ),
        ("close", [Close(CLOSES, 10.0)], "closed before the reply"),
        ({"close": {"when": "during"}}, [Send(HALF), Close(CLOSES, 10.0)], "closed during"),
        ({"close": {"when": "after"}}, [Send(RIGHT), Close(CLOSES, 10.0)], "closed after"),
        ("reset", [Close(RESETS, 10.0, reset=True)], "reset before the reply"),
        (
            {"reset": {"when": "during"}},
            [Send(HALF), Close(RESETS, 10.0, reset=True)],
            "reset during",
        ),
        (
            {"reset": {"when": "after"}},
            [Send(RIGHT), Close(RESETS, 10.0, reset=True)],
            "reset after",
        ),
    ],
)
def test_a_reply_leaves_like_this_once(do: Any, seen: list[Action], told: str) -> None:
    wired = Wired(rule(do, times=1))
    assert wired.actions(now=10.0) == seen
    (line,) = wired.told
    assert line.startswith(f"odd at delivery: {told}")
    if not isinstance(seen[-1], Close):
        assert wired.actions(now=20.0) == [Send(RIGHT)]
    else:
        assert wired.actions(now=20.0) == []
    wired.connect()
    assert wired.actions(now=30.0) == [Send(RIGHT)]
    assert wired.faults.counts == {"odd": 1}


def test_every_effect_is_there_and_works_by_its_name_alone() -> None:
    assert ALL == ["delay", "drip", "split", "cut", "drop", "close", "reset"]
    for name in ALL:
        assert Wired(rule(name)).actions(now=10.0) != [Send(RIGHT)]


@pytest.mark.parametrize(
    "do",
    [
        {"delay": {"for": 0}},
        {"drip": {"bytes": 32}},
        {"split": {"at": 32}},
        {"cut": {"after": 32}},
        {"cut": {"after": 100}},
    ],
)
def test_what_changes_nothing_has_not_fired(do: Any) -> None:
    wired = Wired(rule(do))
    assert wired.actions(now=10.0) == [Send(RIGHT)]
    assert wired.faults.unfired == ["odd"]


def test_a_devices_own_delay_comes_first() -> None:
    slow = device(timing=Timing(delay=1.0))
    assert Wired(rule("delay"), to=slow).actions(now=10.0) == [Send(RIGHT, 12.0)]
    assert Wired(rule("drop"), to=slow).actions(now=10.0) == [Send(NO_RESPONSE, 13.0)]
    cut = Wired(rule("cut"), to=slow).actions(now=10.0)
    assert cut == [Send(HALF, 11.0), Close(CLOSES, 11.0)]


def test_effects_of_a_rule_build_on_each_other() -> None:
    drip = {"drip": {"bytes": 10, "every": "1s"}}
    late = Wired(rule("delay", drip, {"cut": {"after": 15}})).actions(now=10.0)
    assert late == [Send(RIGHT[:10], 11.0), Send(RIGHT[10:15], 12.0), Close(CLOSES, 12.0)]
    reset = Wired(rule("reset", "cut", "split")).actions(now=10.0)
    assert reset == [Close(RESETS, 10.0, reset=True)]
    dropped = Wired(rule({"drop": {"then": "close"}}, "delay")).actions(now=10.0)
    assert dropped == [Close(CLOSES, 13.0)]


def test_a_frame_is_in_no_more_pieces_than_can_be_sent_at_once() -> None:
    wired = Wired(rule({"oversize": {"size": 1 << 20}}), rule("split", name="split"))
    actions = wired.actions(now=10.0)
    assert len(actions) == MAX_PIECES
    assert sum(len(one.data) for one in actions if isinstance(one, Send)) == 12 + (1 << 20)


def test_dripping_ends_after_ten_minutes() -> None:
    actions = Wired(rule({"drip": {"every": 100}})).actions(now=10.0)
    assert [one.not_before for one in actions] == [10.0 + 100 * n for n in range(7)]
    assert actions[-1] == Send(RIGHT[6:], 610.0)


def test_dripping_without_a_pause_is_splitting() -> None:
    assert Wired(rule({"drip": {"bytes": 16, "every": 0}})).actions(now=10.0) == [
        Send(RIGHT[:16]),
        Send(RIGHT[16:]),
    ]


def test_a_cut_that_leaves_the_connection_open_ends_it_in_time() -> None:
    wired = Wired(rule({"delay": {"for": 5}}, {"cut": {"close": False}}, times=1))
    assert wired.actions(now=10.0) == [Send(HALF, 15.0)]
    assert wired.endpoint.timer() == 45.0
    assert wired.endpoint.tick(45.0) == [Close("after a fault the peer asked nothing for 30 s")]
    wired = Wired(rule({"cut": {"close": False}}, times=1))
    wired.actions(now=10.0)
    wired.actions(spdm_frame(GET_VERSION)[:5], now=11.0)
    assert wired.endpoint.timer() == 40.0
    # A peer that asks anew is answered, but its stream stays out of step.
    assert wired.actions(spdm_frame(GET_VERSION)[5:], now=12.0) == [Send(RIGHT)]
    assert wired.endpoint.timer() == 42.0


def test_a_peer_that_is_sent_nothing_at_all_waits_no_longer_than_that() -> None:
    wired = Wired(rule({"cut": {"after": 0, "close": False}}, times=1))
    assert wired.actions(now=10.0) == []
    assert wired.endpoint.timer() == 40.0
    assert wired.actions(now=20.0) == [Send(RIGHT)]
    assert wired.endpoint.timer() is None


@pytest.mark.parametrize("name", ["delay", "drip", "split", "drop"])
def test_a_whole_frame_leaves_the_stream_in_step(name: str) -> None:
    wired = Wired(rule(name))
    wired.actions(now=10.0)
    assert wired.endpoint.timer() is None


def test_tcp_messages_alone_are_delivered_likewise() -> None:
    whole = tcp.TCP.wrap(VERSION)
    wired = Wired(rule({"cut": {"after": 3}}, on={"nth": 1}), rule("drop", name="drop"))
    assert Wired(rule({"split": {"at": 9}})).actions(TCP) == [Send(whole[:9]), Send(whole[9:])]
    assert Wired(rule("delay")).actions(TCP, now=1.0) == [Send(whole, 2.0)]
    wired = Wired(rule({"cut": {"after": 3, "close": False}}))
    assert wired.actions(TCP, now=1.0) == [Send(whole[:3])]
    assert wired.endpoint.timer() == 31.0


def test_where_there_is_no_frame_a_drop_ends_by_a_close() -> None:
    wired = Wired(rule("drop"))
    assert wired.actions(TCP, now=1.0) == [Close(CLOSES, 3.0)]
    assert wired.told == ["odd at delivery: nothing for 2 s, then close"]


@pytest.mark.parametrize("stands", [True, False])
def test_a_reply_that_is_lost_may_still_have_its_effect(stands: bool) -> None:  # noqa: FBT001 - both are tried
    wired = Wired(rule("drop", commit=stands))
    wired.actions(now=1.0)
    reached = State.AFTER_VERSION if stands else State.NOT_STARTED
    assert wired.endpoint.responder.connection.state == reached


@pytest.mark.parametrize("every", [0.0, 5e-324, 1e-308, 100.0, 600.0])
def test_dripping_ends_whatever_the_pause(every: float) -> None:
    actions = Wired(rule({"drip": {"every": every}})).actions(now=10.0)
    sent = [action for action in actions if isinstance(action, Send)]
    assert b"".join(action.data for action in sent) == RIGHT
    assert max(action.not_before for action in sent) <= 610.0
