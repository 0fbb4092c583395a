"""From profiles to devices."""

import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from chains import AT, issued

from emulator.device import Sizes, Timing
from emulator.device.ide import OnRefusal, OnSessionEnd
from emulator.entropy import Seeded
from emulator.errors import ProfileError
from emulator.link import AddressRange, Block, RidRange, read_blocks
from emulator.pki import files
from emulator.profile import LoadedProfile, build, load, new, ready
from emulator.profile.opaque import Element, table, table_problem
from emulator.spdm.agreement import Agreement
from emulator.spdm.algorithms import OpaqueFormat
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.messages.measured import KINDS
from emulator.spdm.negotiation import Negotiated
from emulator.spdm.pending import Readiness
from emulator.spdm.standards import REGISTRIES
from emulator.spdm.versions import Version

Load = Callable[..., LoadedProfile]


@pytest.mark.parametrize("name", ["linux-cma", "nvme-ssd"])
def test_the_ready_profiles_are_qemus_nvme_device(name: str, at: datetime) -> None:
    device = build(load(name, at=at), entropy=Seeded("run"), at=at)
    assert device.name == name
    assert device.identity.san == "Vendor=1b36:Device=0010:CC=010802:REV=02:SSVID=1af4:SSID=1100"
    assert device.versions == (Version.V1_2, Version.V1_3)
    assert [row.name for row in device.preferences.asym] == ["ECDSA_P384", "ECDSA_P256"]
    assert [row.name for row in device.preferences.hash] == ["SHA_384", "SHA_256"]
    assert device.preferences.opaque_format == OpaqueFormat.FORMAT_1
    assert device.preferences.dhe == device.preferences.aead == ()
    assert device.provisioned("ECDSA_P384") == device.provisioned("ECDSA_P256") == 1
    assert device.sizes == Sizes()
    assert device.timing == Timing()


def test_nvme_ssd_measures(at: datetime) -> None:
    device = build(load("nvme-ssd", at=at), entropy=Seeded("run"), at=at)
    assert device.capabilities == Cap.CERT | Cap.CHAL | Cap.MEAS_SIG | Cap.MEAS_FRESH
    assert device.preferences.measurement_hash is not None
    assert device.preferences.measurement_hash.name == "SHA_384"
    assert [(one.index, one.kind, one.raw) for one in device.measurements] == [
        (1, KINDS["immutable-rom"], False),
        (2, KINDS["mutable-firmware"], False),
        (3, KINDS["hardware-configuration"], False),
        (4, KINDS["firmware-configuration"], False),
        (5, KINDS["version"], True),
        (6, KINDS["secure-version-number"], True),
    ]
    [*_, number] = device.measurements
    assert number.value == (7).to_bytes(8, "little")


@pytest.mark.parametrize(
    ("entry", "value", "how"),
    [
        ("secure-version-number, number: 258", "02 01 00 00 00 00 00 00", "raw"),
        (
            (
                "device-mode, mode: {operational_mode_capabilities: [manufacturing, normal],"
                " operational_mode_state: [normal], device_mode_capabilities:"
                " [invasive-debug-active, invasive-debug-has-been-active-after-mfg]}"
            ),
            "05 00 00 00  04 00 00 00  12 00 00 00  00 00 00 00",
            "raw",
        ),
        ("version, text: v1, report: raw", "76 31", "raw"),
        (
            (
                'structured-manifest, structured: {registry: IANA_CBOR, vendor: "d9 01 f5",'
                ' manifest: "a0"}'
            ),
            "0a 03 d9 01 f5 a0",
            "",
        ),
        ("informational, hex: 'ff'", "ff", ""),
    ],
)
def test_readable_values(
    load_sections: Load, measuring: dict[str, str], entry: str, value: str, how: str
) -> None:
    measuring["measurements"] = f"[{{index: 9, type: {entry}}}]"
    [measured] = load_sections(**measuring).measurements
    assert measured.value == bytes.fromhex(value)
    assert (measured.raw, measured.digested) == (how == "raw", False)


def test_a_hash_is_extended_by_one_entry_after_the_other(
    load_sections: Load, measuring: dict[str, str]
) -> None:
    measuring["measurements"] = "[{index: 9, type: hash-extend, extended: [boot ROM, loader]}]"
    [measured] = load_sections(**measuring).measurements
    first = hashlib.sha256(bytes(32) + b"boot ROM").digest()
    assert measured.value == hashlib.sha256(first + b"loader").digest()
    assert (measured.raw, measured.digested) == (False, True)


