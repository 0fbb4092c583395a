"""CXL IDE_KM: objects as the C header lays them out, and the specification's tables of errors."""

import pytest
from cxl import (
    CONTAINMENT,
    DEFAULT_IV,
    IV,
    KEY,
    OTHER_KEY,
    RX,
    TX,
    CxlHost,
    cxl_device,
    key_prog,
    of_key,
)
from secured import Wire, established

from emulator.device.cxl import CxlDirection, CxlIde, CxlPort
from emulator.spdm.session import Session

QUERY, GO, STOP, GET_KEY = b"\0\0\0", 4, 5, 7
DIRECTIONS = (RX, TX)


@pytest.fixture
def session() -> Session:
    return established(Wire()).held


@pytest.fixture(scope="module")
def stranger() -> Session:
    return established(Wire()).held


def hosted(session: Session | None, ide: CxlIde | None = None) -> CxlHost:
    return CxlHost(cxl_device(ide), session)


def queried(session: Session, ide: CxlIde | None = None) -> CxlHost:
    host = hosted(session, ide)
    assert host.ide(QUERY) is not None
    return host


def port(host: CxlHost, index: int = 0) -> CxlPort:
    assert host.device.cxl is not None
    return host.device.cxl.ide.ports[index]


def acknowledged(sub_stream: int, status: int = 0, *, at: int = 0, stream: int = 0) -> bytes:
    return of_key(3, sub_stream, port=at, stream=stream, status=status)


def programmed(host: CxlHost, sub_stream: int, key: bytes = KEY) -> None:
    assert host.ide(key_prog(sub_stream | DEFAULT_IV, key)) == acknowledged(sub_stream | DEFAULT_IV)


def running(host: CxlHost, *, mode: int = 0) -> None:
    """Both directions in use."""
    for sub_stream, key in zip(DIRECTIONS, (KEY, OTHER_KEY), strict=True):
        programmed(host, sub_stream, key)
        assert host.ide(of_key(GO, sub_stream | mode)) == of_key(6, sub_stream | mode)


def test_outside_of_a_session_nothing_answers() -> None:
    assert hosted(None).ide(QUERY) is None


@pytest.mark.parametrize("makes_key", [False, True])
@pytest.mark.parametrize("makes_iv", [False, True])
def test_query(session: Session, *, makes_iv: bool, makes_key: bool) -> None:
    ide = CxlIde(
        max_port=3,
        generates_iv=makes_iv,
        generates_key=makes_key,
        device_function=0x21,
        bus=0x42,
        segment=1,
    )
    host = hosted(session, ide)
    caps = 0x41 | makes_iv << 4 | makes_key << 5
    expected = bytes((1, 0, 2, 0x21, 0x42, 1, 3, caps)) + bytes.fromhex(
        "07000000 00000000 44000000" + "00000000" * 6
    )
    assert host.ide(b"\0\0\2") == expected
    assert host.ide(b"\0\0\4") is None


def test_the_status_register_tells_the_modes(session: Session) -> None:
    host = queried(session)
    running(host)
    answer = host.ide(QUERY)
    assert answer is not None
    assert answer[16:20] == bytes.fromhex("22000000")
    assert host.ide(of_key(STOP, RX)) == of_key(6, RX)
    assert port(host).registers()[2] == 0x24
    assert host.ide(of_key(STOP, TX)) == of_key(6, TX)
    running(host, mode=CONTAINMENT)
    assert port(host).registers()[2] == 0x11


@pytest.mark.parametrize("sub_stream", DIRECTIONS)
def test_a_key_waits_and_goes_and_stops(session: Session, sub_stream: int) -> None:
    host = queried(session)
    direction = CxlDirection(sub_stream >> 1 & 1)
    assert host.ide(of_key(GO, sub_stream)) is None
    assert host.ide(of_key(STOP, sub_stream)) is None
    programmed(host, sub_stream)
    assert (port(host).pending[direction].key, port(host).active) == (KEY, {})
    assert host.ide(of_key(STOP, sub_stream)) is None
    assert host.ide(of_key(GO, sub_stream)) == of_key(6, sub_stream)
    assert (port(host).pending, port(host).active[direction].key) == ({}, KEY)
    assert host.ide(of_key(GO, sub_stream)) is None
    assert host.ide(of_key(STOP, sub_stream)) == of_key(6, sub_stream)
    assert (port(host).pending, port(host).active) == ({}, {})


def test_keys_change_while_others_run(session: Session) -> None:
    host = queried(session)
    running(host)
    programmed(host, TX, KEY[::-1])
    assert host.ide(of_key(GO, TX | CONTAINMENT)) is None
    assert host.ide(of_key(GO, TX)) == of_key(6, TX)
    assert port(host).active[CxlDirection.TX].key == KEY[::-1]


@pytest.mark.parametrize(
    ("payload", "echo"),
    [
        (key_prog(RX)[:-1], (RX, 0, 0)),
        (key_prog(RX) + b"\0", (RX, 0, 0)),
        (of_key(2, RX), (RX, 0, 0)),
        (key_prog(RX | DEFAULT_IV, port=1), (RX | DEFAULT_IV, 1, 0)),
        (key_prog(RX | DEFAULT_IV, stream=1), (RX | DEFAULT_IV, 0, 1)),
        *(
            (key_prog(n << 4 | DEFAULT_IV), (n << 4 | DEFAULT_IV, 0, 0))
            for n in range(16)
            if n != 8
        ),
        (key_prog(RX, iv=IV), (RX, 0, 0)),  # an IV, and the port makes none
    ],
)
def test_a_key_that_is_not_taken(
    session: Session, payload: bytes, echo: tuple[int, int, int]
) -> None:
    host = queried(session)
    sub_stream, at, stream = echo
    assert host.ide(payload) == acknowledged(sub_stream, 1, at=at, stream=stream)
    assert port(host).pending == {}
    assert host.device.cxl is not None
    assert host.device.cxl.ide.owner is None


