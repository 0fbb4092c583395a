"""IDE_KM as a strict validator checks it.

The cases are those of tee-io-validator's `doc/ide_test/IdeKmTestCase`, named in the order there.
"""

import struct

import pytest
from devices import error, negotiated, vendor_request
from keying import (
    BUS,
    DEVFN,
    K0,
    K1,
    KEYS,
    PORTS,
    SEGMENT,
    STREAM,
    Keying,
    acknowledged,
    gone,
    ide,
    keying,
    sessions,
)
from secured import Wire, able_device, established, plain

from emulator.device.ide import OnRefusal, OnSessionEnd
from emulator.endpoint import Ignored
from emulator.link import KeyState, Place, read_blocks

every_port = pytest.mark.parametrize("port", range(PORTS))
INVALID_REQUEST, UNEXPECTED_REQUEST, SESSION_REQUIRED = 0x01, 0x04, 0x0B


def state(asked: Keying, key: int, *, port: int = 0) -> KeyState:
    place, stream = Place.of(key), asked.ide.ports[port].stream(STREAM)
    assert place is not None
    assert stream is not None
    return stream.key_state(place)


def status(asked: Keying, *, port: int = 0) -> int:
    """The selective stream's status register, as QUERY_RESP has it."""
    reply = asked.ask(bytes((0, 0, port)))
    assert reply is not None
    (value,) = struct.unpack_from("<I", reply, 7 + 4 * 6)
    return int(value)


# 1.1 and 1.2: QUERY


@every_port
def test_query_tells_the_port_and_its_function(port: int) -> None:
    asked = keying()
    reply = asked.ask(bytes((0, 0, port)))
    assert reply is not None
    assert reply[:7] == bytes((1, 0, port, DEVFN, BUS, SEGMENT, PORTS - 1))
    registers = struct.unpack(f"<{(len(reply) - 7) // 4}I", reply[7:])
    assert registers == asked.ide.ports[port].registers()
    link, selective = read_blocks(registers)
    assert (link.selective, link.control) == (False, 0x40000000)
    assert (selective.selective, selective.control, selective.status) == (True, 0x00400001, 0)
    assert selective.rid is not None
    assert len(selective.addresses) == 1


@pytest.mark.parametrize("port", [PORTS, 0x7F, 0xFF])
def test_query_of_a_port_there_is_not(port: int) -> None:
    assert keying().ask(bytes((0, 0, port))) is None


@pytest.mark.parametrize("payload", [b"\0", b"\0\0", b"\0\0\0\0"])
def test_query_of_another_length(payload: bytes) -> None:
    assert keying().ask(payload) is None


# 2.1: KEY_PROG


@every_port
def test_key_prog_of_every_key(port: int) -> None:
    asked = keying()
    for key in KEYS:
        assert asked.key_prog(key, port=port) == acknowledged(0, key, port=port)
        assert state(asked, key, port=port) is KeyState.PROGRAMMED
    for other in set(range(PORTS)) - {port}:
        assert {state(asked, key, port=other) for key in KEYS} == {KeyState.EMPTY}


def test_key_prog_once_more() -> None:
    asked = keying()
    for _ in range(2):
        assert asked.key_prog(0x10) == acknowledged(0, 0x10)


def test_the_key_is_taken_in_wire_order() -> None:
    """tee-io-validator `doc/key_byte_order.md`: the key, and KEY_PROG's DWORDs for it."""
    asked = keying()
    key = bytes.fromhex("df254152056e02e0ef8b7feb9739d4d96a4eb80103241df7cd5e24b49ccd2720")
    wire = bytes.fromhex(
        "524125df e0026e05 eb7f8bef d9d43997 01b84e6a f71d2403 b4245ecd 2027cd9c00000000 01000000"
    )
    assert asked.ask(bytes((2, 0, 0, STREAM, 0, 0x00, 0)) + wire) == acknowledged(0, 0x00)
    stream = asked.ide.ports[0].selective[0]
    place = Place.of(0x00)
    assert place is not None
    held = stream._keys[place]
    assert held.cipher is not None
    assert held.cipher._key.key == key
    assert held.invocation == 1