def test_gpu_is_a_controller_with_many_measurements(at: datetime) -> None:
    device = build(load("gpu", at=at), entropy=Seeded("run"), at=at)
    assert device.identity.san == (
        "Vendor=1af4:Device=10f0:CC=030200:REV=a1:SSVID=1af4:SSID=10f0:10f0000000000001"
    )
    assert device.capabilities == Cap.CERT | Cap.CHAL | Cap.MEAS_SIG | Cap.CHUNK
    assert device.provisioned("ECDSA_P384") == 0b111
    assert device.timing.ct_exponent > Timing().ct_exponent
    assert list(device.measurement_opaque) == [OpaqueFormat.FORMAT_1]
    assert [one.index for one in device.measurements] == [*range(1, 63), 0xFD, 0xFE]
    assert {one.kind for one in device.measurements} == set(KINDS.values())
    # All at once in one piece for who can take it; no piece is larger than QEMU carries.
    record = device.measurements.record("SHA_384", raw=False)
    assert 3000 < len(record) < device.sizes.transmit - 200
    assert device.sizes.transmit == Sizes().transmit


def test_cxl_memory_is_a_memory_device(at: datetime) -> None:
    device = build(load("cxl-memory", at=at), entropy=Seeded("run"), at=at)
    assert device.identity.san == (
        "Vendor=1af4:Device=10f1:CC=050210:REV=01:SSVID=1af4:SSID=10f1:10f1000000000001"
    )
    assert device.versions == (Version.V1_2, Version.V1_3)
    assert device.capabilities == Cap.CERT | Cap.CHAL | Cap.MEAS_SIG | Cap.MEAS_FRESH
    assert [one.index for one in device.measurements] == [*range(1, 16), 0xFD, 0xFE]


def test_linux_cma_has_no_measurements(at: datetime) -> None:
    device = build(load("linux-cma", at=at), entropy=Seeded("run"), at=at)
    assert device.capabilities == Cap.CERT | Cap.CHAL
    assert device.preferences.measurement_hash is None
    assert len(device.measurements) == 0


def test_every_value_reaches_the_device(load_sections: Load, at: datetime, tmp_path: Path) -> None:
    (tmp_path / "firmware.bin").write_bytes(b"firmware")
    loaded = load_sections(
        capabilities="[CERT, CHAL, MEAS_NO_SIG]",
        algorithms="{asym: [ECDSA_P256], measurement_hash: SHA_256, opaque_format: [],"
        " dhe: [SECP_256_R1, FFDHE_2048], aead: [AES_128_GCM], key_schedule: [SPDM]}",
        sizes="{data_transfer: 1000, transmit: 900, certificate_portion: 100}",
        timing="{ct_exponent: 12, delay: 20ms}",
        measurements=(
            "[{index: 3, type: mutable-firmware, file: firmware.bin}, {index: 2, type: version,"
            f' digest: "{"ab" * 32}"}}, {{index: 9, type: version, hex: "00 ff", report: raw}}]'
        ),
    )
    device = build(loaded, entropy=Seeded("run"), at=at)
    assert device.capabilities == Cap.CERT | Cap.CHAL | Cap.MEAS_NO_SIG
    assert device.preferences.opaque_format == 0
    offered = device.preferences
    assert [row.name for row in offered.dhe] == ["SECP_256_R1", "FFDHE_2048"]
    assert [row.name for row in offered.aead] == ["AES_128_GCM"]
    assert [row.name for row in offered.key_schedule] == ["SPDM"]
    assert device.sizes == Sizes(
        data_transfer=1000, max_message=1000, transmit=900, certificate_portion=100
    )
    assert device.timing == Timing(ct_exponent=12, delay=0.02)
    assert [(one.index, one.value, one.raw, one.digested) for one in device.measurements] == [
        (2, b"\xab" * 32, False, True),
        (3, b"firmware", False, False),
        (9, b"\x00\xff", True, False),
    ]


def test_replies_that_are_not_ready(load_sections: Load, at: datetime) -> None:
    def timing(text: str) -> Readiness | None:
        loaded = load_sections(timing=text)
        return build(loaded, entropy=Seeded("run"), at=at).timing.not_ready

    assert timing("{not_ready: null}") is None
    assert timing("{not_ready: {}}") == Readiness(None, 10, 255, 0)
    named = "{not_ready: {requests: [CHALLENGE, GET_DIGESTS], rdt_exponent: 3, rdtm: 2, tries: 1}}"
    codes = frozenset({Code.CHALLENGE, Code.GET_DIGESTS})
    assert timing(named) == Readiness(codes, 3, 2, 1)


