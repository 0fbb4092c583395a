"""A device whose profile has a measurement extension log, judged by our requester."""

from pathlib import Path

import pytest
from asking import Host
from chains import AT
from judging import judge

from emulator.device import Device
from emulator.entropy import Seeded
from emulator.pki.authority import sample_roots
from emulator.profile import build, load
from emulator.requester import Offer
from emulator.spdm.versions import Version

LOGGING = """profile: 1
name: logging
extends: nvme-ssd
versions: ["1.2", "1.3", "1.4"]
capabilities: [CERT, CHAL, MEAS_SIG, MEAS_FRESH, MEL]
measurements:
  - {index: 1, type: immutable-rom, text: rom}
  - {index: 2, type: version, text: "1.0"}
  - {index: 3, type: hash-extend, extended: [first stage, second stage]}
measurement_log:
  - {index: 1, text: the ROM started}
  - {index: 1, type: version, hex: "312e30"}
"""


def made(folder: Path) -> Device:
    (folder / "p.yaml").write_text(LOGGING, encoding="utf-8")
    return build(load(folder / "p.yaml", at=AT), entropy=Seeded("log"), at=AT)


def host(to: Device, version: Version = Version.V1_3) -> Host:
    return Host(to, offer=Offer(versions=(version,)))


def test_the_measurements_follow_from_the_log(tmp_path: Path) -> None:
    device = made(tmp_path)
    for version in (Version.V1_3, Version.V1_4):
        verdict = judge(host(device, version), trust=sample_roots())
        assert verdict.ok
        step = verdict.step("measurement log")
        assert step.ok
        assert step.detail == "6 entries, and the measurements follow from them"
        assert [(one["index"], one["type_name"]) for one in step.evidence["entries"]] == [
            *((1, "immutable-rom"), (2, "version")),
            *((3, "informational"), (3, "informational")),
            *((1, "informational"), (1, "version")),
        ]


def test_they_do_after_changes_and_a_reset(tmp_path: Path) -> None:
    device = made(tmp_path)
    device.change_measurement(1, b"another rom")
    device.change_measurement(2, b"1.1", pending=True)
    assert judge(host(device), trust=sample_roots()).step("measurement log").ok
    device.reset()
    verdict = judge(host(device), trust=sample_roots())
    assert verdict.ok
    assert len(verdict.step("measurement log").evidence["entries"]) == 6


def test_a_log_that_was_tampered_with_is_told_of(tmp_path: Path) -> None:
    device = made(tmp_path)
    asker = host(device)
    answer = asker.answer

    def bent(request: bytes) -> bytes:
        reply = answer(request)
        return reply.replace(b"second stage", b"other stage!") if request[1] == 0xEF else reply

    asker.answer = bent  # type: ignore[method-assign]
    verdict = judge(asker, trust=sample_roots())
    assert not verdict.ok
    step = verdict.step("measurement log")
    assert step.ok is False
    assert step.detail.startswith("measurement 3 is ")
    assert ", the log says " in step.detail


@pytest.mark.parametrize(
    ("flag", "detail"),
    [("EP_INFO_SIG", "PCISIG 361b 020801 02, signed"), ("EP_INFO_NO_SIG", "TCG, not signed")],
)
def test_what_the_device_says_it_is(tmp_path: Path, flag: str, detail: str) -> None:
    text = LOGGING.replace("MEL]", f"MEL, {flag}]")
    if detail.startswith("TCG"):
        text += "device_classes: [{registry: TCG}]\n"
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    device = build(load(tmp_path / "p.yaml", at=AT), entropy=Seeded("log"), at=AT)
    verdict = judge(host(device), trust=sample_roots())
    assert verdict.ok
    assert verdict.step("endpoint info").detail == detail


def test_a_device_class_that_was_tampered_with(tmp_path: Path) -> None:
    text = LOGGING.replace("MEL]", "EP_INFO_SIG]")
    text = text[: text.index("measurement_log")]
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    device = build(load(tmp_path / "p.yaml", at=AT), entropy=Seeded("log"), at=AT)
    asker = host(device)
    answer = asker.answer

    def bent(request: bytes) -> bytes:
        reply = answer(request)
        return reply.replace(b"\x02\x08\x01", b"\x02\x07\x01") if request[1] == 0x87 else reply

    asker.answer = bent  # type: ignore[method-assign]
    step = judge(asker, trust=sample_roots()).step("endpoint info")
    assert step.ok is False
    assert step.detail.startswith("ENDPOINT_INFO.signature: it is not the one of slot 0's leaf")


def test_there_is_none_before_1_3(tmp_path: Path) -> None:
    verdict = judge(host(made(tmp_path), Version.V1_2), trust=sample_roots())
    assert verdict.ok
    assert "measurement log" not in [step.name for step in verdict.steps]
