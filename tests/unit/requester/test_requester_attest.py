"""The whole attestation: every step, whatever the device does."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from asking import ROOTS, Host, patched
from chains import AT, SAN, authority
from devices import chain, device, error

from emulator.crypto import hashes
from emulator.device import CertificateChain, Device, Measurement, Sizes, Slot
from emulator.entropy import Seeded
from emulator.errors import NoResponse, PkiError
from emulator.requester import Offer, Requester, Verdict, attest
from emulator.requester.attest import PLAN, MeasurementMode
from emulator.requester.verdict import SCHEMA
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version

CERTIFIED = Cap.CERT | Cap.CHAL | Cap.MEAS_SIG


class Bent(Host):
    """A host whose device's replies to requests of one code arrive bent."""

    code: int = 0
    bend: Callable[[bytes], bytes]

    def answer(self, request: bytes) -> bytes:
        reply = super().answer(request)
        return self.bend(reply) if request[1] == self.code else reply


def bent(code: int, bend: Callable[[bytes], bytes]) -> Bent:
    host = Bent()
    host.code, host.bend = code, bend
    return host


def judge(
    host: Host,
    *,
    trust: tuple[bytes, ...] = ROOTS,
    san: str | None = SAN,
    slot: int | None = None,
    measurements: MeasurementMode = "all",
    raw: bool = False,
    at: datetime = AT,
) -> Verdict:
    verdict = host.run(
        attest(
            host.requester,
            trust=trust,
            at=at,
            expected_san=san,
            slot=slot,
            measurements=measurements,
            raw=raw,
        )
    )
    jsonschema.validate(verdict.to_json(), dict(SCHEMA))
    assert [step.name for step in verdict.steps if step.name in PLAN] == sorted(
        (step.name for step in verdict.steps if step.name in PLAN), key=PLAN.index
    )
    assert set(PLAN) <= {step.name for step in verdict.steps}
    return verdict


def failed(verdict: Verdict) -> list[str]:
    return [step.name for step in verdict.steps if step.ok is False]


def skipped(verdict: Verdict) -> list[str]:
    return [step.name for step in verdict.steps if step.ok is None]


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
        "value": b"second rom".hex(),
    }
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


def test_a_slot_can_be_chosen() -> None:
    verdict = judge(Host(), slot=2)
    assert verdict.ok
    assert verdict.step("certificate chain").evidence["slot"] == 2


def test_an_empty_slot_fails() -> None:
    verdict = judge(Host(), slot=1)
    assert failed(verdict) == ["certificate chain"]
    assert "INVALID_REQUEST" in verdict.step("certificate chain").detail
    assert verdict.step("challenge").detail == "not reached"


@pytest.mark.parametrize(
    ("arguments", "step", "detail"),
    [
        ({"trust": ()}, "chain: anchor", "neither one of the 0 trusted"),
        ({"trust": (ROOTS[0],)}, "chain: anchor", "nor issued by one"),
        ({"san": "Vendor=dead"}, "chain: leaf name", "not the UTF8String 'Vendor=dead'"),
        ({"at": datetime(1999, 1, 1, tzinfo=UTC)}, "chain: validity", "is valid from"),
    ],
)
def test_a_chain_that_is_not_believed_stops_nothing(
    arguments: dict[str, Any], step: str, detail: str
) -> None:
    verdict = judge(Host(), **arguments)
    assert failed(verdict) == [step]
    assert detail in verdict.step(step).detail
    assert verdict.step("measurement signature").ok


def test_no_name_is_compared_where_none_is_expected() -> None:
    verdict = judge(Host(), san=None)
    assert verdict.ok
    assert skipped(verdict) == ["chain: leaf name"]
    assert verdict.step("chain: leaf name").detail == f"{SAN} (not compared)"


def held(certificates: tuple[bytes, ...], root: bytes, scheme: str = "ECDSA_P384") -> Host:
    to = device()
    found = CertificateChain(certificates, root, chain(scheme).key)
    to.slots = {0: Slot({"ECDSA_P384": found})}
    return Host(to)


def test_a_chain_may_leave_its_root_out() -> None:
    good = chain("ECDSA_P384")
    verdict = judge(held(good.certificates[1:], good.root))
    assert verdict.ok, failed(verdict)


@pytest.mark.parametrize(
    ("certificates", "whose"),
    [
        (chain("ECDSA_P384").certificates, "the root in it"),
        (chain("ECDSA_P384").certificates[1:], "any trusted certificate"),
    ],
)
def test_the_root_hash_is_the_roots(certificates: tuple[bytes, ...], whose: str) -> None:
    verdict = judge(held(certificates, b"another root"))
    assert failed(verdict) == ["chain: root hash"]
    assert whose in verdict.step("chain: root hash").detail


def test_a_leaf_of_another_scheme_proves_nothing() -> None:
    good = chain("ECDSA_P256")
    verdict = judge(held(good.certificates, good.root))
    assert failed(verdict) == [
        "chain: negotiated key",
        "challenge signature",
        "measurement signature",
    ]


def test_unreadable_certificates_are_told() -> None:
    good = chain("ECDSA_P384")
    junk = bytes.fromhex("3003020101")
    verdict = judge(held((junk, *good.certificates[1:-1], junk), good.root), san=None)
    assert "chain: encoding" in failed(verdict)
    told = verdict.step("certificate chain").evidence["certificates"][0]
    assert told["size"] == 5
    assert "problem" in told
    assert "unreadable leaf" in verdict.step("certificate chain").detail
    assert verdict.step("chain: leaf name").detail == "the leaf has no PCIe CMA name"


def test_digests_are_held_against_the_chain() -> None:
    verdict = judge(bent(Code.GET_DIGESTS, lambda reply: patched(reply, 5, reply[5] ^ 1)))
    # The challenge's transcript has another DIGESTS than the device's.
    assert failed(verdict) == ["digest", "challenge signature"]
    assert "the chain's hash is" in verdict.step("digest").detail


def test_a_slot_without_a_digest_is_told() -> None:
    verdict = judge(bent(Code.GET_DIGESTS, lambda reply: patched(reply[:52], 3, 0x04)), slot=0)
    assert verdict.step("digest").detail == "DIGESTS has none for slot 0"
    assert verdict.step("digest").ok is False


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


def test_trust_that_cannot_be_read_is_our_own_mistake() -> None:
    with pytest.raises(PkiError):
        judge(Host(), trust=(b"junk",))


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
            prefix = b"dmtf-spdm-v1.3.*" * 4 + bytes(6) + b"responder-measurements signing"
            digest = hashes.digest("SHA_384", prefix, hashes.digest("SHA_384", covered))
            return unsigned + key.sign(digest, "SHA_384")

    verdict = judge(Reserved())
    assert verdict.step("measurement signature").ok
    assert verdict.step("measurements").evidence["content_changed"] == "0x30"


def test_another_authority_is_not_ours() -> None:
    other = authority("ECDSA_P384", "somebody else").root.certificate
    verdict = judge(Host(), trust=(other,))
    assert "chain: anchor" in failed(verdict)


def test_a_device_that_takes_too_little_is_told() -> None:
    least = Sizes(data_transfer=42, max_message=42)
    verdict = judge(Host(device(sizes=least)))
    assert failed(verdict) == ["challenge", "measurements"]
    assert verdict.step("challenge").detail == "CHALLENGE has 44 bytes, the device takes 42"