def test_a_provisioned_negotiation(
    load_sections: Load, measuring: dict[str, str], at: datetime
) -> None:
    loaded = load_sections(
        **{**measuring, "capabilities": "[CERT, CHAL, MEAS_SIG, CACHE]"},
        provisioned=(
            '{version: "1.2", requester_capabilities: [CERT, CHAL, CHUNK], asym: ECDSA_P256,'
            " hash: SHA_256, opaque_format: FORMAT_1}"
        ),
    )
    device = build(loaded, entropy=Seeded("run"), at=at)
    preferences = device.preferences
    assert device.provisioned_agreement == Agreement(
        version=0x12,
        local_capabilities=Cap.CERT | Cap.CHAL | Cap.MEAS_SIG | Cap.CACHE,
        peer_capabilities=Cap.CERT | Cap.CHAL | Cap.CHUNK,
        algorithms=Negotiated(
            measurement_specification=1,
            measurement_hash=preferences.measurement_hash,
            asym=preferences.asym[0],
            hash=preferences.hash[0],
            other_params=2,
        ),
    )


def test_a_provisioned_negotiation_without_anything(load_sections: Load, at: datetime) -> None:
    loaded = load_sections(
        capabilities="[]", slots="{}", provisioned='{version: "1.2"}', algorithms="{asym: []}"
    )
    device = build(loaded, entropy=Seeded("run"), at=at)
    assert device.provisioned_agreement == Agreement(version=0x12)


def test_max_message_can_be_said(load_sections: Load, at: datetime) -> None:
    loaded = load_sections(sizes="{data_transfer: 1000, max_message: 1000}")
    assert build(loaded, entropy=Seeded("run"), at=at).sizes.max_message == 1000


def test_opaque_data(load_sections: Load, measuring: dict[str, str], at: datetime) -> None:
    measuring["algorithms"] = (
        "{asym: [ECDSA_P256], measurement_hash: SHA_256, opaque_format: [FORMAT_0, FORMAT_1]}"
    )
    loaded = load_sections(
        opaque=(
            '{challenge: {FORMAT_0: "aa bb", FORMAT_1: [{registry: PCISIG, vendor: "36 1b",'
            ' data: "01 02 03"}, {registry: 0}]}, measurements: {FORMAT_1: "01000000 09000000"}}'
        ),
        **measuring,
    )
    device = build(loaded, entropy=Seeded("run"), at=at)
    elements = "02000000 0302361b 0300 010203 000000 00000000"
    assert device.challenge_opaque == {1: b"\xaa\xbb", 2: bytes.fromhex(elements)}
    assert device.measurement_opaque == {2: bytes.fromhex("01000000 09000000")}
    assert device.preferences.opaque_format == OpaqueFormat.FORMAT_0 | OpaqueFormat.FORMAT_1


def test_opaque_data_has_a_largest_size(load_sections: Load) -> None:
    fits = "00" * (1024 - 8)
    load_sections(opaque=f'{{challenge: {{FORMAT_1: [{{registry: DMTF, data: "{fits}"}}]}}}}')
    with pytest.raises(ProfileError) as caught:
        load_sections(opaque=f'{{challenge: {{FORMAT_1: [{{registry: 0, data: "{fits}00"}}]}}}}')
    [line] = caught.value.problems
    assert line.endswith(
        ":8:32: opaque.challenge.FORMAT_1: found 1028 bytes; expected at most 1024 bytes"
    )


@pytest.mark.parametrize("name", REGISTRIES)
def test_a_table_of_each_registry_is_sound(name: str) -> None:
    for size in REGISTRIES[name].vendor_sizes:
        for length in range(5):
            one = Element(REGISTRIES[name].number, bytes(size), b"\xff" * length)
            data = table([one, one])
            assert len(data) % 4 == 0
            assert table_problem(data) == ""


def test_each_build_is_another_device(load_sections: Load, measuring: dict[str, str]) -> None:
    loaded = load_sections(**measuring)
    one, two = (build(loaded, entropy=Seeded("run"), at=AT) for _ in range(2))
    one.measurements.change(1, b"changed")
    one.attach()
    assert two.connections == 0
    [untouched] = two.measurements
    assert untouched.value == b"v"
    assert one.slots[0].chains["ECDSA_P256"] is two.slots[0].chains["ECDSA_P256"]


def test_certificates_must_be_valid_when_a_device_is_built(
    load_sections: Load, tmp_path: Path
) -> None:
    chain = issued(not_before=AT, not_after=AT + timedelta(days=30))
    (tmp_path / "chain.pem").write_bytes(files.to_pem(chain.certificates))
    (tmp_path / "key.pem").write_bytes(chain.key.to_pem())
    loaded = load_sections(slots="{0: {chains: [{certificates: [chain.pem], key: key.pem}]}}")
    build(loaded, entropy=Seeded("run"), at=AT + timedelta(days=30))
    with pytest.raises(ProfileError, match="valid at 2025-07-02") as caught:
        build(loaded, entropy=Seeded("run"), at=AT + timedelta(days=31))
    assert ":7:22: slots.0.chains[0]: found a chain valid from 2025-06-01" in str(caught.value)


