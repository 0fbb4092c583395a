"""A host that locks an interface, looks at it, and lets it run."""

from collections.abc import Callable

import jsonschema
import pytest
from asking import ROOTS
from chains import AT
from hosting import SecureHost
from judging import failed, skipped
from secured import able_device
from tdisp import FUNCTION, P2P, RANGES, VENDOR, linked_device

from emulator.device import Device
from emulator.device.tdi import Cause, Interface, LockFlags, Refusal, Request, TdiState
from emulator.errors import NoResponse, PeerErrorReply, TdispRefused
from emulator.requester import SecureSession, Sessions, TdiHost, Verdict, attest, root_port
from emulator.requester.verdict import SCHEMA
from emulator.spdm.codes import ErrorCode as SpdmError
from emulator.vendor.tdisp.codes import ErrorCode

ALL = LockFlags(0x1F)
STEPS = ["version", "capabilities", "lock", "report", "start", "stop"]


def of(device: Device) -> Interface:
    assert device.tdi is not None
    return device.tdi.by_function[FUNCTION]


def keyed(device: Device) -> tuple[SecureHost, SecureSession, TdiHost]:
    """A host with a session, in which stream 0 has keys."""
    host = SecureHost(device).connected()
    session = host.session()
    told = host.run(session.ide.query())
    host.run(session.ide.bring_up(root_port(told.blocks), stream=0))
    return host, session, session.interface(FUNCTION)


def refused(host: SecureHost, flow: Callable[[], object], code: ErrorCode) -> None:
    with pytest.raises(TdispRefused) as error:
        host.run(flow())  # type: ignore[arg-type]  # what a method of TdiHost gives
    assert error.value.code == code


def test_the_whole_way() -> None:
    device = linked_device()
    host, _, tdi = keyed(device)
    assert host.run(tdi.version()) == (0x10,)
    able = host.run(tdi.capabilities())
    assert able.lock_flags_supported == ALL
    assert host.run(tdi.state()) is TdiState.CONFIG_UNLOCKED
    nonce = host.run(tdi.lock(ALL, offset=-0x1000_0000, p2p_mask=0xFFF))
    assert host.run(tdi.state()) is TdiState.CONFIG_LOCKED
    lock = of(device).lock
    assert lock is not None
    assert (lock.flags, lock.offset, lock.p2p_mask, lock.stream) == (ALL, -0x1000_0000, 0xFFF, 0)
    report = host.run(tdi.report())
    assert [one.first_page for one in report.ranges] == [0, 4, 0x10, 0x20]
    assert [one.attributes for one in report.ranges] == [one.attributes for one in RANGES]
    assert report.specific == b"specific"
    for length in (1, 7, 50):
        assert host.run(tdi.report(length=length)) == report
    refused(host, lambda: tdi.start(bytes(32)), ErrorCode.INVALID_NONCE)
    host.run(tdi.start(nonce))
    assert host.run(tdi.state()) is TdiState.RUN
    host.run(tdi.share(report.ranges[1], shared=True))
    assert of(device).shared == {0, 1}
    host.run(tdi.share(report.ranges[1], shared=False))
    assert of(device).shared == {0}
    refused(host, lambda: tdi.share(report.ranges[0], shared=False), ErrorCode.INVALID_REQUEST)
    refused(host, lambda: tdi.bind(P2P), ErrorCode.INVALID_REQUEST)
    refused(host, lambda: tdi.unbind(P2P), ErrorCode.INVALID_REQUEST)
    assert host.run(tdi.vendor(0, VENDOR, b"data")) == b"yes"
    host.run(tdi.stop())
    assert host.run(tdi.state()) is TdiState.CONFIG_UNLOCKED
    refused(host, tdi.report, ErrorCode.INVALID_INTERFACE_STATE)


def test_streams_are_bound() -> None:
    device = linked_device()
    host, session, tdi = keyed(device)
    told = host.run(session.ide.query())
    assert device.ide is not None
    for stream in device.ide.ports[0].link:
        stream.enable(on=True)
    host.run(session.ide.bring_up(root_port(told.blocks), stream=0x40))
    host.run(tdi.start(host.run(tdi.lock(LockFlags.BIND_P2P))))
    host.run(tdi.bind(0x40))
    assert of(device).streams() == {0, 0x40}
    host.run(tdi.unbind(0x40))
    assert of(device).streams() == {0}


