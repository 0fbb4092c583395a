"""What each request of TDISP is held against, and every error there is."""

import struct
from dataclasses import replace

import pytest
from secured import Wire, established
from tdisp import (
    BIND,
    FUNCTION,
    GET_CAPABILITIES,
    GET_REPORT,
    GET_STATE,
    GET_VERSION,
    LOCK,
    LOCKED,
    OTHER,
    P2P,
    RANGES,
    REQUESTS,
    RUN,
    SET_ATTRIBUTE,
    START,
    STOP,
    STREAM,
    UNBIND,
    UNLOCKED,
    VDM,
    VENDOR,
    Host,
    Keys,
    error,
    interface,
    lock_payload,
    range_payload,
    request,
    tdi_device,
)

from emulator.device.tdi import Interface, LockFlags, Refusal, Request
from emulator.spdm.session import Session

OFFSET = 0xD000_0000
INVALID, UNSUPPORTED = error(0x01), 0x07


@pytest.fixture(scope="module")
def session() -> Session:
    return established(Wire()).held


@pytest.fixture(scope="module")
def stranger() -> Session:
    return established(Wire()).held


def hosted(session: Session, *interfaces: Interface, keys: Keys | None = None) -> Host:
    both = Keys({STREAM: session, P2P: session})
    return Host(tdi_device(*interfaces, keys=keys or both), session)


@pytest.fixture
def host(session: Session) -> Host:
    return hosted(session)


def held(host: Host) -> Interface:
    assert host.device.tdi is not None
    return host.device.tdi.by_function[FUNCTION]


def whole_report(host: Host) -> bytes:
    said = host.good(GET_REPORT, b"\0\0\xff\xff")
    length, left = struct.unpack_from("<HH", said)
    assert (length, left) == (len(said) - 4, 0)
    return said[4:]


@pytest.mark.parametrize("code", REQUESTS)
def test_a_request_has_exactly_its_length(host: Host, code: int) -> None:
    sizes = {GET_CAPABILITIES: 4, LOCK: 20, GET_REPORT: 4, START: 32, BIND: 1, UNBIND: 1}
    size = {**sizes, SET_ATTRIBUTE: 16, VDM: 4}.get(code, 0)
    for wrong in {*range(size), size + 1, size + 3} - ({5, 7} if code == VDM else set()):
        assert host.ask(code, bytes((0, 2))[:wrong] + bytes(max(0, wrong - 2))) == INVALID


@pytest.mark.parametrize("size", range(16))
def test_less_than_a_header_is_an_invalid_request(host: Host, size: int) -> None:
    raw = request(GET_STATE)[:size]
    function = int.from_bytes(raw[4:8], "little")
    assert host.answer(raw) == error(0x01, function=function)


@pytest.mark.parametrize("code", [*range(0x81), *range(0x8C, 0x100)])
def test_a_code_that_is_none(host: Host, code: int) -> None:
    assert host.ask(code) == error(UNSUPPORTED, code)


@pytest.mark.parametrize("code", REQUESTS)
@pytest.mark.parametrize("version", [0x00, 0x0F, 0x11, 0x20, 0xFF])
def test_the_version_of_all_but_the_first_is_1_0(host: Host, code: int, version: int) -> None:
    said = {GET_CAPABILITIES: 4, LOCK: 20, GET_REPORT: 4, START: 32, BIND: 1, UNBIND: 1}
    size = {**said, SET_ATTRIBUTE: 16, VDM: 4}.get(code, 0)
    answer = host.answer(request(code, bytes(size), version=version))
    if code == GET_VERSION and version == 0x11:
        assert answer == request(0x01, b"\x01\x10")
    else:
        assert answer == error(0x41)


def test_the_version(host: Host) -> None:
    assert host.good(GET_VERSION) == b"\x01\x10"


@pytest.mark.parametrize("code", REQUESTS)
def test_a_function_that_has_no_interface(host: Host, code: int) -> None:
    sizes = {GET_CAPABILITIES: 4, LOCK: 20, GET_REPORT: 4, START: 32, BIND: 1, UNBIND: 1}
    size = {**sizes, SET_ATTRIBUTE: 16, VDM: 4}.get(code, 0)
    assert host.ask(code, bytes(size), function=OTHER) == error(0x101, function=OTHER)


def test_reserved_bits_of_a_function_are_ignored(host: Host) -> None:
    assert host.state(FUNCTION | 0xFE000000) == UNLOCKED


def test_capabilities(host: Host) -> None:
    said = host.good(GET_CAPABILITIES, bytes(4))
    assert said == bytes.fromhex("00000000 fe0f0000000000000000000000000000 1f00 000000 34 01 01")


