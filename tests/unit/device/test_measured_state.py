"""Measurements of what a device is doing: its streams and interfaces, as they come and go."""

import struct

import pytest
from devices import MEASURED
from keying import K0, K1, Keying, ide
from secured import Wire, able_device, established
from tdisp import FUNCTION, interface, linked_device

from emulator.device import Device, Measurement, Measurements
from emulator.device.changes import Change, MeasurementChange
from emulator.device.ide import OnSessionEnd
from emulator.device.measured_state import (
    StateOf,
    at_rest,
    interface_entry,
    read_state,
    state_json,
    state_text,
    tdisp_value,
)
from emulator.device.tdi import Cause, Lock, LockFlags
from emulator.link import StreamEvent
from emulator.spdm.messages.measured import KINDS

LINK, INTERFACES = 0x10, 0x11
HARDWARE = KINDS["hardware-configuration"]
SHOWN = (
    *MEASURED,
    Measurement(LINK, HARDWARE, at_rest(StateOf.IDE), state=StateOf.IDE),
    Measurement(INTERFACES, HARDWARE, at_rest(StateOf.TDISP), state=StateOf.TDISP),
)


def showing(made: Device) -> Device:
    """The device, which also measures what it is doing."""
    made.measurements = Measurements(SHOWN)
    made._watch_own()
    return made


def keyed() -> Keying:
    """A session with a device that has IDE and shows it."""
    made = able_device()
    made.ide = ide()
    return Keying(established(Wire(showing(made))))


def value(made: Device, index: int = LINK) -> bytes:
    [found] = [one.value for one in made.measurements if one.index == index]
    return found


def streams(*entries: tuple[int, int, int, int]) -> bytes:
    """The raw value, byte by byte."""
    head = b"IDE1" + struct.pack("<HH", len(entries), 0)
    return head + b"".join(struct.pack("<BBBB", *one) for one in entries)


def test_a_device_at_rest() -> None:
    made = showing(linked_device())
    assert value(made) == at_rest(StateOf.IDE) == streams()
    assert value(made, INTERFACES) == at_rest(StateOf.TDISP) == b"TDI1" + bytes(4)


def test_streams_that_are_up() -> None:
    keying = keyed()
    made = keying.session.wire.device
    keying.bring_up(K0[:-1], port=5)
    assert value(made) == streams()
    keying.bring_up(K0[-1:], port=5)
    assert value(made) == streams((5, 0, 2, 0x11))
    keying.bring_up(K1, port=2)
    assert value(made) == streams((2, 0, 2, 0x12), (5, 0, 2, 0x11))
    for key in K1:
        keying.key_prog(key, port=5)
    keying.go(K1[0], port=5)
    assert value(made) == streams((2, 0, 2, 0x12), (5, 0, 2, 0x13))
    for key in K1[1:]:
        keying.go(key, port=5)
    assert value(made) == streams((2, 0, 2, 0x12), (5, 0, 2, 0x12))
    keying.stop(K1[3], port=2)
    assert value(made) == streams((5, 0, 2, 0x12))


def test_no_key_is_in_it() -> None:
    values = []
    for secret in (b"\x11", b"\x22"):
        keying = keyed()
        for key in K0:
            keying.ask(
                struct.pack("<B2xBxBB", 2, 0, key, 0) + secret * 32 + struct.pack("<II", 0, 1)
            )
            keying.go(key)
        values.append(value(keying.session.wire.device))
    assert values == [streams((0, 0, 2, 0x11))] * 2


@pytest.mark.parametrize(
    ("event", "flags"),
    [(StreamEvent.CHECK_FAILED, 0x90), (StreamEvent.EXHAUSTED, None), (StreamEvent.RESET, None)],
)
def test_a_stream_that_falls(event: StreamEvent, flags: int | None) -> None:
    keying = keyed()
    keying.bring_up()
    made = keying.session.wire.device
    keying.ide.ports[0].selective[0].event(event)
    assert value(made) == (streams() if flags is None else streams((0, 0, 0, flags)))


def test_the_registers_show_as_well() -> None:
    keying = keyed()
    keying.bring_up()
    made, port = keying.session.wire.device, keying.ide.ports[0]
    control, status = 5, 6
    assert port.registers()[status] == 2
    port.write(control, port.registers()[control] & ~1)
    assert value(made) == streams()
    port.write(control, port.registers()[control] | 1)
    assert value(made) == streams((0, 0, 2, 0x11))
    port.selective[0].event(StreamEvent.CHECK_FAILED)
    port.write(status, 0)
    assert value(made) == streams((0, 0, 0, 0x90))
    port.write(status, 1 << 31)
    assert value(made) == streams()


