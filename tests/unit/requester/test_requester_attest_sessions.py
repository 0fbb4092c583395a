"""An attestation that opens sessions: its steps, whatever the device does in them."""

from collections.abc import Callable

import jsonschema
import pytest
from asking import ROOTS
from chains import AT, SAN
from devices import error
from hosting import BOTH, CLEAR, SecureHost, offering
from judging import failed, skipped
from secured import ABLE, HINT, KEY, able_device

from emulator.device.sessions import Sessions as DeviceSessions
from emulator.requester import Sessions, Verdict, attest
from emulator.requester.attest import PLAN
from emulator.requester.flow import Inside
from emulator.requester.reading import MeasurementMode
from emulator.requester.verdict import SCHEMA
from emulator.spdm.capabilities import Cap
from emulator.spdm.versions import Version
from emulator.transport.mctp import MCTP

KEYED = Sessions(key_exchange=True)
SHARED = Sessions(psk={HINT: KEY})
ALL = Sessions(key_exchange=True, psk={HINT: KEY})


class Bending(SecureHost):
    """A host whose device's replies to requests of one code, inside of sessions, are others."""

    code: int = 0
    change: Callable[[bytes], bytes] = staticmethod(lambda reply: reply)

    def answer(self, request: bytes) -> bytes:
        reply = super().answer(request)
        if isinstance(request, Inside) and request[1] == self.code:
            return Inside(self.change(reply), request.session)
        return reply


def judge(
    host: SecureHost, sessions: Sessions = ALL, *, measurements: MeasurementMode = "all"
) -> Verdict:
    verdict = host.run(
        attest(
            host.requester,
            trust=ROOTS,
            at=AT,
            expected_san=SAN,
            measurements=measurements,
            sessions=sessions,
        )
    )
    jsonschema.validate(verdict.to_json(), dict(SCHEMA))
    names = [step.name for step in verdict.steps]
    plan = (*PLAN, *sessions.plan())
    assert [name for name in names if name in plan] == list(plan)
    return verdict


def bent(code: int, change: Callable[[bytes], bytes]) -> Bending:
    host = Bending(offer=offering(), binding=MCTP)
    host.code, host.change = code, change
    return host


@pytest.mark.parametrize("version", [one for one in Version if one >= Version.V1_1])
@pytest.mark.parametrize("how", [BOTH, CLEAR], ids=["encrypted", "clear"])
@pytest.mark.parametrize("measurements", ["all", "one-by-one"])
def test_a_good_device_passes(version: Version, how: Cap, measurements: MeasurementMode) -> None:
    host = SecureHost(offer=offering(how, versions=(version,)), binding=MCTP)
    verdict = judge(host, measurements=measurements)
    assert (verdict.ok, failed(verdict), skipped(verdict)) == (True, [], [])
    found = verdict.step("session").evidence
    assert found["dhe"] == "SECP_256_R1"
    assert found["handshake"] == ("clear" if how == CLEAR else "encrypted")
    assert verdict.step("psk session").evidence["dhe"] is None
    assert verdict.step("algorithms").evidence["aead"] == "AES_128_GCM"
    assert len(verdict.step("session signature").evidence["transcript_hash"]) == 96
    assert host.device.sessions.live == set()


def test_sessions_prove_a_device_that_signs_nothing_else() -> None:
    device = able_device(capabilities=ABLE & ~(Cap.CHAL | Cap.MEAS_SIG) | Cap.MEAS_NO_SIG)
    assert judge(SecureHost(device, binding=MCTP), KEYED).ok
    assert judge(SecureHost(device, binding=MCTP), SHARED).ok
    verdict = judge(SecureHost(device, binding=MCTP), Sessions())
    assert failed(verdict) == ["proof"]


def test_without_measurements_there_is_nothing_to_compare() -> None:
    verdict = judge(SecureHost(binding=MCTP), KEYED, measurements="none")
    assert verdict.ok
    assert {"session comparison", "session measurement summary"} <= set(skipped(verdict))