# 2.2: its length


@every_port
@pytest.mark.parametrize("size", [0, 1, 4, 8, 36, 39, 41, 44, 64])
def test_key_prog_of_another_length(port: int, size: int) -> None:
    asked = keying()
    for key in KEYS:
        assert asked.key_prog(key, port=port, size=size) == acknowledged(1, key, port=port)
        assert state(asked, key, port=port) is KeyState.EMPTY


@pytest.mark.parametrize("size", range(1, 7))
def test_key_prog_too_short_to_be_acknowledged(size: int) -> None:
    assert keying().ask(b"\2\0\0\0\0\0\0"[:size]) is None


# 2.3: its port


@pytest.mark.parametrize("port", [PORTS, PORTS + 1, 0x80, 0xFF])
def test_key_prog_for_a_port_there_is_not(port: int) -> None:
    asked = keying()
    for key in KEYS:
        assert asked.key_prog(key, port=port) == acknowledged(2, key, port=port)


# 2.4 to 2.6: its other values


@every_port
def test_key_prog_for_a_sub_stream_there_is_not(port: int) -> None:
    asked = keying()
    for sub_stream in range(3, 16):
        for low in range(4):
            key = sub_stream << 4 | low
            assert asked.key_prog(key, port=port) == acknowledged(3, key, port=port)


@pytest.mark.parametrize("bit", [0x04, 0x08])
def test_key_prog_with_reserved_bits(bit: int) -> None:
    asked = keying()
    for key in KEYS:
        assert asked.key_prog(key | bit) == acknowledged(3, key | bit)


@every_port
@pytest.mark.parametrize("ifv", [0, 2, 3, 0xFF, 1 << 32, 1 << 32 | 1, 1 << 56])
def test_key_prog_with_another_ifv(port: int, ifv: int) -> None:
    asked = keying()
    for key in KEYS:
        assert asked.key_prog(key, port=port, ifv=ifv) == acknowledged(3, key, port=port)
        assert state(asked, key, port=port) is KeyState.EMPTY


@every_port
@pytest.mark.parametrize("stream", [1, 0x3F, 0xFF])
def test_key_prog_for_a_stream_there_is_not(port: int, stream: int) -> None:
    asked = keying()
    for key in KEYS:
        reply = asked.key_prog(key, port=port, stream=stream)
        assert reply == acknowledged(3, key, port=port, stream=stream)


def test_a_link_stream_is_a_stream() -> None:
    asked = keying()
    assert asked.key_prog(0, stream=0x40) == acknowledged(0, 0, stream=0x40)


def test_the_first_thing_that_is_wrong_counts() -> None:
    asked = keying()
    assert asked.key_prog(0x30, port=99, ifv=7, size=4) == acknowledged(1, 0x30, port=99)
    assert asked.key_prog(0x30, port=99, ifv=7) == acknowledged(2, 0x30, port=99)


def test_key_prog_for_a_key_in_use() -> None:
    asked = keying()
    asked.bring_up()
    for key in K0:
        assert asked.key_prog(key) == acknowledged(4, key)
        assert state(asked, key) is KeyState.IN_USE
    assert status(asked) == 2


# 3.1 to 3.4: K_SET_GO


@every_port
@pytest.mark.parametrize("keys", [K0, K1], ids=["K0", "K1"])
def test_go_with_either_key_set(port: int, keys: tuple[int, ...]) -> None:
    asked = keying()
    for key in keys:
        asked.key_prog(key, port=port)
    for key in keys:
        assert status(asked, port=port) == 0
        assert asked.go(key, port=port) == gone(key, port=port)
    assert status(asked, port=port) == 2
    for other in set(range(PORTS)) - {port}:
        assert status(asked, port=other) == 0