def test_what_no_interface_has_a_use_for_is_not_supported(session: Session) -> None:
    plain = replace(interface(flags=LockFlags.LOCK_MSIX), ranges=(RANGES[0],))
    host = hosted(session, plain)
    assert host.device.tdi is not None
    host.device.tdi.messages = ()
    said = host.good(GET_CAPABILITIES, bytes(4))
    assert said[4:22] == bytes.fromhex("fe0000000000000000000000000000000400")
    host.running()
    for code in (BIND, UNBIND, SET_ATTRIBUTE, VDM):
        assert host.ask(code, bytes(16)) == error(UNSUPPORTED, code)


@pytest.mark.parametrize("stream", [1, P2P + 1, 0xFF])
def test_a_lock_needs_keys_for_its_stream(host: Host, stream: int) -> None:
    assert host.ask(LOCK, lock_payload(stream=stream)) == INVALID
    assert host.state() == UNLOCKED


def test_a_lock_needs_the_keys_of_its_own_session(session: Session, stranger: Session) -> None:
    host = hosted(session, keys=Keys({STREAM: stranger}))
    assert host.ask(LOCK, lock_payload()) == INVALID
    Host(host.device, stranger).locked()
    assert host.state() == LOCKED


def test_a_device_without_ide_locks_what_needs_none(session: Session) -> None:
    host = hosted(session, replace(interface(), needs_ide=False))
    assert host.device.tdi is not None
    host.device.tdi.streams = None
    host.running(stream=7)
    assert held(host).streams() == set()
    strict = hosted(session)
    assert strict.device.tdi is not None
    strict.device.tdi.streams = None
    assert strict.ask(LOCK, lock_payload()) == INVALID


@pytest.mark.parametrize("flag", list(LockFlags))
def test_a_flag_that_is_not_supported_cannot_be_locked(session: Session, flag: LockFlags) -> None:
    host = hosted(session, interface(flags=LockFlags(0x1F & ~flag)))
    assert host.ask(LOCK, lock_payload(flags=flag)) == error(0x104)
    assert host.state() == UNLOCKED
    host.locked(flags=0x1F & ~flag | 0xFFE0)
    assert held(host).lock is not None


@pytest.mark.parametrize("offset", [-0x1000_1000, 0xFFFF_FFFF_F000, -1 << 63])
def test_an_offset_may_not_lead_out_of_the_address_space(host: Host, offset: int) -> None:
    legal = RANGES[0].address + offset >= 0
    answer = host.ask(LOCK, lock_payload(offset=offset))
    assert (answer == INVALID) is not legal


def test_each_lock_has_a_nonce_of_its_own(host: Host) -> None:
    first = host.locked()
    host.good(STOP)
    second = host.locked()
    assert first != second
    assert len(first) == 32
    assert host.ask(START, first) == error(0x102)
    assert host.state() == LOCKED
    host.good(START, second)


def test_a_wrong_nonce_changes_nothing(host: Host) -> None:
    nonce = host.locked()
    for at in range(32):
        wrong = bytearray(nonce)
        wrong[at] ^= 0x80
        assert host.ask(START, bytes(wrong)) == error(0x102)
    host.good(START, nonce)
    assert host.state() == RUN
    assert held(host).nonce is None


def test_the_report_of_a_lock_with_msi_x(host: Host) -> None:
    host.locked(flags=0x1F, offset=OFFSET)
    assert (
        whole_report(host)
        == bytes.fromhex(
            "0300 0000 0780 2100 01010100 04000000"
            " 00000e0000000000 01000000 0400 0000"
            " 04000e0000000000 04000000 0800 0200"
            " 10000e0000000000 02000000 0100 0300"
            " 20000e0000000000 01000000 0200 0300"
            " 08000000"
        )
        + b"specific"
    )


def test_what_is_not_locked_is_not_reported(host: Host) -> None:
    host.locked(flags=0, offset=-0x1000_0000)
    assert (
        whole_report(host)
        == bytes.fromhex(
            "0200 0000 0000 2100 00000000 02000000"
            " 0000000000000000 01000000 0400 0000"
            " 0400000000000000 04000000 0800 0200"
            " 08000000"
        )
        + b"specific"
    )


@pytest.mark.parametrize("most", [1, 7, 512])
@pytest.mark.parametrize("length", [1, 16, 100, 0xFFFF])
def test_a_report_comes_in_portions(host: Host, most: int, length: int) -> None:
    host.locked(flags=0x1F)
    whole = whole_report(host)
    assert host.device.tdi is not None
    host.device.tdi.portion = most
    got = b""
    while len(got) < len(whole):
        said = host.good(GET_REPORT, struct.pack("<HH", len(got), length))
        portion, left = struct.unpack_from("<HH", said)
        assert portion == min(most, length, len(whole) - len(got)) == len(said) - 4
        assert left == len(whole) - len(got) - portion
        got += said[4:]
    assert got == whole
    assert host.ask(GET_REPORT, struct.pack("<HH", len(got), length)) == INVALID