def test_what_was_not_asked_of_the_session_is_not_judged() -> None:
    device = able_device(capabilities=ABLE & ~(Cap.HBEAT | Cap.KEY_UPD))
    verdict = judge(SecureHost(device, binding=MCTP), KEYED)
    assert verdict.ok
    assert skipped(verdict) == ["session heartbeat", "session key update"]


@pytest.mark.parametrize(
    ("lacking", "failing"),
    [
        (Cap.KEY_EX | Cap.HANDSHAKE_IN_THE_CLEAR, "session"),
        (Cap.PSK_WITH_CONTEXT, "psk session"),
    ],
)
def test_a_device_without_what_was_asked_for_fails(lacking: Cap, failing: str) -> None:
    verdict = judge(SecureHost(able_device(capabilities=ABLE & ~lacking), binding=MCTP))
    assert failed(verdict) == [failing]
    assert "does not offer" in verdict.step(failing).detail


def test_each_pre_shared_key_has_steps_of_its_own() -> None:
    verdict = judge(SecureHost(binding=MCTP), Sessions(psk={HINT: KEY, b"unknown": KEY}))
    assert failed(verdict) == ["psk session 2"]
    assert verdict.step("psk session 2 end").detail == "not reached"
    assert verdict.step("psk session end").ok


def test_another_key_fails() -> None:
    verdict = judge(SecureHost(binding=MCTP), Sessions(psk={HINT: b"another"}))
    assert failed(verdict) == ["psk session"]
    assert "verify_data" in verdict.step("psk session").detail


@pytest.mark.parametrize(
    ("code", "failing"),
    [
        (0xE5, ["session finish"]),
        (0xE8, ["session heartbeat"]),
        (0xE0, ["session measurement count"]),
        (0xEC, ["session end"]),
    ],
)
def test_a_refusal_inside_fails_its_step(code: int, failing: list[str]) -> None:
    verdict = judge(bent(code, lambda reply: error(reply[0], 0x05)), KEYED)
    assert failed(verdict) == failing


@pytest.mark.parametrize("code", [0xE8, 0xE9, 0xE0])
def test_a_session_that_breaks_is_over_and_the_next_one_is_not(code: int) -> None:
    verdict = judge(bent(code, lambda reply: error(reply[0], 0x06)))
    assert "session end" in failed(verdict)
    assert verdict.step("session end").detail == "it had broken before"
    assert verdict.step("psk session").ok


def test_a_device_that_lost_the_connection_fails_what_follows() -> None:
    verdict = judge(bent(0xE8, lambda reply: error(reply[0], 0x43)))
    assert failed(verdict) == ["session heartbeat", "session end", "psk session"]


def test_a_wrong_signature_of_the_exchange_opens_nothing() -> None:
    host = SecureHost(binding=MCTP)

    def bend(payload: bytes) -> bytes:
        exchanged = payload[2] == 0x64
        return payload[:20] + bytes((payload[20] ^ 1,)) + payload[21:] if exchanged else payload

    host.bend = bend
    verdict = judge(host, KEYED)
    assert failed(verdict) == ["session signature"]
    assert verdict.step("session").detail == "not reached"


def test_other_measurements_inside_are_told() -> None:
    host = SecureHost(binding=MCTP)
    verdict = judge(host, KEYED)
    assert verdict.step("session comparison").evidence == {"differ": []}
    changed = bent(0xE8, lambda reply: reply)

    def change(reply: bytes) -> bytes:
        changed.device.measurements.change(1, b"another rom")
        return reply

    changed.change = change
    verdict = judge(changed, KEYED)
    assert "session comparison" in failed(verdict)
    assert verdict.step("session comparison").evidence == {"differ": [1]}


@pytest.mark.parametrize(("after", "asked"), [(0, "nothing"), (2, "KEY_UPDATE, KEY_UPDATE")])
def test_what_the_device_asks_is_answered(after: int, asked: str) -> None:
    device = able_device(
        capabilities=ABLE | Cap.ENCAP, sessions=DeviceSessions(key_update_after=after)
    )
    verdict = judge(SecureHost(device, binding=MCTP), KEYED)
    assert verdict.ok
    assert verdict.step("session requests").detail == f"the device asked {asked}"