@every_port
@pytest.mark.parametrize(("first", "second"), [(K0, K1), (K1, K0)], ids=["0 to 1", "1 to 0"])
def test_switching_key_sets(port: int, first: tuple[int, ...], second: tuple[int, ...]) -> None:
    asked = keying()
    for key in KEYS:
        asked.key_prog(key, port=port)
    for key in (*first, *second):
        assert asked.go(key, port=port) == gone(key, port=port)
    assert status(asked, port=port) == 2


def test_a_set_is_programmed_while_the_other_runs() -> None:
    asked = keying()
    asked.bring_up(K0)
    for key in K1:
        assert asked.key_prog(key) == acknowledged(0, key)
        assert status(asked) == 2
        assert asked.go(key) == gone(key)
        assert status(asked) == 2


def test_go_needs_the_one_key_it_names() -> None:
    asked = keying()
    asked.key_prog(0x10)
    for key in set(KEYS) - {0x10}:
        assert asked.go(key) is None
    assert asked.go(0x10) == gone(0x10)
    assert asked.go(0x10) == gone(0x10)


def test_go_after_every_single_key() -> None:
    """As DMTF's requester does: receive first, then transmit."""
    asked = keying()
    asked.bring_up(tuple(sorted(K0, key=lambda key: (key & 2, key))), port=1)
    assert status(asked, port=1) == 2
    for key in K0:
        assert asked.stop(key, port=1) == gone(key, port=1)
    assert status(asked, port=1) == 0


# 4.1 to 4.4: K_SET_STOP


@every_port
@pytest.mark.parametrize("keys", [K0, K1], ids=["K0", "K1"])
def test_stop_of_either_key_set(port: int, keys: tuple[int, ...]) -> None:
    asked = keying()
    asked.bring_up(keys, port=port)
    for key in keys:
        assert asked.stop(key, port=port) == gone(key, port=port)
        assert state(asked, key, port=port) is KeyState.EMPTY
        assert status(asked, port=port) == 0


