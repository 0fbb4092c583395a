"""The state tables of IDE: each row met in a real stream."""

import pytest
from linking import end, key_up, keyed, secret

from emulator.errors import LinkError
from emulator.link import (
    PLACES,
    Direction,
    KeyEvent,
    KeySet,
    KeyState,
    Place,
    Stream,
    StreamEvent,
    StreamState,
    SubStream,
    memory_write,
)
from emulator.link.states import KEYS, STREAMS, VOIDING

RX = Place(KeySet.K0, Direction.RX, SubStream.PR)
TX = Place(KeySet.K0, Direction.TX, SubStream.PR)
E, P, U, V = KeyState.EMPTY, KeyState.PROGRAMMED, KeyState.IN_USE, KeyState.VOID
R = KeyState.RETIRING

# KEY_PROG, K_SET_GO, K_SET_STOP, relieved, superseded, invalidated, reset; None: refused
EXPECTED: dict[KeyState, tuple[KeyState | None, ...]] = {
    E: (P, None, None, E, E, E, E),
    P: (P, U, E, P, P, V, E),
    U: (None, U, E, R, V, V, E),
    R: (P, None, E, R, V, V, E),
    V: (P, None, E, V, V, V, E),
}


def test_the_table_of_keys() -> None:
    assert {
        state: tuple(KEYS[state].get(event) for event in KeyEvent) for state in KeyState
    } == EXPECTED


def in_state(state: KeyState, place: Place = RX) -> tuple[Stream, Place]:
    """A stream whose key of the returned place is in `state`."""
    stream = end("device").streams[0]
    if state is not E:
        stream.program(place, secret(place), 1)
    if state in {U, R, V}:
        stream.go(place)
    if state is R:
        stream.program(place.other_set, secret(place, of=2), 1)
        stream.go(place.other_set)
    if state is V:
        stream.event(StreamEvent.TAKEN_OVER)
    assert stream.key_state(place) is state
    return stream, place


@pytest.mark.parametrize("state", KeyState)
@pytest.mark.parametrize("event", [KeyEvent.KEY_PROG, KeyEvent.K_SET_GO, KeyEvent.K_SET_STOP])
def test_every_object_in_every_state_of_a_key(state: KeyState, event: KeyEvent) -> None:
    stream, place = in_state(state)

    def ask() -> None:
        if event is KeyEvent.KEY_PROG:
            stream.program(place, secret(place, of=1), 1)
        elif event is KeyEvent.K_SET_GO:
            stream.go(place)
        else:
            stream.stop(place)

    to = EXPECTED[state][list(KeyEvent).index(event)]
    assert stream.allows(place, event) == (to is not None)
    if to is None:
        with pytest.raises(LinkError, match=f"{event.value} where it is {state.name}"):
            ask()
        assert stream.key_state(place) is state
    else:
        ask()
        assert stream.key_state(place) is to
    others = {one: stream.key_state(one) for one in PLACES if one != place}
    assert others.pop(place.other_set) is (U if state is R else E)
    assert set(others.values()) == {E}


@pytest.mark.parametrize("state", KeyState)
@pytest.mark.parametrize("event", KeyEvent)
def test_every_event_in_every_state_of_a_key(state: KeyState, event: KeyEvent) -> None:
    stream, place = in_state(state)
    to = EXPECTED[state][list(KeyEvent).index(event)]
    if to is None:
        with pytest.raises(LinkError):
            stream._key_event(place, event)
    else:
        stream._key_event(place, event)
    now = stream.key_state(place)
    assert now is (to or state)
    if now in {E, V}:
        assert stream._keys[place].cipher is None


@pytest.mark.parametrize(
    ("place", "state"),
    [
        *((RX, state) for state in KeyState),
        *((TX, state) for state in KeyState if state is not R),  # what is sent switches at once
    ],
)
def test_the_other_set_goes_in_every_state(place: Place, state: KeyState) -> None:
    stream, place = in_state(state, place)
    other = place.other_set
    if stream.key_state(other) is U:
        stream.stop(other)
    stream.program(other, secret(other, of=3), 1)
    stream.go(other)
    event = KeyEvent.RELIEVED if place is RX else KeyEvent.SUPERSEDED
    assert stream.key_state(place) is EXPECTED[state][list(KeyEvent).index(event)]
    assert stream.key_state(other) is U