@pytest.mark.parametrize("end", OnSessionEnd)
def test_a_session_ends(end: OnSessionEnd) -> None:
    keying = keyed()
    keying.ide.on_session_end = end
    keying.bring_up()
    made = keying.session.wire.device
    made.sessions.end_all()
    up = streams((0, 0, 2, 0x11))
    assert value(made) == (up if end is OnSessionEnd.KEEP else streams())


def test_a_change_is_a_generation_and_is_told_and_logged() -> None:
    keying = keyed()
    made = keying.session.wire.device
    told: list[Change] = []
    made.watchers.append(told.append)
    before = made.measurements.generation
    empty = made.measurements.log.encoded("SHA_384", fresh=True)
    keying.bring_up()
    assert [one for one in told if isinstance(one, MeasurementChange)] == [
        MeasurementChange(LINK, of_state=True)
    ]
    assert made.measurements.generation == made.measurements.changed == before + 1
    log = made.measurements.log.encoded("SHA_384", fresh=True)
    [[_, block]] = [
        (one, one.told("SHA_384", raw=False)[1]) for one in made.measurements if one.index == LINK
    ]
    assert log.endswith(block)
    assert log[16 : len(empty)] == empty[16:]
    keying.session.wire.device.sessions.end_all()  # `keep`: nothing has changed
    assert made.measurements.generation == before + 1


def test_sessions_outlive_it() -> None:
    keying = keyed()
    keying.bring_up()
    assert keying.session.wire.device.sessions.live


def test_certificates_do_not_stand_for_it() -> None:
    keying = keyed()
    made = keying.session.wire.device
    keying.bring_up()
    assert (made.measurements.generation, made.measurements.certified) == (1, 0)
    made.change_measurement(1, b"other")
    assert (made.measurements.generation, made.measurements.certified) == (2, 2)
    made.reset()
    assert made.measurements.certified == made.measurements.generation == 4  # the stream, the rest


def test_a_reset_measures_anew() -> None:
    keying = keyed()
    keying.bring_up()
    made = keying.session.wire.device
    made.reset()
    assert value(made) == streams()
    [held] = [one for one in made.measurements.reported(fresh=False) if one.index == LINK]
    assert held.value == streams()


def test_interfaces() -> None:
    made = showing(linked_device())
    assert made.tdi is not None
    one = made.tdi.by_function[FUNCTION]
    flags = LockFlags.LOCK_MSIX | LockFlags.BIND_P2P
    one.take_lock(Lock(flags, 3, 0, 0, None), bytes(32))
    locked = b"TDI1" + struct.pack("<HHIBBH", 1, 0, FUNCTION, 1, 3, 0x0C)
    assert value(made, INTERFACES) == locked
    one.start()
    assert value(made, INTERFACES) == locked[:12] + b"\x02" + locked[13:]
    one.fail(Cause.REGISTER_WRITE)
    assert value(made, INTERFACES) == locked[:12] + b"\x03" + locked[13:]
    made.reset()
    assert value(made, INTERFACES) == locked[:12] + b"\x03" + locked[13:]
    one.stop()
    assert value(made, INTERFACES) == at_rest(StateOf.TDISP)
    assert value(made) == streams()


def test_an_interface_that_needs_no_stream() -> None:
    one = interface()
    one.take_lock(Lock(LockFlags(0), None, 0, 0, None), bytes(32))
    state = read_state(tdisp_value([interface_entry(one)]))
    assert state is not None
    assert state_text(state) == "TDISP: function 0xbeef CONFIG_LOCKED"
    assert state_json(state)["interfaces"][0]["stream"] is None


def test_what_a_value_says() -> None:
    state = read_state(streams((0, 0, 2, 0x11), (3, 0x40, 0, 0x80), (4, 1, 7, 3)))
    assert state is not None
    assert state_text(state) == (
        "IDE: port 0 stream 0 Secure, under K0; port 3 stream 64 Insecure, IDE check failed;"
        " port 4 stream 1 in state 7, under K0 and K1"
    )
    assert state_json(state)["streams"][1] == {
        "port": 3,
        "stream": 64,
        "state": 0,
        "flags": ["CHECK_FAILED"],
    }
    rest = read_state(at_rest(StateOf.TDISP))
    assert rest is not None
    assert state_text(rest) == "TDISP: nothing is up"


@pytest.mark.parametrize(
    "other",
    [b"", b"IDE", b"IDE1", b"IDE2" + bytes(4), streams((0, 0, 2, 1))[:-1], streams() + b"x"],
)
def test_what_is_none(other: bytes) -> None:
    assert read_state(other) is None