def test_a_measurement_has_a_largest_size(load_sections: Load, tmp_path: Path) -> None:
    sections = {
        "capabilities": "[CERT, CHAL, MEAS_SIG]",
        "algorithms": "{asym: [ECDSA_P256], measurement_hash: SHA_256}",
        "measurements": "[{index: 1, type: mutable-firmware, file: big.bin}]",
    }
    (tmp_path / "big.bin").write_bytes(bytes(0xFFFF - 3))
    load_sections(**sections)
    (tmp_path / "big.bin").write_bytes(bytes(0xFFFF - 2))
    with pytest.raises(ProfileError) as caught:
        load_sections(**sections)
    [line] = caught.value.problems
    assert line.endswith("measurements[0].file: found more; expected at most 65532 bytes")


def test_a_device_without_any_capability(load_sections: Load, at: datetime) -> None:
    loaded = load_sections(
        capabilities="[]", slots="{}", algorithms="{asym: []}", sizes="{transmit: 42}"
    )
    assert build(loaded, entropy=Seeded("run"), at=at).capabilities == 0


def test_the_starter_loads(tmp_path: Path, at: datetime) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(new('my "device": 1'))
    assert load(path, at=at).profile.name == 'my "device": 1'


def test_the_examples_of_the_starter_load_too(tmp_path: Path, at: datetime) -> None:
    lines = new("mine").splitlines()
    used = [re.sub(r"^#(?! \S)", "", line) for line in lines]
    assert sum(map(str.__ne__, lines, used)) > 20
    path = tmp_path / "p.yaml"
    path.write_text("\n".join(used))
    profile = load(path, at=at).profile
    assert profile.model_fields_set >= {"versions", "algorithms", "sizes", "slots", "measurements"}
    assert profile.model_fields_set >= {"opaque", "timing", "listener"}
    assert profile.listener.port == 2324


def test_ready_profiles_say_what_they_are(at: datetime) -> None:
    for name in ready():
        profile = load(name, at=at).profile
        assert profile.name == name
        assert profile.description


def test_everything_has_eight_ports_with_stream_0(at: datetime) -> None:
    ide = build(load("everything", at=at), entropy=Seeded("run"), at=at).ide
    assert ide is not None
    assert (ide.max_port, ide.bus, ide.devfn, ide.segment) == (7, 1, 0, 0)
    assert (ide.on_refusal, ide.on_session_end) == (OnRefusal.SILENT, OnSessionEnd.KEEP)
    for index, port in enumerate(ide.ports):
        assert port.name == f"port {index}"
        assert port.requester == 0x0100
        assert [stream.id for stream in port.streams] == [0]
        [block] = read_blocks(port.registers())
        assert block.selective
        assert block.control == 0x00400001
        assert block.rid == RidRange(0, 0xFF)
        assert block.addresses == (AddressRange(0, 0x7F_FFFF_FFFF),)


def test_ide_as_it_is_written(load_sections: Load, at: datetime) -> None:
    sections = {
        "capabilities": "[CERT, CHAL, KEY_EX, MAC]",
        "algorithms": "{asym: [ECDSA_P256], hash: [SHA_256], opaque_format: [FORMAT_1],"
        " dhe: [SECP_256_R1], aead: [AES_128_GCM], key_schedule: [SPDM]}",
        "ide": "{bus: 3, devfn: 0x48, segment: 2, on_refusal: error, on_session_end: insecure,"
        " link: [{stream: 7}, {stream: 9, enabled: true, traffic_class: 5}],"
        " selective: [{stream: 1, enabled: false, default: false, rid: {segment: 4}}]}",
    }
    ide = build(load_sections(**sections), entropy=Seeded("run"), at=at).ide
    assert ide is not None
    assert (ide.max_port, ide.bus, ide.devfn, ide.segment) == (0, 3, 0x48, 2)
    assert (ide.on_refusal, ide.on_session_end) == (OnRefusal.ERROR, OnSessionEnd.INSECURE)
    assert read_blocks(ide.ports[0].registers()) == [
        Block(selective=False, control=0x0700_0000, status=0),
        Block(selective=False, control=0x0928_0001, status=0),
        Block(selective=True, control=0x0100_0000, status=0, rid=RidRange(0, 0xFFFF, 4)),
    ]


def test_devices_share_no_streams(at: datetime) -> None:
    loaded = load("everything", at=at)
    one, other = (build(loaded, entropy=Seeded("run"), at=at).ide for _ in range(2))
    assert one is not None
    assert other is not None
    assert not set(one.streams()) & set(other.streams())


def test_a_device_that_says_nothing_of_ide_has_none(load_sections: Load, at: datetime) -> None:
    assert build(load_sections(), entropy=Seeded("run"), at=at).ide is None
