"""The whole attestation: every step, whatever the device does."""

import pytest
from asking import ROOTS, Host, patched
from chains import AT, SAN
from devices import chain, device, error
from judging import Bent, bent, failed, judge, skipped

from emulator.crypto import hashes
from emulator.device import Device, Measurement, Sizes
from emulator.entropy import Seeded
from emulator.errors import NoResponse
from emulator.requester import Offer, Requester, Verdict, attest
from emulator.requester.attest import PLAN
from emulator.requester.reading import MeasurementMode
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.signing import MEASUREMENTS, ToSign
from emulator.spdm.transcript import Entry, Part
from emulator.spdm.versions import Version

CERTIFIED = Cap.CERT | Cap.CHAL | Cap.MEAS_SIG


@pytest.mark.parametrize("version", [Version.V1_2, Version.V1_3])
@pytest.mark.parametrize("asym", ["ECDSA_P256", "ECDSA_P384"])
@pytest.mark.parametrize("base_hash", ["SHA_256", "SHA_384"])
@pytest.mark.parametrize("measurements", ["all", "one-by-one"])
def test_a_good_device_passes(
    version: Version, asym: str, base_hash: str, measurements: MeasurementMode
) -> None:
    offer = Offer(versions=(version,), asym=(asym,), hashes=(base_hash,))
    verdict = judge(Host(offer=offer), measurements=measurements)
    assert verdict.ok
    assert (failed(verdict), skipped(verdict)) == ([], [])
    assert verdict.step("version").evidence["selected"] == version.text
    assert verdict.step("algorithms").evidence["asym"] == asym
    assert verdict.step("algorithms").evidence["hash"] == base_hash
    assert verdict.step("chain: leaf name").detail == SAN
    assert verdict.step("certificate chain").evidence["san"] == SAN


def test_what_the_verdict_says() -> None:
    host = Host()
    found = {step.name: step for step in judge(host).steps}
    spdm = chain("ECDSA_P384").spdm("SHA_384")
    assert found["version"].evidence == {"selected": "1.3", "listed": ["1.2", "1.3"]}
    assert found["capabilities"].evidence == {
        "flags": ["CERT", "CHAL", "MEAS_SIG", "MEAS_FRESH"],
        "ct_exponent": 20,
        "data_transfer_size": 4600,
        "max_message_size": 4600,
    }
    assert found["algorithms"].evidence == {
        "asym": "ECDSA_P384",
        "hash": "SHA_384",
        "measurement_hash": "SHA_384",
        "opaque_format": 1,
    }
    assert found["digests"].evidence["provisioned"] == [0, 2]
    assert found["digests"].evidence["supported"] == [0, 2]
    assert found["digests"].evidence["digests"]["0"] == hashes.digest("SHA_384", spdm).hex()
    certificates = found["certificate chain"].evidence["certificates"]
    assert [one["subject"] for one in certificates][-1] == "CN=slot 0,O=spdm-emulator"
    assert found["measurement count"].evidence == {"count": 5}
    measured = found["measurements"].evidence["measurements"]
    assert measured[2] == {
        "index": 3,
        "type": 0,
        "type_name": "immutable-rom",
        "raw": True,
        "size": 10,
        "value": b"second rom".hex(),
        "decoded": "second rom",
        "text": '"second rom"',
    }
    assert (measured[0]["size"], measured[0]["decoded"], measured[0]["text"]) == (48, None, None)
    assert (measured[4]["decoded"], measured[4]["text"]) == (0, "0")
    assert found["measurements"].evidence["content_changed"] == "UNCHANGED"
    for name in ("challenge signature", "measurement signature"):
        assert len(found[name].evidence["transcript_hash"]) == 96
        assert len(found[name].evidence["signature"]) == 192


def test_a_verdict_is_found_by_the_names_of_its_steps() -> None:
    verdict = judge(Host())
    assert verdict.to_json()["at"] == AT.isoformat()
    with pytest.raises(KeyError):
        verdict.step("tea")


def test_a_seeded_run_says_the_same_twice() -> None:
    assert judge(Host()).to_json() == judge(Host()).to_json()


@pytest.mark.parametrize(
    ("code", "step"),
    [
        (Code.GET_VERSION, "version"),
        (Code.GET_CAPABILITIES, "capabilities"),
        (Code.NEGOTIATE_ALGORITHMS, "algorithms"),
        (Code.GET_DIGESTS, "digests"),
        (Code.GET_CERTIFICATE, "certificate chain"),
    ],
)
def test_what_cannot_be_done_without(code: Code, step: str) -> None:
    verdict = judge(bent(code, lambda reply: error(reply[0], 0x05)))
    assert failed(verdict) == [step]
    assert skipped(verdict) == list(PLAN[PLAN.index(step) + 1 :])
    assert {one.detail for one in verdict.steps if one.ok is None} == {"not reached"}


def test_a_refused_challenge_leaves_the_measurements() -> None:
    verdict = judge(bent(Code.CHALLENGE, lambda reply: error(reply[0], 0x05)))
    assert failed(verdict) == ["challenge"]
    assert skipped(verdict) == ["challenge signature", "measurement summary"]
    assert verdict.step("measurement signature").ok


def test_a_bent_challenge_signature() -> None:
    verdict = judge(bent(Code.CHALLENGE, lambda reply: patched(reply, -1, reply[-1] ^ 1)))
    assert failed(verdict) == ["challenge signature"]
    assert verdict.step("challenge").ok
    assert verdict.step("measurement summary").ok


