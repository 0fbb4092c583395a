"""Devices of each certificate model, as their profiles make them, judged by our requester."""

from pathlib import Path

import pytest
from asking import Host
from chains import AT
from judging import failed, judge, skipped

from emulator.crypto.certificate import Certificate
from emulator.device import Device
from emulator.entropy import Seeded
from emulator.errors import PeerErrorReply
from emulator.pki.authority import sample_roots
from emulator.profile import build, load
from emulator.requester import Offer
from emulator.spdm.codes import Code, ErrorCode
from emulator.spdm.state import State
from emulator.spdm.versions import Version

ALIAS = """profile: 1
name: an alias
extends: nvme-ssd
versions: ["1.2", "1.3", "1.4"]
capabilities: [CERT, CHAL, MEAS_SIG, MEAS_FRESH, ALIAS_CERT]
slots: {0: {auto: {model: alias}}}
"""
GENERIC = """profile: 1
name: a generic one
extends: nvme-ssd
versions: ["1.3", "1.4"]
slots: {0: auto, 1: {auto: {model: generic}}}
"""


def made(text: str, folder: Path) -> Device:
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    return build(load(folder / "p.yaml", at=AT), entropy=Seeded("models"), at=AT)


def host(to: Device, version: Version = Version.V1_3, asym: str = "ECDSA_P384") -> Host:
    return Host(to, offer=Offer(versions=(version,), asym=(asym,)))


@pytest.mark.parametrize("version", [Version.V1_2, Version.V1_3, Version.V1_4])
@pytest.mark.parametrize("asym", ["ECDSA_P384", "ECDSA_P256"])
def test_an_alias_passes_and_tells_its_firmware(
    tmp_path: Path, version: Version, asym: str
) -> None:
    verdict = judge(host(made(ALIAS, tmp_path), version, asym), trust=sample_roots())
    assert verdict.ok
    assert (failed(verdict), skipped(verdict)) == ([], ["firmware identity"])
    told = verdict.step("firmware identity")
    assert told.detail == (
        "certificate 3: vendor 1b36, model an alias, version 4.2.0, svn 7, layer 1, index 0;"
        " 6 digests, 4 of them as measured"
    )
    measured = verdict.step("measurements").evidence["measurements"]
    digests = [one["digest"] for one in told.evidence["fwids"]]
    assert digests[:4] == [one["value"] for one in measured[:4]]
    described = verdict.step("certificate chain").evidence["certificates"]
    assert ["tcb_info" in one for one in described] == [False, False, False, True]
    identity = verdict.step("chain: leaf SPDM extension").detail
    assert identity.endswith("; CN=an alias device,O=spdm-emulator has the hardware identity")


def test_without_measurements_only_the_firmware_is_told(tmp_path: Path) -> None:
    verdict = judge(host(made(ALIAS, tmp_path)), trust=sample_roots(), measurements="none")
    assert verdict.step("firmware identity").detail.endswith("index 0; 6 digests")


@pytest.mark.parametrize("asym", ["ECDSA_P384", "ECDSA_P256"])
def test_after_an_update_another_alias_of_the_same_device_passes(tmp_path: Path, asym: str) -> None:
    device = made(ALIAS, tmp_path)
    before = host(device, asym=asym).connected(0).requester.chains[0]
    device.measurements.change(2, b"nvme-ssd firmware 4.3.0, build 1201")
    one = host(device, asym=asym)
    verdict = judge(one, trust=sample_roots())
    assert verdict.ok, failed(verdict)
    after = one.requester.chains[0]
    assert before.certificates[:-1] == after.certificates[:-1]
    old, new = (Certificate.parse(chain.certificates[-1]) for chain in (before, after))
    assert old.key is not None
    assert new.key is not None
    assert old.key.spki != new.key.spki
    assert old.tcb_info is not None
    assert new.tcb_info is not None
    same = [a == b for a, b in zip(old.tcb_info.fwids, new.tcb_info.fwids, strict=True)]
    assert same == [True, False, True, True, True, True]
    device.measurements.change(2, b"nvme-ssd firmware 4.2.0, build 1187")
    assert host(device, asym=asym).connected(0).requester.chains[0].spdm == before.spdm


def test_an_update_under_a_connection_asks_the_host_to_begin_anew(tmp_path: Path) -> None:
    device = made(ALIAS, tmp_path)
    one = host(device).connected(0)
    device.measurements.change(2, b"other firmware")
    with pytest.raises(PeerErrorReply, match="REQUEST_RESYNCH") as refused:
        one.run(one.requester.challenge(0))
    assert refused.value.code == ErrorCode.REQUEST_RESYNCH
    assert one.connection.state == State.NOT_STARTED
    assert judge(one, trust=sample_roots()).ok


def test_an_update_during_an_attestation_ends_it(tmp_path: Path) -> None:
    device = made(ALIAS, tmp_path)
    one = host(device)
    answer = one.answer

    def updating(request: bytes) -> bytes:
        if request[1] == Code.CHALLENGE:
            device.measurements.change(2, b"other firmware")
        return answer(request)

    one.answer = updating  # type: ignore[method-assign]
    verdict = judge(one, trust=sample_roots())
    assert failed(verdict) == ["challenge"]
    assert "REQUEST_RESYNCH" in verdict.step("challenge").detail
    assert verdict.step("measurements").detail == "not reached"


@pytest.mark.parametrize("version", [Version.V1_3, Version.V1_4])
def test_a_generic_certificate_passes(tmp_path: Path, version: Version) -> None:
    device = made(GENERIC, tmp_path)
    verdict = judge(host(device, version), trust=sample_roots(), slot=1)
    assert verdict.ok, failed(verdict)
    assert verdict.step("chain: leaf SPDM extension").detail == (
        "the leaf carries no SPDM identifier"
    )
    assert judge(host(device, version), trust=sample_roots(), slot=0).ok


def test_devices_keep_their_aliases_over_restarts(tmp_path: Path) -> None:
    one, other = (made(ALIAS, tmp_path) for _ in range(2))
    assert one.slots[0].chains["ECDSA_P384"].certificates == (
        other.slots[0].chains["ECDSA_P384"].certificates
    )
