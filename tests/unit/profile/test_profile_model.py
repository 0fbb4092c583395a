"""What each value may be: the whole line for each kind of mistake."""

import pytest
from conftest import Load, Problems

KEYS = (
    "one of profile, name, description, extends, identity, versions, capabilities, algorithms,"
    " sizes, slots, measurements, opaque, timing, listener"
)
TYPES = (
    "one of immutable-rom, mutable-firmware, hardware-configuration, firmware-configuration,"
    " measurement-manifest, device-mode, version, secure-version-number"
)
CAPS = "one of CERT, CHAL, MEAS_NO_SIG, MEAS_SIG, MEAS_FRESH"
REGISTRIES = (
    "one of DMTF, TCG, USB, PCISIG, IANA, HDBASET, MIPI, CXL, JEDEC, VESA, IANA_CBOR, DMTF_DSP"
)


def test_the_sound_profile_is_sound(problems: Problems) -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("section", "text", "line"),
    [
        ("profile", "2", "1:10: profile: found the number 2; expected 1, the version of this file format"),
        ("profile", "true", "1:10: profile: found true; expected 1, the version of this file format"),
        (
            "name",
            "3",
            '2:7: name: found the number 3; expected text of 1 to 64 characters, in quotes: "3"',
        ),
        ("name", '""', '2:7: name: found ""; expected text of 1 to 64 characters'),
        ("name", '"a\\nb"', '2:7: name: found "a\\nb"; expected one line of printable text'),
        ("nam", "x", f"8:1: nam: found an unknown key; expected {KEYS}; did you mean name?"),
        ("12", "x", f"8:1: 12: found an unknown key; expected {KEYS}"),
        (
            "<<",
            "{a: 1}",
            f"8:1: <<: found an unknown key; expected {KEYS}; YAML 1.2 has no merge key,"
            " use extends",
        ),
        ("identity", "[]", "3:11: identity: found an empty list; expected a mapping"),
        (
            "identity",
            "{}",
            "3:11: identity.vendor: found nothing; expected a whole number from 0 to 0xffff",
        ),
        ("versions", "1.2", "4:11: versions: found the number 1.2; expected a list of at least 1 value"),
        (
            "versions",
            "[1.2]",
            '4:12: versions[0]: found the number 1.2; expected one of "1.2", "1.3",'
            ' in quotes: "1.2"',
        ),
        (
            "versions",
            '["1.1"]',
            '4:12: versions[0]: found "1.1"; expected one of "1.2", "1.3" (SPDM 1.1 exists,'
            " this emulator does not speak it)",
        ),
        ("versions", '["2.0"]', '4:12: versions[0]: found "2.0"; expected one of "1.2", "1.3"'),
        ("versions", '["1.2", "1.2"]', "4:11: versions: found 1.2 twice; expected each name once"),
        ("versions", "[]", "4:11: versions: found an empty list; expected a list of at least 1 value"),
        (
            "capabilities",
            "[CHALL, CERT]",
            f'5:16: capabilities[0]: found "CHALL"; expected {CAPS}; did you mean CHAL?',
        ),
        (
            "capabilities",
            "[KEY_EX]",
            f'5:16: capabilities[0]: found "KEY_EX"; expected {CAPS} (SPDM knows KEY_EX, this'
            " emulator has no answer for what it offers)",
        ),
        ("capabilities", "[1]", f"5:16: capabilities[0]: found the number 1; expected {CAPS}"),
        (
            "algorithms",
            "{asym: [ecdsa-p256]}",
            '6:21: algorithms.asym[0]: found "ecdsa-p256"; expected one of ECDSA_P256,'
            " ECDSA_P384; did you mean ECDSA_P256?",
        ),
        (
            "algorithms",
            "{hash: [SHA_512]}",
            '6:21: algorithms.hash[0]: found "SHA_512"; expected one of SHA_256, SHA_384 (SPDM'
            " knows SHA_512, this emulator cannot compute it)",
        ),
        (
            "algorithms",
            "{measurement_hash: sha384}",
            '6:32: algorithms.measurement_hash: found "sha384"; expected one of RAW_BIT,'
            " SHA_256, SHA_384; did you mean SHA_384?",
        ),
        (
            "algorithms",
            "{opaque_format: FORMAT_1}",
            '6:29: algorithms.opaque_format: found "FORMAT_1"; expected a list',
        ),
        (
            "sizes",
            "{data_transfer: 41}",
            "8:24: sizes.data_transfer: found the number 41; expected a whole number from 42 to"
            " 0xffffffff",
        ),
        (
            "sizes",
            "{certificate_portion: 0x10000}",
            "8:30: sizes.certificate_portion: found the number 0x10000; expected a whole number"
            " from 0 to 0xffff",
        ),
        ("slots", "{8: auto}", '7:9: slots.8: found the key "8"; expected a slot number from 0 to 7'),
        ("slots", "{a: auto}", '7:9: slots.a: found the key "a"; expected a slot number from 0 to 7'),
        (
            "slots",
            "{0: atuo}",
            '7:12: slots.0: found "atuo"; expected auto or a mapping; did you mean auto?',
        ),
        ("slots", "{0: 1}", "7:12: slots.0: found the number 1; expected auto or a mapping"),
        (
            "slots",
            "{0: {auto: {include_root: 1}}}",
            "7:34: slots.0.auto.include_root: found the number 1; expected true or false",
        ),
        (
            "slots",
            "{0: {chains: [{certificates: [1]}]}}",
            "7:23: slots.0.chains[0].key: found nothing; expected the path of a file",
        ),
        (
            "measurements",
            "[{index: 0, type: version, text: v}]",
            "8:24: measurements[0].index: found the number 0; expected a whole number from 1 to 254",
        ),
        (
            "measurements",
            "[{index: 1, type: rom, text: v}]",
            f'8:33: measurements[0].type: found "rom"; expected {TYPES}',
        ),
        (
            "measurements",
            "[{index: 1, type: version, hex: 0011}]",
            "8:47: measurements[0].hex: found the number 0011; expected pairs of hexadecimal"
            ' digits, in quotes: "0011"',
        ),
        (
            "measurements",
            "[{index: 1, type: version, digest: abc}]",
            '8:50: measurements[0].digest: found "abc"; expected pairs of hexadecimal digits',
        ),
        (
            "measurements",
            "[{index: 1, type: version, text: v, report: row}]",
            '8:59: measurements[0].report: found "row"; expected one of digest, raw;'
            " did you mean raw?",
        ),
        (
            "opaque",
            "{challenge: {FORMAT_1: [{registry: PCI-SIG}]}}",
            f'8:44: opaque.challenge.FORMAT_1[0].registry: found "PCI-SIG"; expected {REGISTRIES},'
            " or a number; did you mean PCISIG?",
        ),
        (
            "opaque",
            "{challenge: {FORMAT_1: [{registry: 12}]}}",
            f"8:44: opaque.challenge.FORMAT_1[0].registry: found the number 12; expected"
            f" {REGISTRIES} or a whole number from 0 to 11",
        ),
        (
            "opaque",
            "{challenge: {FORMAT_1: {}}}",
            "8:32: opaque.challenge.FORMAT_1: found an empty mapping; expected pairs of"
            " hexadecimal digits or a list of 1 to 255 values",
        ),
        (
            "opaque",
            "{challenge: {FORMAT_2: x}}",
            "8:22: opaque.challenge.FORMAT_2: found an unknown key; expected one of FORMAT_0,"
            " FORMAT_1; did you mean FORMAT_1?",
        ),
        (
            "timing",
            "{ct_exponent: 32}",
            "8:23: timing.ct_exponent: found the number 32; expected a whole number from 0 to 31",
        ),
        (
            "timing",
            "{delay: 20 min}",
            '8:17: timing.delay: found "20 min"; expected a number from 0 to 600 or text such as'
            " 20ms",
        ),
        (
            "timing",
            "{delay: .nan}",
            "8:17: timing.delay: found the number .nan; expected a number from 0 to 600 or text"
            " such as 20ms",
        ),
        (
            "timing",
            "{delay: 601s}",
            '8:17: timing.delay: found "601s"; expected a number from 0 to 600 or text such as'
            " 20ms",
        ),
        (
            "listener",
            '{host: "", port: 65536}',
            '8:18: listener.host: found ""; expected text of at least 1 character',
        ),
    ],
)
def test_a_mistake_in_a_value(problems: Problems, section: str, text: str, line: str) -> None:
    assert f"p.yaml:{line}" in problems(**{section: text})