@pytest.mark.parametrize("state", KeyState)
@pytest.mark.parametrize("event", list(VOIDING))
def test_what_befalls_a_stream_befalls_its_keys(state: KeyState, event: StreamEvent) -> None:
    stream, place = in_state(state)
    if event in STREAMS[StreamState.INSECURE]:
        stream.event(event)
        to = EXPECTED[state][list(KeyEvent).index(VOIDING[event])]
        assert stream.key_state(place) is to


def test_the_table_of_streams() -> None:
    secure, insecure = StreamState.SECURE, StreamState.INSECURE
    falls = {
        StreamEvent.INCOMPLETE,
        StreamEvent.CHECK_FAILED,
        StreamEvent.EXHAUSTED,
        StreamEvent.TAKEN_OVER,
        StreamEvent.SESSION_OVER,
        StreamEvent.RESET,
    }
    assert {event for event, to in STREAMS[secure].items() if to is insecure} == falls
    assert set(STREAMS[secure]) == set(StreamEvent)
    assert {event for event, to in STREAMS[insecure].items() if to is secure} == {
        StreamEvent.COMPLETE
    }
    nothing_is_checked = {StreamEvent.CHECK_FAILED, StreamEvent.EXHAUSTED}
    assert set(StreamEvent) - set(STREAMS[insecure]) == nothing_is_checked


@pytest.mark.parametrize("event", StreamEvent)
@pytest.mark.parametrize("state", StreamState)
def test_every_event_in_every_state_of_a_stream(state: StreamState, event: StreamEvent) -> None:
    stream = keyed()[1].streams[0] if state is StreamState.SECURE else end("device").streams[0]
    told: list[StreamEvent] = []
    stream.changed.append(lambda _, why: told.append(why))
    to = STREAMS[state].get(event)
    if to is None:
        with pytest.raises(LinkError, match=f"{event.name} in {state.name}"):
            stream.event(event)
        return
    stream.event(event)
    assert stream.state is to
    assert told == ([event] if to is not state else [])
    assert stream.failed == (event is StreamEvent.CHECK_FAILED)


def test_a_stream_is_secure_with_its_last_key_and_no_earlier() -> None:
    stream = end("device").streams[0]
    places = [place for place in PLACES if place.key_set is KeySet.K1]
    statuses = []
    for place in places:
        stream.program(place, secret(place), 1)
        statuses.append(stream.status)
        stream.go(place)
        statuses.append(stream.status)
    assert statuses == [0] * 11 + [2]


def test_a_stream_is_secure_once_it_is_enabled() -> None:
    root, device = end("root port"), end("device", enabled=False)
    key_up(root, device)
    stream = device.streams[0]
    statuses = [stream.status]
    for on in (True, False, True):
        stream.enable(on=on)
        statuses.append(stream.status)
        assert stream.key_state(RX) is U
    assert statuses == [0, 2, 0, 2]


def test_stopping_one_key_is_enough() -> None:
    stream = keyed()[1].streams[0]
    stream.stop(RX)
    assert not stream.secure
    assert stream.status == 0


def test_a_stream_that_failed_must_be_disabled_once() -> None:
    root, device = keyed()
    stream = device.streams[0]
    stream.event(StreamEvent.CHECK_FAILED)
    assert stream.status == 0x8000_0000
    root.reset()
    key_up(root, device)
    assert root.streams[0].secure
    assert stream.status == 0x8000_0000
    stream.enable(on=False)
    stream.enable(on=True)
    assert stream.status == 0x8000_0002
    assert device.receive(root.send(memory_write(0, bytes(4)))[0]).tlp == memory_write(0, bytes(4))


def test_a_reset_forgets_all() -> None:
    _, device = keyed()
    stream = device.streams[0]
    stream.event(StreamEvent.CHECK_FAILED)
    device.reset()
    assert stream.status == 0
    assert not stream.keyed
    assert not stream.blocked