def test_a_device_without_tdisp_is_asked_in_vain() -> None:
    host = SecureHost(able_device()).connected()
    flow = host.session().interface(FUNCTION).version()
    with pytest.raises(PeerErrorReply) as unsupported:
        host.run(flow)
    assert unsupported.value.code == SpdmError.UNSUPPORTED_REQUEST
    device = linked_device()
    host = SecureHost(device).connected()
    session = host.session()
    host.run(session.end_session())
    outside = TdiHost(host.requester, FUNCTION)
    with pytest.raises(NoResponse):
        host.run(outside.version())


def judge(device: Device, *, ide: bool = True, function: int = FUNCTION) -> Verdict:
    host = SecureHost(device)
    flow = attest(
        host.requester,
        trust=ROOTS,
        at=AT,
        sessions=Sessions(key_exchange=True, ide=ide, tdisp=function),
    )
    verdict = host.run(flow)
    jsonschema.validate(verdict.to_json(), dict(SCHEMA))
    return verdict


def details(verdict: Verdict) -> dict[str, str]:
    return {step.name: step.detail for step in verdict.steps}


def test_an_attestation_with_an_interface() -> None:
    device = linked_device()
    verdict = judge(device)
    assert verdict.ok, failed(verdict)
    names = [step.name for step in verdict.steps]
    taken = [name.removeprefix("session tdisp ") for name in names if "tdisp" in name]
    assert taken == STEPS
    assert names.index("session ide stream") < names.index("session tdisp version")
    assert names.index("session tdisp start") < names.index("session link measurements")
    assert names.index("session measurements") < names.index("session tdisp stop")
    assert names.index("session tdisp stop") < names.index("session ide stop")
    said = details(verdict)
    assert said["session tdisp version"] == "1.0"
    assert said["session tdisp report"] == "4 ranges, 8 pages in all"
    assert of(device).state is TdiState.CONFIG_UNLOCKED


def test_without_keys_there_is_no_lock() -> None:
    verdict = judge(linked_device(), ide=False)
    assert failed(verdict) == ["session tdisp lock"]
    assert "INVALID_REQUEST" in details(verdict)["session tdisp lock"]
    later = {f"session tdisp {one}" for one in ("report", "start", "stop")}
    assert later <= set(skipped(verdict))


def test_a_device_without_interfaces_fails_and_is_measured_all_the_same() -> None:
    device = linked_device()
    device.tdi = None
    verdict = judge(device)
    assert failed(verdict) == ["session tdisp version"]
    assert "session measurements" not in skipped(verdict)


def test_a_function_there_is_not() -> None:
    verdict = judge(linked_device(), function=7)
    assert failed(verdict) == ["session tdisp version"]


@pytest.mark.parametrize(
    ("request_", "step"),
    [
        (Request.GET_TDISP_CAPABILITIES, "capabilities"),
        (Request.LOCK_INTERFACE, "lock"),
        (Request.GET_DEVICE_INTERFACE_REPORT, "report"),
        (Request.START_INTERFACE, "start"),
    ],
)
def test_what_is_refused_fails_its_step(request_: Request, step: str) -> None:
    device = linked_device()
    of(device).refusals = [Refusal(request_, ErrorCode.BUSY)]
    verdict = judge(device)
    broken = failed(verdict)
    assert broken[0] == f"session tdisp {step}"
    assert "BUSY" in details(verdict)[broken[0]]
    assert of(device).state is TdiState.CONFIG_UNLOCKED


def test_an_interface_that_was_in_error_before() -> None:
    device = linked_device()
    of(device).state = TdiState.ERROR
    verdict = judge(device)
    assert failed(verdict) == ["session tdisp lock"]
    assert "is in ERROR where CONFIG_UNLOCKED is right" in details(verdict)["session tdisp lock"]


def test_an_interface_that_fell_while_it_was_measured() -> None:
    device = linked_device()

    def fall(one: Interface, what: Request | Cause) -> None:
        if what is Request.START_INTERFACE:
            one.changed = None
            started.append(one)

    started: list[Interface] = []
    assert device.tdi is not None
    device.tdi.watch(fall)
    host = SecureHost(device)
    carry = host.carry

    def carried(payload: bytes) -> bytes:
        answer = carry(payload)
        if len(started) == 1:
            started.append(started[0])
        elif len(started) == 2:
            started[0].fail(Cause.REGISTER_WRITE)  # after the host has seen RUN
            started.append(started[0])
        return answer

    host.carry = carried  # type: ignore[method-assign]
    flow = attest(
        host.requester,
        trust=ROOTS,
        at=AT,
        sessions=Sessions(key_exchange=True, ide=True, tdisp=FUNCTION),
    )
    verdict = host.run(flow)
    assert failed(verdict) == ["session tdisp stop"]
    assert "was in ERROR before" in details(verdict)["session tdisp stop"]
