"""Devices that are known by a public key: no certificates, slot 0xFF and SlotID 0xF."""

import hashlib
from pathlib import Path

import pytest
from asking import Host, patched
from chains import AT
from devices import error, get_certificate, get_digests, get_measurements
from judging import failed, judge, skipped

from emulator.crypto.keys import SigningKey, VerifyingKey
from emulator.device import Device
from emulator.entropy import Seeded
from emulator.errors import BrokenReply, EmulatorError, SignatureMismatch
from emulator.profile import build, load
from emulator.requester import Offer
from emulator.requester.reading import MeasurementMode
from emulator.spdm.messages.challenge import NO_SLOT, SummaryType
from emulator.spdm.versions import Version

KEYED = """profile: 1
name: a key
extends: nvme-ssd
versions: ["1.1", "1.2", "1.3", "1.4"]
capabilities: [CHAL, MEAS_SIG, MEAS_FRESH, PUB_KEY_ID]
algorithms: {asym: [ECDSA_P384, ECDSA_P256, RSAPSS_3072, RSASSA_3072]}
slots: {0: null}
public_key: auto
"""
ALL = (Version.V1_1, Version.V1_2, Version.V1_3, Version.V1_4)
OTHER = SigningKey.derive("ECDSA_P384", b"another").public


@pytest.fixture
def device(tmp_path: Path) -> Device:
    (tmp_path / "p.yaml").write_text(KEYED, encoding="utf-8")
    return build(load(tmp_path / "p.yaml", at=AT), entropy=Seeded("keys"), at=AT)


def keys(device: Device) -> list[VerifyingKey]:
    return [key.public for key in device.public_keys.values()]


def host(
    device: Device, version: Version = Version.V1_3, asym: str = "ECDSA_P384", key: object = None
) -> Host:
    made = Host(device, offer=Offer(versions=(version,), asym=(asym,))).connected()
    public = device.public_keys[asym].public if key is None else key
    assert isinstance(public, VerifyingKey)
    made.requester.public_key = public
    return made


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("asym", ["ECDSA_P384", "ECDSA_P256", "RSAPSS_3072", "RSASSA_3072"])
@pytest.mark.parametrize("measurements", ["all", "one-by-one"])
def test_a_device_is_attested_by_its_public_key(
    device: Device, version: Version, asym: str, measurements: MeasurementMode
) -> None:
    one = Host(device, offer=Offer(versions=(version,), asym=(asym,)))
    verdict = judge(one, public_keys=keys(device), san=None, measurements=measurements)
    assert verdict.ok, failed(verdict)
    assert skipped(verdict) == ["digests", "certificate chain", "digest"]
    key = device.public_keys[asym].public
    assert verdict.step("public key").evidence["sha256"] == hashlib.sha256(key.spki).hexdigest()
    for what, covers in (("challenge", "negotiation and challenge"), ("measurement", "negot")):
        detail = verdict.step(f"{what} signature").detail
        assert detail.startswith(f"it is the provisioned key's, over {covers}")


def test_what_the_replies_carry(device: Device) -> None:
    one = host(device)
    found = one.run(one.requester.challenge(NO_SLOT, summary=SummaryType.ALL)).reply
    assert one.sent[-1][2] == 0xFF
    assert (found.slot, found.slot_mask) == (0x0F, 0)
    spki = device.public_keys["ECDSA_P384"].public.spki
    assert found.cert_chain_hash == hashlib.sha384(spki).digest()
    reading = one.run(one.requester.measurements(signed_by=NO_SLOT))
    assert one.sent[-1][36] == 0x0F
    assert reading.reply.slot == 0x2F


def test_there_are_no_certificates(device: Device) -> None:
    one = host(device)
    assert one.answer(get_digests()) == error(0x13, 0x07, 0x81)
    assert one.answer(get_certificate()) == error(0x13, 0x07, 0x82)
    assert one.answer(get_measurements(signed=True, slot=0)) == error(0x13, 0x01)


@pytest.mark.parametrize(("at", "value", "reason"), [(2, 0x00, "slot"), (4, 0x00, "cert_chain")])
def test_a_bent_challenge_is_broken(device: Device, at: int, value: int, reason: str) -> None:
    one = host(device)
    answer = one.answer
    one.answer = lambda request: patched(answer(request), at, value)  # type: ignore[method-assign]
    with pytest.raises(BrokenReply, match=rf"CHALLENGE_AUTH.{reason}"):
        one.run(one.requester.challenge(NO_SLOT))


def test_the_mask_of_slots_says_nothing(device: Device) -> None:
    one = host(device)
    answer = one.answer
    one.answer = lambda request: patched(answer(request), 3, 0xFF)  # type: ignore[method-assign]
    with pytest.raises(SignatureMismatch, match="it is not the one of the provisioned key over"):
        one.run(one.requester.challenge(NO_SLOT))


def test_another_key_fails(device: Device) -> None:
    verdict = judge(Host(device), public_keys=[OTHER], san=None)
    assert failed(verdict) == ["challenge", "measurement signature"]
    assert "the hash of the provisioned key" in verdict.step("challenge").detail


def test_a_key_of_another_kind_fails(device: Device) -> None:
    one = Host(device, offer=Offer(asym=("ECDSA_P256",)))
    verdict = judge(one, public_keys=[OTHER], san=None)
    assert failed(verdict) == ["public key"]
    assert verdict.step("public key").detail == "none that was given makes ECDSA_P256 signatures"


def test_a_key_for_a_device_with_certificates_fails() -> None:
    verdict = judge(Host(), public_keys=[OTHER], san=None)
    assert failed(verdict) == ["public key"]
    assert verdict.step("public key").detail == "the device does not offer PUB_KEY_ID"


def test_without_its_key_nothing_can_be_said(device: Device) -> None:
    verdict = judge(Host(device), san=None)
    assert failed(verdict) == ["digests"]
    told = "the device has no certificates: its public key must be given"
    assert verdict.step("digests").detail == told


def test_a_key_must_be_given_first(device: Device) -> None:
    one = host(device)
    one.requester.public_key = None
    with pytest.raises(EmulatorError, match=r"no public key of the device was given"):
        one.run(one.requester.challenge(NO_SLOT))


def test_auto_keys_stay_over_restarts_and_belong_to_the_device(tmp_path: Path) -> None:
    def made(text: str) -> list[bytes]:
        (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
        loaded = load(tmp_path / "p.yaml", at=AT)
        return [loaded.public_keys[name].public.spki for name in ("ECDSA_P384", "ECDSA_P256")]

    assert made(KEYED) == made(KEYED + "description: another text\n")
    assert set(made(KEYED)).isdisjoint(made(KEYED.replace("a key", "another")))