@pytest.mark.parametrize(("first", "second"), [(K0, K1), (K1, K0)], ids=["0 to 1", "1 to 0"])
def test_stop_after_a_switch(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    asked = keying()
    for key in KEYS:
        asked.key_prog(key)
    for key in (*first, *second):
        asked.go(key)
    for key in first:
        assert asked.stop(key) == gone(key)
    assert status(asked) == 2
    for key in second:
        assert asked.stop(key) == gone(key)
    assert status(asked) == 0


def test_stop_of_a_key_there_is_not() -> None:
    asked = keying()
    for key in KEYS:
        assert asked.stop(key) is None


@pytest.mark.parametrize("code", [4, 5])
@pytest.mark.parametrize(
    "payload",
    [
        struct.pack("<2xBxBB", STREAM, 0x00, PORTS),
        struct.pack("<2xBxBB", 1, 0x00, 0),
        struct.pack("<2xBxBB", STREAM, 0x30, 0),
        struct.pack("<2xBxBB", STREAM, 0x04, 0),
        struct.pack("<2xBxB", STREAM, 0x00),
        struct.pack("<2xBxBBx", STREAM, 0x00, 0),
        b"",
    ],
    ids=["port", "stream", "sub-stream", "reserved", "short", "long", "empty"],
)
def test_go_and_stop_that_are_refused_change_nothing(code: int, payload: bytes) -> None:
    asked = keying()
    asked.bring_up()
    assert asked.ask(bytes((code,)) + payload) is None
    assert status(asked) == 2


# 5.1 and 5.2: sessions


def test_streams_belong_to_the_session_that_programmed_first() -> None:
    both = sessions()
    first, second = next(both), next(both)
    assert second.ask(b"\0\0\0") is not None
    first.bring_up()
    for payload in (b"\0\0\0", b"\0\0\7", b"\2" + bytes(46), b"\4" + bytes(6), b"\5" + bytes(6)):
        assert second.ask(payload) is None
    assert second.key_prog(0x00, port=PORTS) is None
    assert status(first) == 2


def test_another_session_has_the_streams_once_the_first_is_over() -> None:
    both = sessions()
    first, second = next(both), next(both)
    first.key_prog(0x00)
    first.session.good(plain(0x13, 0xEC))
    reply = second.ask(b"\0\0\0")
    assert reply is not None
    assert reply[:7] == bytes((1, 0, 0, DEVFN, BUS, SEGMENT, PORTS - 1))
    for key in KEYS:
        assert second.key_prog(key) == acknowledged(0, key)


def test_another_session_has_the_streams_once_all_keys_are_stopped() -> None:
    both = sessions()
    first, second = next(both), next(both)
    first.bring_up()
    for key in K0:
        first.stop(key)
    second.bring_up()
    assert first.ask(b"\0\0\0") is None


def test_streams_outlast_their_session_until_another_one_asks() -> None:
    both = sessions()
    first, second = next(both), next(both)
    first.bring_up()
    stream = first.ide.ports[0].selective[0]
    first.session.good(plain(0x13, 0xEC))
    assert second.go(0x00) is None
    assert second.stop(0x00) is None
    assert stream.status == 2
    assert status(second) == 0
    assert stream.status == 0
    assert {state(second, key) for key in K0} == {KeyState.VOID}
    second.bring_up()
    assert status(second) == 2


def test_key_prog_in_another_session_takes_the_keys_away_first() -> None:
    both = sessions()
    first, second = next(both), next(both)
    first.bring_up()
    first.session.good(plain(0x13, 0xEC))
    assert second.key_prog(0x00) == acknowledged(0, 0x00)
    assert state(second, 0x00) is KeyState.PROGRAMMED
    assert {state(second, key) for key in K0[1:]} == {KeyState.VOID}


def test_streams_that_end_with_their_session() -> None:
    both = sessions(ide(on_session_end=OnSessionEnd.INSECURE))
    first, second = next(both), next(both)
    first.bring_up()
    stream = first.ide.ports[0].selective[0]
    first.session.good(plain(0x13, 0xEC))
    assert stream.status == 0
    second.bring_up()
    assert stream.status == 2


def test_a_reset_takes_everything() -> None:
    asked = keying()
    asked.bring_up()
    held = asked.ide
    asked.session.wire.device.reset()
    assert not held.ports[0].selective[0].keyed
    assert held.owner is None
    assert not held.orphaned


# Where it comes, and what is refused


def test_outside_of_a_session_there_is_no_response() -> None:
    device = able_device()
    device.ide = ide()
    assert negotiated(device).exchange(vendor_request(payload=b"\0\0\0\0")).data is None


@pytest.mark.parametrize("code", [1, 3, 6, 7, 0x80, 0xFF])
def test_what_asks_for_nothing_is_not_answered(code: int) -> None:
    assert keying().ask(bytes((code,)) + bytes(6)) is None


def test_a_device_without_ide_does_not_speak_it() -> None:
    session = established(Wire(able_device()))
    assert session.ask(vendor_request(payload=b"\0\0\0\0")) == error(0x13, 0x07, 0xFE)


def test_a_device_that_answers_what_it_refuses_with_an_error() -> None:
    both = sessions(ide(on_refusal=OnRefusal.ERROR))
    first, second = next(both), next(both)
    assert first.go(0x00) == error(0x13, UNEXPECTED_REQUEST)
    assert first.ask(b"") == error(0x13, INVALID_REQUEST)
    assert first.ask(b"\0\0\x08") == error(0x13, INVALID_REQUEST)
    first.key_prog(0x00)
    assert second.ask(b"\0\0\0") == error(0x13, UNEXPECTED_REQUEST)
    device = first.session.wire.device
    outside = negotiated(device).ask(vendor_request(payload=b"\0\0\0\0"))
    assert outside == error(0x13, SESSION_REQUIRED)


def test_why_there_is_no_response_is_told() -> None:
    asked = keying()
    asked.go(0x21)
    last = asked.session.wire.events[-1]
    assert isinstance(last, Ignored)
    assert last.reason == (
        "no response: K_SET_GO for K1 RX CPL of stream 0: nothing was programmed, or it was stopped"
    )