def test_no_key_before_a_query_in_this_session(session: Session, stranger: Session) -> None:
    host = hosted(session)
    assert host.ide(key_prog(RX | DEFAULT_IV)) == acknowledged(RX | DEFAULT_IV, 1)
    CxlHost(host.device, stranger).ide(QUERY)
    assert host.ide(key_prog(RX | DEFAULT_IV)) == acknowledged(RX | DEFAULT_IV, 1)
    host.ide(QUERY)
    programmed(host, RX)


def test_a_key_that_waits_is_not_overwritten(session: Session) -> None:
    host = queried(session)
    programmed(host, RX)
    assert host.ide(key_prog(RX | DEFAULT_IV, OTHER_KEY)) == acknowledged(RX | DEFAULT_IV, 1)
    assert host.ide(key_prog(TX | DEFAULT_IV, KEY)) == acknowledged(TX | DEFAULT_IV, 1)
    programmed(host, TX, OTHER_KEY)
    assert port(host).pending[CxlDirection.RX].key == KEY


def test_a_port_that_makes_nothing_has_no_answer_to_get_key(session: Session) -> None:
    assert queried(session).ide(of_key(GET_KEY, TX)) is None


def test_a_port_sends_with_the_key_it_made(session: Session) -> None:
    host = queried(session, CxlIde(generates_key=True))
    assert host.ide(key_prog(TX | DEFAULT_IV)) == acknowledged(TX | DEFAULT_IV, 1)
    answer = host.ide(of_key(GET_KEY, TX))
    assert answer is not None
    assert (answer[:7], answer[39:]) == (of_key(8, TX), bytes(12))
    made = answer[7:39]
    again = host.ide(of_key(GET_KEY, TX))
    assert again is not None
    assert again[7:39] != made
    assert host.ide(key_prog(TX | DEFAULT_IV, made)) == acknowledged(TX | DEFAULT_IV, 1)
    programmed(host, RX, made)
    programmed(host, TX, again[7:39])


@pytest.mark.parametrize("drawn", [False, True])
def test_a_port_sends_with_the_iv_it_made(session: Session, *, drawn: bool) -> None:
    host = queried(session, CxlIde(generates_iv=True, drawn_iv=drawn))
    assert host.ide(key_prog(TX, iv=IV)) == acknowledged(TX, 1)
    answer = host.ide(of_key(GET_KEY, TX))
    assert answer is not None
    made = answer[39:]
    assert (answer[7:39], made == IV) == (bytes(32), not drawn)
    assert host.ide(key_prog(TX, iv=made[::-1])) == acknowledged(TX, 1)
    assert host.ide(key_prog(RX, OTHER_KEY, made[::-1])) == acknowledged(RX)
    assert host.ide(key_prog(TX, iv=made)) == acknowledged(TX)
    assert port(host).pending[CxlDirection.TX].iv == made


@pytest.mark.parametrize("kind", [GO, STOP, GET_KEY])
@pytest.mark.parametrize(
    ("sub_stream", "at", "stream"), [(RX, 1, 0), (RX, 0, 1), (0x72, 0, 0), (0x02, 0, 0)]
)
def test_what_names_no_key_gets_no_response(
    session: Session, kind: int, sub_stream: int, at: int, stream: int
) -> None:
    host = queried(session, CxlIde(generates_iv=True))
    running(host)
    assert host.ide(of_key(kind, sub_stream, port=at, stream=stream)) is None


@pytest.mark.parametrize("kind", [1, 3, 6, 8, 9, 0xFF])
def test_an_object_that_asks_nothing(session: Session, kind: int) -> None:
    assert queried(session).ide(of_key(kind, RX)) is None


def test_a_wrong_length_gets_no_response(session: Session) -> None:
    host = queried(session, CxlIde(generates_iv=True))
    programmed(host, RX)
    for payload in (b"", QUERY[:2], QUERY + b"\0", key_prog(RX)[:6]):
        assert host.ide(payload) is None
    for kind in (GO, STOP, GET_KEY):
        for wrong in (of_key(kind, RX)[:-1], of_key(kind, RX) + b"\0"):
            assert host.ide(wrong) is None


def test_a_port_that_knows_no_stop(session: Session) -> None:
    host = queried(session, CxlIde(stops=False))
    running(host)
    assert host.ide(of_key(STOP, RX)) is None
    answer = host.ide(QUERY)
    assert answer is not None
    assert answer[7] == 1


def test_keys_belong_to_the_session_that_programmed_them(
    session: Session, stranger: Session
) -> None:
    host = queried(session)
    other = CxlHost(host.device, stranger)
    assert other.ide(QUERY) is not None
    host.ide(QUERY)
    programmed(host, RX)
    for payload in (QUERY, key_prog(TX | DEFAULT_IV), of_key(GO, RX), of_key(GET_KEY, RX)):
        assert other.ide(payload) is None
    session.end()
    assert other.ide(of_key(GO, RX)) is None
    assert other.ide(QUERY) is not None
    programmed(other, RX)


def test_a_reset_takes_the_keys_away(session: Session) -> None:
    host = queried(session)
    running(host)
    host.device.reset()
    assert host.device.cxl is not None
    assert host.device.cxl.ide.ports == {}
