"""A device that shows what it is doing: what follows when that changes, to its requesters."""

from datetime import datetime

import pytest
from asking import Host
from chains import AT
from hosting import SecureHost, offering
from judging import failed

from emulator.device import Device
from emulator.device.measured_state import StateOf, at_rest
from emulator.entropy import Seeded
from emulator.errors import ProfileError
from emulator.pki.authority import sample_roots
from emulator.profile import build, load
from emulator.profile.expected import expected
from emulator.requester import SecureSession, Sessions, Verdict, attest, root_port
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.messages.events import EventType
from emulator.spdm.versions import Version

LINK, INTERFACES = 7, 8
FUNCTION = 0xBEEF


def made(*sets: str, at: datetime = AT) -> Device:
    return build(load("everything", sets=sets, at=at), entropy=Seeded("measured"), at=at)


def began(device: Device) -> tuple[SecureHost, SecureSession]:
    offer = offering(Cap.KEY_EX | Cap.ENCAP | Cap.CHUNK, versions=(Version.V1_3,))
    host = SecureHost(device, offer=offer).connected()
    return host, host.session()


def bring_up(host: SecureHost, session: SecureSession) -> None:
    root = root_port(host.run(session.ide.query()).blocks)
    host.run(session.ide.bring_up(root, stream=0))


def test_events_tell_of_it() -> None:
    device = made()
    host, session = began(device)
    host.run(session.subscribe(*EventType))
    bring_up(host, session)
    assert device.ide is not None
    assert host.run(session.encapsulated()) == [Code.SEND_EVENT]
    assert [(one.kind, int.from_bytes(one.detail, "little")) for one in session.events] == [
        (EventType.MEASUREMENT_CHANGED, 1 << LINK)
    ]


def test_the_log_tells_of_it_and_the_measurements_follow_from_it() -> None:
    device = made()
    host, session = began(device)
    before = host.run(session.measurement_log())
    bring_up(host, session)
    log = host.run(session.measurement_log())
    assert log[: len(before)] == before
    [entry] = log[len(before) :]
    reading = host.run(session.measurements(LINK))
    assert (entry.index, entry.value) == (LINK, reading.measurements[0].value)


def test_a_summary_is_of_the_state_as_it_was() -> None:
    """Of the exchange that opened the session, before anything was up in it."""
    device = made()
    host = SecureHost(device, offer=offering(Cap.KEY_EX | Cap.CHUNK, versions=(Version.V1_3,)))
    sessions = Sessions(key_exchange=True, ide=True, tdisp=FUNCTION)
    verdict = host.run(attest(host.requester, trust=sample_roots(), at=AT, sessions=sessions))
    assert verdict.ok, failed(verdict)
    assert verdict.step("session measurement summary").ok
    assert verdict.step("session comparison").ok
    assert verdict.step("session measured link").evidence["shown"] == {"7": "ide", "8": "tdisp"}


@pytest.mark.parametrize("raw", [False, True])
def test_reference_values_are_of_a_device_at_rest(*, raw: bool) -> None:
    loaded = load("everything", at=AT)
    values = expected(loaded, raw=raw)
    assert [one.index for one in values.values if one.runtime] == [LINK, INTERFACES]
    if raw:
        assert values.values[-2].value == at_rest(StateOf.IDE)
    device = made()

    def judged() -> Verdict:
        host = Host(device)
        flow = attest(host.requester, trust=sample_roots(), at=AT, reference=values, raw=raw)
        return host.run(flow)

    assert judged().ok
    bring_up(*began(device))
    verdict = judged()
    assert failed(verdict) == ["reference values"]
    detail = verdict.step("reference values").detail
    assert detail.startswith(f"index {LINK}: found ")
    assert detail.endswith(" of a device that does nothing yet")


def test_alias_certificates_stay(tmp_path_factory: pytest.TempPathFactory) -> None:
    """They stand for what lasts, so nobody is told to begin anew when a stream comes up."""
    folder = tmp_path_factory.mktemp("alias")
    (folder / "p.yaml").write_text(
        "profile: 1\nname: alias\nextends: secure-session\n"
        "capabilities: [CERT, CHAL, MEAS_SIG, MEAS_FRESH, KEY_EX, MAC, ENCRYPT, ALIAS_CERT]\n"
        "slots: {0: {auto: {model: alias}}}\nsizes: {max_message: null}\n"
        "sessions: {psk: [], heartbeat: 0}\nide: {selective: [{stream: 0}]}\n"
        "measurements:\n  - {index: 1, type: version, text: '1'}\n"
        f"  - {{index: {LINK}, type: hardware-configuration, state: ide}}\n",
        encoding="utf-8",
    )
    device = build(load(folder / "p.yaml", at=AT), entropy=Seeded("alias"), at=AT)
    before = device.slots[0].chain("ECDSA_P384", device.measurements)
    offer = offering(versions=(Version.V1_3,))
    host = SecureHost(device, offer=offer)
    sessions = Sessions(key_exchange=True, ide=True)
    verdict = host.run(attest(host.requester, trust=sample_roots(), at=AT, sessions=sessions))
    assert verdict.ok, [(step.name, step.detail) for step in verdict.steps if step.ok is False]
    assert verdict.step("session measured link").ok
    assert device.measurements.generation == 2
    assert device.slots[0].chain("ECDSA_P384", device.measurements) is before
    device.change_measurement(1, b"2")
    assert device.slots[0].chain("ECDSA_P384", device.measurements) is not before


def test_a_device_that_measures_at_reset_only_has_none() -> None:
    with pytest.raises(ProfileError, match="a value that lasts, without MEAS_FRESH"):
        load("everything", sets=["capabilities=[CERT, CHAL, MEAS_SIG, KEY_EX, MAC]"], at=AT)
