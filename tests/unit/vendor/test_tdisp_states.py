"""Every request of TDISP in every state of an interface, and what makes an error of one."""

from collections.abc import Callable

import pytest
from devices import device
from secured import Wire, established
from tdisp import (
    BIND,
    ERROR,
    FUNCTION,
    GET_CAPABILITIES,
    GET_REPORT,
    GET_STATE,
    GET_VERSION,
    LOCK,
    LOCKED,
    OTHER,
    P2P,
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

from emulator.device.changes import Change, InterfaceChange, Reset
from emulator.device.tdi import (
    CAUSES,
    REGISTERS,
    TRANSITIONS,
    Cause,
    Interface,
    LockFlags,
    TdiState,
    after,
)
from emulator.spdm.connection import Connection
from emulator.spdm.session import Session
from emulator.vendor import VendorExchange

NEVER = b""
LEGAL = {
    GET_VERSION: {UNLOCKED, LOCKED, RUN, ERROR},
    GET_CAPABILITIES: {UNLOCKED, LOCKED, RUN, ERROR},
    LOCK: {UNLOCKED},
    GET_REPORT: {LOCKED, RUN},
    GET_STATE: {UNLOCKED, LOCKED, RUN, ERROR},
    START: {LOCKED},
    STOP: {UNLOCKED, LOCKED, RUN, ERROR},
    BIND: {RUN},
    UNBIND: {RUN},
    SET_ATTRIBUTE: {RUN},
    VDM: {UNLOCKED, LOCKED, RUN, ERROR},
}
"""The specification's table of request codes."""
LEADS = {LOCK: LOCKED, START: RUN, STOP: UNLOCKED}


@pytest.fixture(scope="module")
def session() -> Session:
    return established(Wire()).held


@pytest.fixture
def keys(session: Session) -> Keys:
    return Keys({STREAM: session, P2P: session})


@pytest.fixture
def host(session: Session, keys: Keys) -> Host:
    return Host(tdi_device(interface(), interface(OTHER), keys=keys), session)


def held(host: Host, function: int = FUNCTION) -> Interface:
    assert host.device.tdi is not None
    found = host.device.tdi.find(function)
    assert found is not None
    return found


def brought(host: Host, state: int) -> bytes:
    """Bring the interface into a state; the nonce that starts it."""
    nonce = bytes(32)
    if state in {LOCKED, RUN, ERROR}:
        nonce = host.locked(flags=0x0C)
    if state == RUN:
        host.good(START, nonce)
        host.good(BIND, bytes((P2P,)))
    if state == ERROR:
        held(host).fail(Cause.REGISTER_WRITE)
    assert host.state() == state
    return nonce


def payload(code: int, nonce: bytes) -> bytes:
    """What makes a good request, where the state allows it."""
    return {
        GET_CAPABILITIES: bytes(4),
        LOCK: lock_payload(),
        GET_REPORT: b"\0\0\xff\xff",
        START: nonce,
        BIND: bytes((P2P,)),
        UNBIND: bytes((P2P,)),
        SET_ATTRIBUTE: range_payload(0x10004, 4, 4, 2),
        VDM: b"\0\x02" + VENDOR,
    }.get(code, b"")


@pytest.mark.parametrize("state", [UNLOCKED, LOCKED, RUN, ERROR])
@pytest.mark.parametrize("code", REQUESTS)
def test_each_request_in_each_state(host: Host, code: int, state: int) -> None:
    nonce = brought(host, state)
    if code == BIND and state == RUN:
        host.good(UNBIND, bytes((P2P,)))
    if state in LEGAL[code]:
        host.good(code, payload(code, nonce))
        assert host.state() == LEADS.get(code, state)
    else:
        assert host.ask(code, payload(code, nonce)) == error(0x04)
        assert host.state() == state
    assert host.state(OTHER) == UNLOCKED


def test_the_table_is_the_specifications() -> None:
    assert {int(code): {int(s) for s in row.legal} for code, row in TRANSITIONS.items()} == LEGAL
    leads = {int(code): int(row.to) for code, row in TRANSITIONS.items() if row.to is not None}
    assert leads == LEADS
    assert set(CAUSES) == set(Cause)


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("state", list(TdiState))
def test_what_makes_an_error(host: Host, state: TdiState, cause: Cause) -> None:
    brought(host, state)
    raise_it: dict[Cause, Callable[[], None]] = {
        Cause.STREAM_LOST: lambda: host.device.tdi.stream_lost(STREAM),  # type: ignore[union-attr]
        Cause.REGISTER_WRITE: lambda: held(host).written("base-address"),
        Cause.RESET: host.device.reset,
    }
    raise_it[cause]()
    expected = ERROR if state in {LOCKED, RUN, ERROR} else UNLOCKED
    assert host.state() == expected == after(state, cause)
    if state in {LOCKED, RUN}:
        assert held(host).cause is cause
    host.good(STOP)
    assert host.state() == UNLOCKED
    assert held(host).cause is None
    host.running()
    assert host.state() == RUN


def test_a_lost_stream_concerns_who_is_bound_to_it(host: Host) -> None:
    tdi = host.device.tdi
    assert tdi is not None
    brought(host, RUN)
    tdi.stream_lost(5)
    assert host.state() == RUN
    tdi.stream_lost(P2P)
    assert host.state() == ERROR
    host.good(STOP)
    host.locked()
    tdi.stream_lost(P2P)
    assert host.state() == LOCKED


def test_the_msi_x_capability_is_watched_where_it_is_locked(host: Host) -> None:
    host.locked(flags=0)
    held(host).written("msi-x")
    assert host.state() == LOCKED
    host.good(STOP)
    host.locked(flags=LockFlags.LOCK_MSIX)
    held(host).written("msi-x")
    assert host.state() == ERROR


@pytest.mark.parametrize("register", [one for one in REGISTERS if one != "msi-x"])
def test_each_register_that_is_watched(host: Host, register: str) -> None:
    host.running()
    held(host).written(register)
    assert host.state() == ERROR
    with pytest.raises(KeyError):
        held(host).written("latency-timer")


def test_whoever_watches_hears_of_each_change(host: Host) -> None:
    seen: list[Change] = []
    host.device.watchers.append(seen.append)
    brought(host, RUN)
    host.device.reset()
    host.good(STOP)
    host.good(STOP)
    assert seen == [
        InterfaceChange(FUNCTION, "CONFIG_LOCKED", "LOCK_INTERFACE"),
        InterfaceChange(FUNCTION, "RUN", "START_INTERFACE"),
        InterfaceChange(FUNCTION, "ERROR", "reset"),
        Reset(),
        InterfaceChange(FUNCTION, "CONFIG_UNLOCKED", "STOP_INTERFACE"),
    ]


def test_outside_of_a_session_there_is_no_response(keys: Keys) -> None:
    host = Host(tdi_device(keys=keys), None)
    assert host.answer(request(GET_VERSION)) is None
    assert host.answer(b"") is None


def test_a_device_without_interfaces_has_no_response(session: Session) -> None:
    assert Host(device(), session).answer(request(GET_VERSION)) is None


@pytest.mark.parametrize("state", [UNLOCKED, LOCKED, RUN, ERROR])
@pytest.mark.parametrize("code", REQUESTS)
def test_an_answer_that_is_not_sent_changes_nothing(host: Host, code: int, state: int) -> None:
    nonce = brought(host, state)
    before = repr(held(host))
    inside = VendorExchange(host.device, Connection(), host.session, host.entropy)
    assert host.protocol.respond(request(code, payload(code, nonce)), inside) is not None
    assert repr(held(host)) == before
