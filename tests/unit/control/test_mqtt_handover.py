"""Devices of a shared fleet are handed out, taken over and given up."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.control.sharing import ABSENCE, KEEPALIVE, Chance, Dice, World

from emulator.control.mqtt.actions import Offer, Own, Stop
from emulator.control.mqtt.handover import Claim, Member, Peer

DEVICES = [f"d{number}" for number in range(6)]
SETTLING = ABSENCE + 3 * KEEPALIVE + 3
"""Seconds within which everything is in its place again."""


def settled(world: World) -> None:
    """Each device is where it belongs: at one living emulator, as far as there is room."""
    rooms = [one.member.me.room for one in world.living]
    room = len(DEVICES) if None in rooms else min(len(DEVICES), sum(r or 0 for r in rooms))
    owners = {device: world.owners(device) for device in DEVICES}
    assert all(len(names) <= 1 for names in owners.values()), owners
    assert sum(map(len, owners.values())) == room, owners
    for one in world.living:
        assert one.running == one.member.mine
        assert one.member.me.room is None or len(one.running) <= one.member.me.room
    for device, names in owners.items():
        if names:
            assert [world.owner(device)] == names


@given(chance=st.randoms(use_true_random=False), data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_happens_each_device_comes_to_one_living_emulator(
    chance: Chance, data: st.DataObject
) -> None:
    world = World(chance, DEVICES)
    rooms = st.none() | st.integers(0, 6)
    for name in data.draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True)):
        world.join(name, room=data.draw(rooms, label=f"room of {name}"))
        world.run(data.draw(st.sampled_from([0.0, 0.3, 4.0])))
    for _ in range(data.draw(st.integers(0, 5))):
        living = world.living
        what = data.draw(st.sampled_from(["kill", "join", "cut", "forget", "restart"]))
        if what == "kill" and len(living) > 1:
            world.kill(data.draw(st.sampled_from(living)))
        elif what == "join":
            names = set("abcd") - {one.name for one in living}
            if names:
                world.join(min(names), room=data.draw(rooms))
        elif what == "cut":
            world.cut(data.draw(st.sampled_from(living)), data.draw(st.sampled_from([0.1, 1.0, 5])))
        elif what in ("forget", "restart"):
            world.restart(data.draw(st.sampled_from([0.1, 2.0])), forgets=what == "forget")
        world.run(data.draw(st.sampled_from([0.0, 0.04, 0.6, 3.1, 10.0])))
    world.run(SETTLING + 12)
    settled(world)


def test_devices_of_a_killed_emulator_are_back_within_a_second() -> None:
    world = World(Dice(1), DEVICES)
    a, b = world.join("a"), world.join("b")
    world.run(SETTLING)
    settled(world)
    assert a.running
    assert b.running
    world.kill(a)
    world.run(1.0)
    settled(world)
    assert b.running == {*DEVICES}


def test_a_restarted_broker_that_forgot_moves_no_device() -> None:
    world = World(Dice(2), DEVICES)
    a, b = world.join("a"), world.join("b")
    world.run(SETTLING)
    before = {*a.running}, {*b.running}
    world.restart(1.0, forgets=True)
    world.run(SETTLING)
    assert ({*a.running}, {*b.running}) == before
    settled(world)


def test_an_emulator_lost_with_the_broker_is_missed() -> None:
    world = World(Dice(3), DEVICES)
    a, b = world.join("a"), world.join("b")
    world.run(SETTLING)
    world.restart(1.0, forgets=False)
    world.kill(a)
    world.run(SETTLING)
    assert b.running == {*DEVICES}


def test_what_comes_back_late_lets_go_what_another_has_taken() -> None:
    world = World(Dice(4), DEVICES)
    a = world.join("a")
    b = world.join("b", room=0)
    world.run(SETTLING)
    assert a.running == {*DEVICES}
    c = world.join("c")
    world.cut(a, 5.0)
    world.run(4.0)
    assert c.running == {*DEVICES}
    assert a.running == {*DEVICES}  # it goes on serving while nobody can tell it
    world.run(3.0)
    assert not a.running
    assert not b.running
    settled(world)


def test_a_device_that_does_not_start_goes_to_another() -> None:
    world = World(Dice(5), DEVICES)
    a = world.join("a", starts=lambda device: device != "d0")
    b = world.join("b")
    world.run(SETTLING + 20)
    settled(world)
    assert "d0" in b.running
    assert a.running


def member(room: int | None = None) -> Member:
    made = Member(Peer("1", "a", "1", room), ["x"], grace=1, absence=1, keepalive=10)
    made.connected(0.0)
    return made


@pytest.mark.parametrize("claim", [Claim(2, "0", "b"), Claim(1, "2", "b")])
def test_a_greater_claim_takes_a_device_away(claim: Claim) -> None:
    one = member()
    one.offered("x", 1, 0.0)
    one.owned("x", Claim(1, "1", "a"), 0.1)
    assert one.mine == {"x"}
    assert Stop("x") in one.owned("x", claim, 0.2)
    assert not one.mine


@pytest.mark.parametrize("claim", [Claim(0, "9", "b"), Claim(1, "0", "b")])
def test_a_lesser_claim_is_answered_with_its_own(claim: Claim) -> None:
    one = member()
    one.offered("x", 1, 0.0)
    one.owned("x", Claim(1, "1", "a"), 0.1)
    one.tick(1.0)
    assert one.owned("x", claim, 1.1) == [Own("x", Claim(1, "1", "a"))]
    assert one.mine == {"x"}


def test_who_is_not_the_oldest_offers_nothing() -> None:
    one = member()
    one.told(Peer("0", "b", "0", None), online=True, now=0.1)
    assert not [act for act in one.tick(5.0) if isinstance(act, Offer)]
    offers = [
        act for act in one.told(Peer("0", "b", "0"), online=False, now=6) if isinstance(act, Offer)
    ]
    assert offers == [Offer("x", 1, None)]


def test_a_fleet_without_a_device_lets_it_go() -> None:
    one = member()
    one.offered("x", 1, 0.0)
    one.owned("x", Claim(1, "1", "a"), 0.1)
    actions = one.fleet(["y"], 1.5)
    assert Stop("x") in actions
    assert Offer("y", 1, None) in actions