def test_a_bent_measurement() -> None:
    class OneBent(Bent):
        def answer(self, request: bytes) -> bytes:
            reply = Host.answer(self, request)
            if request[1] == Code.GET_MEASUREMENTS and request[3] == 0xFF:
                return patched(reply, 20, reply[20] ^ 1)
            return reply

    verdict = judge(OneBent())
    assert failed(verdict) == ["measurement signature", "measurement summary"]
    assert verdict.step("measurements").ok
    assert "the measurements give" in verdict.step("measurement summary").detail


def test_a_refused_count_ends_the_measurements() -> None:
    verdict = judge(bent(Code.GET_MEASUREMENTS, lambda reply: error(reply[0], 0x05)))
    assert failed(verdict) == ["measurement count"]
    assert not verdict.ok


def test_refused_measurements() -> None:
    class Refused(Host):
        def answer(self, request: bytes) -> bytes:
            if request[1] == Code.GET_MEASUREMENTS and request[3]:
                return error(0x13, 0x05)
            return super().answer(request)

    verdict = judge(Refused())
    assert failed(verdict) == ["measurements"]
    assert verdict.step("measurement count").ok


def test_measurements_that_changed_are_not_good() -> None:
    class Changing(Host):
        changing: Device

        def answer(self, request: bytes) -> bytes:
            if request[1] == Code.GET_MEASUREMENTS and request[3]:
                self.changing.measurements.change(1, b"another rom")
            return super().answer(request)

    changing = device()
    host = Changing(changing)
    host.changing = changing
    verdict = judge(host)
    assert failed(verdict) == ["measurements", "measurement summary"]
    assert "they changed while they were read" in verdict.step("measurements").detail
    assert verdict.step("measurements").evidence["content_changed"] == "CHANGED"


def test_no_measurements_are_read_if_none_are_wanted() -> None:
    host = Host()
    verdict = judge(host, measurements="none")
    assert verdict.ok
    assert skipped(verdict) == list(PLAN[-4:])
    assert Code.GET_MEASUREMENTS not in {request[1] for request in host.sent}


def test_raw_measurements_have_no_summary_to_compare() -> None:
    verdict = judge(Host(), raw=True)
    assert verdict.ok
    assert skipped(verdict) == ["measurement summary"]
    measured = verdict.step("measurements").evidence["measurements"]
    assert measured[0]["value"] == b"immutable rom".hex()


def test_a_device_that_does_not_measure() -> None:
    to = device(capabilities=Cap.CERT | Cap.CHAL, measurement_hash=None, measurements=())
    verdict = judge(Host(to))
    assert verdict.ok
    assert skipped(verdict) == list(PLAN[-4:])
    assert "does not offer" in verdict.step("measurements").detail


def test_a_device_that_does_not_sign_measurements() -> None:
    verdict = judge(Host(device(capabilities=Cap.CERT | Cap.CHAL | Cap.MEAS_NO_SIG)))
    assert verdict.ok
    assert skipped(verdict) == ["measurement signature"]
    assert verdict.step("measurements").evidence["content_changed"] is None


def test_a_device_may_prove_itself_by_measurements_alone() -> None:
    verdict = judge(Host(device(capabilities=Cap.CERT | Cap.MEAS_SIG)))
    assert verdict.ok
    assert skipped(verdict) == ["challenge", "challenge signature", "measurement summary"]


def test_a_device_that_signs_nothing_has_proved_nothing() -> None:
    verdict = judge(Host(device(capabilities=Cap.CERT | Cap.MEAS_SIG)), measurements="none")
    assert failed(verdict) == ["proof"]
    assert not verdict.ok


def test_a_device_without_certificates_is_told() -> None:
    verdict = judge(Host(device(capabilities=Cap.MEAS_NO_SIG)))
    assert failed(verdict) == ["digests"]
    assert verdict.step("digests").detail == "GET_DIGESTS needs CERT, which the peer lacks"


def test_kinds_nobody_named_are_numbers() -> None:
    to = device(measurements=(Measurement(1, 0x55, b"x"),))
    found = judge(Host(to)).step("measurements").evidence["measurements"]
    assert (found[0]["type"], found[0]["type_name"]) == (0x55, None)


def test_silence_ends_it() -> None:
    requester = Requester(Seeded("host"))
    flow = attest(requester, trust=ROOTS, at=AT)
    next(flow)
    with pytest.raises(StopIteration) as stop:
        flow.throw(NoResponse("nothing came"))
    verdict: Verdict = stop.value.value
    assert failed(verdict) == ["version"]
    assert verdict.step("version").detail == "nothing came"
    assert skipped(verdict) == list(PLAN[1:])


def test_a_reserved_value_of_content_changed_is_shown() -> None:
    class Reserved(Host):
        """The device signs a message whose Param2 holds the reserved value."""

        def answer(self, request: bytes) -> bytes:
            reply = super().answer(request)
            if request[1] != Code.GET_MEASUREMENTS or request[3] == 0:
                return reply
            unsigned = patched(reply[:-96], 3, 0x30)
            key = chain("ECDSA_P384").key
            view = self.connection.transcript.view((Part.A, Part.M))
            covered = b"".join(entry.raw for entry in view) + request + unsigned
            signed = ToSign(0x13, MEASUREMENTS, "SHA_384", (Entry(covered),))
            return unsigned + key.sign(signed)

    verdict = judge(Reserved())
    assert verdict.step("measurement signature").ok
    assert verdict.step("measurements").evidence["content_changed"] == "0x30"


def test_a_device_that_takes_too_little_is_told() -> None:
    least = Sizes(data_transfer=42, max_message=42)
    verdict = judge(Host(device(sizes=least)))
    assert failed(verdict) == ["challenge", "measurements"]
    assert verdict.step("challenge").detail == "a request of 44 bytes, the peer takes 42"
