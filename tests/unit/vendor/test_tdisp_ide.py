"""Interfaces and the device's real IDE streams, over records of a session."""

import pytest
from devices import vendor_request
from keying import K0, K1, Keying, ide
from secured import Wire, established, plain
from tdisp import (
    ERROR,
    FUNCTION,
    LOCK,
    LOCKED,
    RUN,
    START,
    STOP,
    STREAM,
    UNLOCKED,
    error,
    linked_device,
    lock_payload,
    request,
)

from emulator.device import Device
from emulator.device.ide import Ide, OnSessionEnd
from emulator.device.tdi import Cause, Interface
from emulator.link import Direction, KeySet, Place, StreamEvent, SubStream

GET_STATE = 0x85


def joined(held: Ide | None = None) -> Keying:
    """A session with a device whose interface needs its IDE."""
    return Keying(established(Wire(linked_device(held))))


def of(asked: Keying) -> Interface:
    tdi = asked.session.wire.device.tdi
    assert tdi is not None
    return tdi.by_function[FUNCTION]


def tdisp(asked: Keying, code: int, payload: bytes = b"") -> bytes:
    """The answer of TDISP, in a record."""
    reply = asked.session.ask(vendor_request(payload=b"\1" + request(code, payload)))
    assert reply[1] == 0x7E, reply.hex()
    assert reply[11:12] == b"\1"
    return reply[12:]


def locked(asked: Keying) -> bytes:
    answer = tdisp(asked, LOCK, lock_payload())
    assert answer[1] == LOCK & 0x7F, answer.hex()
    return answer[16:]


def running(asked: Keying) -> None:
    assert tdisp(asked, START, locked(asked))[1] == START & 0x7F


def state(asked: Keying) -> int:
    return tdisp(asked, GET_STATE)[16]


def test_from_keys_to_run_and_back() -> None:
    asked = joined()
    asked.bring_up()
    assert state(asked) == UNLOCKED
    running(asked)
    assert state(asked) == RUN
    assert tdisp(asked, STOP)[1] == STOP & 0x7F
    for key in K0:
        asked.stop(key)
    assert state(asked) == UNLOCKED


@pytest.mark.parametrize("count", range(len(K0)))
def test_a_lock_needs_every_key(count: int) -> None:
    asked = joined()
    asked.bring_up(K0[:count])
    assert tdisp(asked, LOCK, lock_payload()) == error(0x01)
    asked.bring_up(K0[count:])
    locked(asked)
    assert state(asked) == LOCKED


def test_a_lock_needs_a_stream_that_is_enabled() -> None:
    held = ide()
    for stream in held.streams():
        stream.enable(on=False)
    asked = joined(held)
    asked.bring_up()
    assert tdisp(asked, LOCK, lock_payload()) == error(0x01)


@pytest.mark.parametrize("key", K0)
def test_a_key_that_is_stopped_makes_an_error(key: int) -> None:
    asked = joined()
    asked.bring_up()
    running(asked)
    asked.stop(key)
    assert state(asked) == ERROR
    assert of(asked).cause is Cause.STREAM_LOST


def test_changing_the_key_set_is_no_loss() -> None:
    asked = joined()
    asked.bring_up()
    running(asked)
    asked.bring_up(K1)
    assert state(asked) == RUN


def test_a_failed_check_makes_an_error() -> None:
    asked = joined()
    asked.bring_up()
    running(asked)
    stream = asked.ide.ports[0].stream(STREAM)
    assert stream is not None
    stream.event(StreamEvent.CHECK_FAILED)
    assert state(asked) == ERROR


def test_a_stream_of_two_ports_is_lost_with_the_last() -> None:
    asked = joined()
    asked.bring_up(port=0)
    asked.bring_up(port=1)
    running(asked)
    place = Place(KeySet.K0, Direction.RX, SubStream.PR).byte
    asked.stop(place, port=0)
    assert state(asked) == RUN
    asked.stop(place, port=1)
    assert state(asked) == ERROR


@pytest.mark.parametrize("policy", list(OnSessionEnd))
def test_what_the_end_of_the_session_means(policy: OnSessionEnd) -> None:
    asked = joined(ide(on_session_end=policy))
    asked.bring_up()
    running(asked)
    asked.session.good(plain(0x13, 0xEC))
    kept = policy is OnSessionEnd.KEEP
    assert of(asked).state == (RUN if kept else ERROR)
    assert of(asked).cause == (None if kept else Cause.STREAM_LOST)


def test_a_reset_is_told_as_the_cause() -> None:
    asked = joined()
    asked.bring_up()
    running(asked)
    device: Device = asked.session.wire.device
    device.reset()
    assert (of(asked).state, of(asked).cause) == (ERROR, Cause.RESET)


def test_outside_of_a_session_there_is_no_response() -> None:
    wire = joined().session.wire
    assert wire.send(wire._binding.wrap(vendor_request(payload=b"\1" + request(GET_STATE)))) == b""