def test_no_portion_is_empty(host: Host) -> None:
    host.locked()
    assert host.ask(GET_REPORT, bytes(4)) == INVALID


def test_streams_are_bound_and_unbound(host: Host) -> None:
    host.running(flags=0x08)
    assert held(host).streams() == {STREAM}
    assert host.ask(UNBIND, bytes((P2P,))) == INVALID
    host.good(BIND, bytes((P2P,)))
    assert held(host).streams() == {STREAM, P2P}
    assert host.ask(BIND, bytes((P2P,))) == INVALID
    assert host.ask(BIND, bytes((STREAM,))) == INVALID
    assert host.ask(BIND, b"\x2a") == INVALID
    assert host.ask(UNBIND, bytes((STREAM,))) == INVALID
    host.good(UNBIND, bytes((P2P,)))
    assert held(host).streams() == {STREAM}
    host.good(BIND, bytes((P2P,)))
    host.good(STOP)
    assert held(host).streams() == set()


def test_without_the_flag_no_stream_is_bound(host: Host) -> None:
    host.running(flags=0x07)
    assert host.ask(BIND, bytes((P2P,))) == INVALID
    assert host.ask(UNBIND, bytes((P2P,))) == INVALID


def test_a_bound_stream_has_keys_of_the_session_that_locked(
    session: Session, stranger: Session
) -> None:
    host = hosted(session, keys=Keys({STREAM: session, P2P: stranger}))
    host.running(flags=0x08)
    assert host.ask(BIND, bytes((P2P,))) == INVALID
    assert Host(host.device, stranger).ask(BIND, bytes((P2P,))) == INVALID
    host.device.tdi.streams.streams[P2P] = session  # type: ignore[union-attr]
    Host(host.device, stranger).good(BIND, bytes((P2P,)))


def test_attributes_of_a_range(host: Host) -> None:
    host.running(offset=OFFSET)
    assert held(host).shared == {0}
    first = (0x1000_4000 + OFFSET) >> 12
    host.good(SET_ATTRIBUTE, range_payload(first, 4, 4, 2))
    assert held(host).shared == {0, 1}
    assert whole_report(host)[44:46] == b"\x08\0"
    host.good(SET_ATTRIBUTE, range_payload(first, 4, 0, 2))
    assert held(host).shared == {0}


@pytest.mark.parametrize(
    ("first", "pages", "attributes", "number"),
    [
        (0x10000, 1, 4, 0),  # not updatable
        (0x10005, 4, 4, 2),  # no such range
        (0x10004, 3, 4, 2),
        (0x10004, 4, 4, 3),
        (0x10004, 4, 5, 2),  # reserved bits
        (0x10004, 4, 6, 2),
        (0x10004, 4, 12, 2),
        (0x10010, 2, 4, 3),  # the MSI-X table, which is not reported
    ],
)
def test_a_range_that_cannot_be_set(
    host: Host, first: int, pages: int, attributes: int, number: int
) -> None:
    host.running(flags=0)
    assert host.ask(SET_ATTRIBUTE, range_payload(first, pages, attributes, number)) == INVALID
    assert (held(host).shared, host.state()) == ({0}, RUN)


def test_vendors_messages(host: Host) -> None:
    assert host.good(VDM, b"\0\x02" + VENDOR + b"anything") == b"\0\x02" + VENDOR + b"yes"
    told = b"\x01\x02" + VENDOR + b"no"
    assert host.ask(VDM, b"\x01\x02" + VENDOR) == error(0xFF, len(told), extended=told)
    assert host.ask(VDM, b"\0\x02\x86\x80") == INVALID
    assert host.ask(VDM, b"\x02\x02" + VENDOR) == INVALID


@pytest.mark.parametrize("code", [0x03, 0x05, 0x103, 0x104, 0xFF])
def test_what_an_interface_refuses_on_purpose(session: Session, code: int) -> None:
    refusing = interface()
    refusing.refusals = [
        Refusal(Request.LOCK_INTERFACE, code, times=2),
        Refusal(Request.STOP_INTERFACE, code),
    ]
    host = hosted(session, refusing)
    for _ in range(2):
        assert host.ask(LOCK, lock_payload()) == error(code)
        assert host.state() == UNLOCKED
    host.running()
    for _ in range(3):
        assert host.ask(STOP) == error(code)
    assert host.state() == RUN


def test_interfaces_are_apart(session: Session) -> None:
    host = hosted(session, interface(), interface(OTHER))
    host.running()
    nonce = host.good(LOCK, lock_payload(), function=OTHER)
    assert (host.state(), host.state(OTHER)) == (RUN, LOCKED)
    host.good(STOP)
    assert (host.state(), host.state(OTHER)) == (UNLOCKED, LOCKED)
    assert host.ask(START, nonce) == error(0x04)
    host.good(START, nonce, function=OTHER)