def test_all_problems_are_told_in_the_order_of_the_file(problems: Problems) -> None:
    found = problems(
        name="3",
        identity="{vendor: 0x10000, device: 2, class_code: 3, revision: 256, serial: x}",
        capabilities="[CHAL]",
        listener="{port: -1}",
    )
    assert [line.split(" found ")[0] for line in found] == [
        "p.yaml:2:7: name:",
        "p.yaml:3:20: identity.vendor:",
        "p.yaml:3:65: identity.revision:",
        "p.yaml:3:78: identity.serial:",
        "p.yaml:5:15: capabilities:",
        "p.yaml:7:8: slots:",
        "p.yaml:8:18: listener.port:",
    ]


def test_required_sections(problems: Problems) -> None:
    assert problems(name=None, identity=None) == [
        "p.yaml:1:1: name: found nothing; expected text of 1 to 64 characters",
        "p.yaml:1:1: identity: found nothing; expected a mapping",
    ]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("0", 0.0), ("2", 2.0), ("0.5", 0.5), ("20ms", 0.02), ("300 us", 0.0003), ("1.5s", 1.5)],
)
def test_delays(load_sections: Load, written: str, seconds: float) -> None:
    loaded = load_sections(timing=f"{{delay: {written}}}")
    assert loaded.profile.timing.delay == pytest.approx(seconds)


def test_registries_by_name_and_number(load_sections: Load) -> None:
    loaded = load_sections(
        opaque="{challenge: {FORMAT_1: [{registry: CXL}, {registry: 7, vendor: '98 1e'}]}}"
    )
    elements = loaded.profile.opaque.challenge.FORMAT_1
    assert isinstance(elements, list)
    assert [element.registry for element in elements] == [7, 7]
