"""A host that asks once more after the link is up, of devices that tell the truth and that lie."""

from collections.abc import Callable

import pytest
from asking import ROOTS
from chains import AT
from hosting import SecureHost
from judging import failed, skipped
from keying import ide
from secured import able_device
from tdisp import FUNCTION, linked_device
from unit.device.test_measured_state import INTERFACES, LINK, SHOWN, showing

from emulator.device import Device, Measurement, Measurements
from emulator.device.measured_state import StateOf, at_rest
from emulator.device.tdi import Interface, TdiState
from emulator.link import StreamEvent
from emulator.requester import Sessions, Verdict, attest
from emulator.requester.reading import MeasurementMode
from emulator.spdm.messages.measurements import ContentChanged

IDE = Sessions(key_exchange=True, ide=True)
BOTH = Sessions(key_exchange=True, ide=True, tdisp=FUNCTION)
STREAM = "IDE: port 0 stream 0 Secure, under K0"


def judge(
    device: Device,
    sessions: Sessions = IDE,
    *,
    raw: bool = False,
    mode: MeasurementMode = "all",
) -> Verdict:
    host = SecureHost(device)
    flow = attest(host.requester, trust=ROOTS, at=AT, sessions=sessions, raw=raw, measurements=mode)
    verdict = host.run(flow)
    names = [step.name for step in verdict.steps]
    assert [name for name in names if name in sessions.plan()] == list(sessions.plan())
    return verdict


def with_ide() -> Device:
    device = able_device()
    device.ide = ide()
    return showing(device)


@pytest.mark.parametrize("raw", [False, True])
def test_the_streams_that_were_brought_up(*, raw: bool) -> None:
    verdict = judge(with_ide(), raw=raw)
    assert verdict.ok
    step = verdict.step("session measured link")
    assert step.detail == f"index {LINK} has {STREAM}"
    assert step.evidence["shown"] == {str(LINK): "ide"}
    assert step.evidence["expected"]["ide"]["streams"][0]["flags"] == ["K0", "SELECTIVE"]
    assert verdict.step("session link measurements").evidence["content_changed"] == "UNCHANGED"


@pytest.mark.parametrize("raw", [False, True])
def test_streams_and_interfaces(*, raw: bool) -> None:
    device = showing(linked_device())
    verdict = judge(device, BOTH, raw=raw)
    assert verdict.ok
    assert verdict.step("session measured link").detail == (
        f"index {LINK} has {STREAM};"
        f" index {INTERFACES} has TDISP: function 0xbeef RUN with stream 0"
    )
    for index, of in ((LINK, StateOf.IDE), (INTERFACES, StateOf.TDISP)):
        [after] = [one.value for one in device.measurements if one.index == index]
        assert after == at_rest(of)


def test_a_pre_shared_session_after_it_begins_at_rest() -> None:
    verdict = judge(
        with_ide(), Sessions(key_exchange=True, psk={b"a hint": b"a pre-shared key"}, ide=True)
    )
    assert verdict.ok
    assert verdict.step("psk session measured link").ok


def test_a_device_that_measures_nothing_of_it() -> None:
    device = able_device()
    device.ide = ide()
    verdict = judge(device)
    assert verdict.ok
    assert "session measured link" in skipped(verdict)
    assert verdict.step("session measured link").detail == "no measurement tells of the link"


def test_nothing_is_read() -> None:
    verdict = judge(with_ide(), mode="none")
    assert verdict.ok
    assert {"session link measurements", "session measured link"} <= set(skipped(verdict))


def frozen(device: Device) -> None:
    """It goes on to say that nothing is up."""
    assert device.ide is not None
    device.ide.moved = None


def swollen(device: Device) -> None:
    """It has another stream up, that nobody brought up here."""
    assert device.ide is not None
    other = device.ide.ports[3].selective[0]
    stream = device.ide.ports[0].selective[0]

    def fail(*_: object) -> None:
        if not other.failed:
            other.failed = True

    stream.changed.insert(0, fail)


def other_change(device: Device) -> None:
    """Its firmware changes while the link comes up."""
    assert device.ide is not None
    stream = device.ide.ports[0].selective[0]
    stream.changed.insert(0, lambda *_: device.change_measurement(2, b"other firmware"))


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize(
    ("lie", "told"),
    [
        (frozen, f"index {LINK} has "),
        (swollen, f"index {LINK} has "),
        (other_change, "index 2 has changed to "),
    ],
)
def test_a_device_that_shows_something_else(
    *, lie: Callable[[Device], None], told: str, raw: bool
) -> None:
    device = with_ide()
    lie(device)
    verdict = judge(device, raw=raw)
    assert failed(verdict)[0] == "session measured link"
    detail = verdict.step("session measured link").detail
    assert told in detail
    if lie is not other_change:
        assert detail.endswith(f", not {STREAM}")
        assert ("nothing is up" in detail) == (raw and lie is frozen)
        assert ("port 3 stream 0 Insecure, IDE check failed" in detail) == (raw and lie is swollen)


def test_an_interface_that_fell() -> None:
    device = showing(linked_device())
    assert device.tdi is not None
    one: Interface = device.tdi.by_function[FUNCTION]
    assert device.ide is not None
    host = SecureHost(device)
    carry = host.carry
    fallen: list[TdiState] = []

    def carried(payload: bytes) -> bytes:
        answer = carry(payload)
        if one.state is TdiState.RUN and not fallen:
            fallen.append(one.state)
        elif len(fallen) == 1:  # the host has seen RUN
            fallen.append(one.state)
            device.ide.ports[0].selective[0].event(StreamEvent.CHECK_FAILED)  # type: ignore[union-attr]
        return answer

    host.carry = carried  # type: ignore[method-assign]
    verdict = host.run(attest(host.requester, trust=ROOTS, at=AT, sessions=BOTH, raw=True))
    step = verdict.step("session measured link")
    assert step.ok is False
    assert "IDE: port 0 stream 0 Insecure, IDE check failed, not " in step.detail
    assert "TDISP: function 0xbeef ERROR with stream 0, not " in step.detail


def test_what_had_failed_before_is_found() -> None:
    device = with_ide()
    assert device.ide is not None
    device.ide.ports[6].selective[0].failed = True
    device.ide.ports[6].selective[0]._tell_moved()
    verdict = judge(device)
    assert failed(verdict) == ["session measured link"]
    assert f"index {LINK} has changed to " in verdict.step("session measured link").detail


def test_a_reading_that_the_link_came_up_in() -> None:
    device = with_ide()
    host = SecureHost(device).connected()
    session = host.session()
    host.run(session.measurement_count())
    stream = device.ide.ports[0].selective[0] if device.ide else None
    assert stream is not None
    stream.failed = True
    stream._tell_moved()
    reading = host.run(session.measurements())
    assert reading.content_changed == ContentChanged.CHANGED


def test_every_index_may_show_it() -> None:
    device = able_device()
    device.ide = ide()
    hardware = SHOWN[-2].kind
    shown = (Measurement(1, hardware, at_rest(StateOf.IDE), raw=True, state=StateOf.IDE),)
    device.measurements = Measurements(shown)
    device._watch_own()
    verdict = judge(device)
    assert verdict.ok
    assert verdict.step("session measured link").detail == f"index 1 has {STREAM}"
