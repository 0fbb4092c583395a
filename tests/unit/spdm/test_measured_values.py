"""Values of measurements, written and read; their bytes by hand after libspdm's `spdm.h`."""

import pytest

from emulator.spdm.messages.measured import (
    KINDS,
    DebugMode,
    DeviceMode,
    OperationalMode,
    StructuredManifest,
    Value,
    flag_names,
    flags_of,
    read_value,
    value_json,
    value_text,
    write_value,
)

# What libspdm's sample device reports: every mode it can tell of, and two debug states.
SAMPLE = "3f000000 04000000 1f000000 11000000"
MODE = DeviceMode(
    operational_mode_capabilities=OperationalMode(0x3F),
    operational_mode_state=OperationalMode.NORMAL,
    device_mode_capabilities=DebugMode(0x1F),
    device_mode_state=DebugMode(0x11),
)


@pytest.mark.parametrize(
    ("kind", "raw", "value", "text", "json"),
    [
        (
            "device-mode",
            SAMPLE,
            MODE,
            "normal; non-invasive-debug-active, invasive-debug-has-been-active-after-mfg",
            {
                "operational_mode_capabilities": [
                    *("manufacturing", "validation", "normal", "recovery", "rma"),
                    "decommissioned",
                ],
                "operational_mode_state": ["normal"],
                "device_mode_capabilities": [
                    "non-invasive-debug-active",
                    "invasive-debug-active",
                    "non-invasive-debug-has-been-active",
                    "invasive-debug-has-been-active",
                    "invasive-debug-has-been-active-after-mfg",
                ],
                "device_mode_state": [
                    "non-invasive-debug-active",
                    "invasive-debug-has-been-active-after-mfg",
                ],
            },
        ),
        (
            "device-mode",
            "00" * 16,
            DeviceMode(
                operational_mode_capabilities=OperationalMode(0),
                operational_mode_state=OperationalMode(0),
                device_mode_capabilities=DebugMode(0),
                device_mode_state=DebugMode(0),
            ),
            "no mode; no debug",
            {
                "operational_mode_capabilities": [],
                "operational_mode_state": [],
                "device_mode_capabilities": [],
                "device_mode_state": [],
            },
        ),
        ("secure-version-number", "0700000000000001", (1 << 56) + 7, f"{(1 << 56) + 7}", None),
        ("version", "342e322e30", "4.2.0", '"4.2.0"', None),
        ("measurement-manifest", "c3a9", "é", '"é"', None),
        ("mutable-firmware", "41", "A", '"A"', None),
        (
            "structured-manifest",
            "07021e98a0a1",
            StructuredManifest(registry=7, vendor=b"\x1e\x98", manifest=b"\xa0\xa1"),
            "CXL 1e98: a0a1",
            {"registry": "CXL", "vendor": "1e98", "manifest": "a0a1"},
        ),
        (
            "structured-manifest",
            "4200",
            StructuredManifest(registry=0x42),
            "66: (empty)",
            {"registry": 0x42, "vendor": "", "manifest": ""},
        ),
    ],
)
def test_values(kind: str, raw: str, value: Value, text: str, json: object) -> None:
    assert write_value(value) == bytes.fromhex(raw)
    assert read_value(KINDS[kind], bytes.fromhex(raw)) == value
    assert value_text(value) == text
    assert value_json(value) == (value if json is None else json)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (KINDS["device-mode"], bytes(15)),
        (KINDS["device-mode"], bytes(17)),
        (KINDS["secure-version-number"], bytes(7)),
        (KINDS["secure-version-number"], bytes(9)),
        (KINDS["structured-manifest"], b"\x07\x02\x1e"),
        (KINDS["version"], b""),
        (KINDS["version"], b"\xff\xfe"),
        (KINDS["version"], b"1.0\0"),
        (KINDS["informational"], b"two\nlines"),
        (0x40, b"\x00"),
    ],
)
def test_what_does_not_fit_its_kind_is_bytes(kind: int, raw: bytes) -> None:
    assert read_value(kind, raw) is None


def test_modes_nobody_knows_are_one_number() -> None:
    assert flag_names(OperationalMode(0x8000_0044)) == ["normal", "0x80000040"]
    value = read_value(KINDS["device-mode"], bytes.fromhex("40") + bytes(15))
    assert isinstance(value, DeviceMode)
    assert value.operational_mode_capabilities == 0x40


def test_modes_have_names() -> None:
    names = ["rma", "normal"]
    assert flags_of(OperationalMode, names) == OperationalMode.RMA | OperationalMode.NORMAL
    assert flag_names(flags_of(OperationalMode, names)) == ["normal", "rma"]
    assert flags_of(DebugMode, []) == 0
    with pytest.raises(KeyError):
        flags_of(DebugMode, ["normal"])
