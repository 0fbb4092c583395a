"""Codes, versions and errors by number and by name (libspdm `spdm.h`)."""

import pytest

from emulator import errors
from emulator.errors import SpdmError
from emulator.spdm import codes
from emulator.spdm.codes import Code, ErrorCode
from emulator.spdm.versions import BY_TEXT, RULES, Version, rules

CODES = {
    "GET_DIGESTS": 0x81,
    "GET_CERTIFICATE": 0x82,
    "CHALLENGE": 0x83,
    "GET_VERSION": 0x84,
    "GET_MEASUREMENTS": 0xE0,
    "GET_CAPABILITIES": 0xE1,
    "NEGOTIATE_ALGORITHMS": 0xE3,
    "VENDOR_DEFINED_REQUEST": 0xFE,
    "RESPOND_IF_READY": 0xFF,
    "CHUNK_SEND": 0x85,
    "SLOT_MANAGEMENT": 0x88,
    "KEY_EXCHANGE": 0xE4,
    "SET_KEY_PAIR_INFO": 0xFD,
    "DIGESTS": 0x01,
    "CERTIFICATE": 0x02,
    "CHALLENGE_AUTH": 0x03,
    "VERSION": 0x04,
    "MEASUREMENTS": 0x60,
    "CAPABILITIES": 0x61,
    "ALGORITHMS": 0x63,
    "VENDOR_DEFINED_RESPONSE": 0x7E,
    "ERROR": 0x7F,
}

ERROR_CODES = {
    0x01: "INVALID_REQUEST",
    0x03: "BUSY",
    0x04: "UNEXPECTED_REQUEST",
    0x05: "UNSPECIFIED",
    0x06: "DECRYPT_ERROR",
    0x07: "UNSUPPORTED_REQUEST",
    0x08: "REQUEST_IN_FLIGHT",
    0x09: "INVALID_RESPONSE_CODE",
    0x0A: "SESSION_LIMIT_EXCEEDED",
    0x0B: "SESSION_REQUIRED",
    0x0C: "RESET_REQUIRED",
    0x0D: "RESPONSE_TOO_LARGE",
    0x0E: "REQUEST_TOO_LARGE",
    0x0F: "LARGE_RESPONSE",
    0x10: "MESSAGE_LOST",
    0x11: "INVALID_POLICY",
    0x12: "DATA_TOO_LARGE",
    0x41: "VERSION_MISMATCH",
    0x42: "RESPONSE_NOT_READY",
    0x43: "REQUEST_RESYNCH",
    0x44: "OPERATION_FAILED",
    0x45: "NO_PENDING_REQUESTS",
    0x46: "REQUEST_SESSION_TERMINATED",
    0x47: "INVALID_STATE",
    0xFF: "VENDOR_DEFINED",
}


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_codes_are_the_headers(name: str, code: int) -> None:
    assert Code[name] == code
    assert codes.name(code) == name


def test_every_request_has_its_response() -> None:
    requests = {code for code in Code if code >= 0x80}
    responses = {code for code in Code if code < 0x80} - {Code.ERROR}
    without = {Code.RESPOND_IF_READY}  # answered by the response it asks for again
    assert {code & 0x7F for code in requests - without} == responses


@pytest.mark.parametrize(("code", "name"), ERROR_CODES.items())
def test_error_codes_are_the_headers(code: int, name: str) -> None:
    assert ErrorCode(code).name == codes.error_name(code) == name


def test_unknown_codes_are_shown_in_hex() -> None:
    assert codes.name(0xA5) == "0xa5"
    assert codes.name(0) == "0x00"
    assert codes.error_name(0x02) == "INVALID_SESSION"  # of 1.1 alone, which `spdm.h` leaves out
    assert codes.error_name(0xEE) == "0xee"


@pytest.mark.parametrize("cls", SpdmError.__subclasses__(), ids=lambda cls: cls.__name__)
def test_every_error_class_has_its_code(cls: type[SpdmError]) -> None:
    words = "".join(f"_{letter}" if letter.isupper() else letter for letter in cls.__name__)
    assert cls.code == ErrorCode[words.strip("_").upper()]


def test_an_error_says_why_in_the_log_only() -> None:
    error = errors.Busy("the fan is on", data=7, extended=b"x")
    assert (str(error), error.reason, error.data, error.extended) == ("the fan is on",) * 2 + (
        7,
        b"x",
    )
    assert str(errors.Busy()) == "Busy"
    assert SpdmError.code == 0x05


def test_versions() -> None:
    assert [version.text for version in Version] == ["1.0", "1.1", "1.2", "1.3", "1.4"]
    assert Version.V1_2.number == 0x1200
    assert {version.text: version for version in Version} == BY_TEXT
    for version in RULES:
        since_1_2 = version >= Version.V1_2
        assert rules(version).signing_prefix == since_1_2
        assert rules(version).vca_in_l1l2 == since_1_2
        assert rules(version).sizes_negotiated == since_1_2
        assert rules(version).opaque_negotiated == since_1_2
        assert rules(version).content_changed == since_1_2
        assert rules(version).too_large_error == since_1_2
        assert rules(version).measurement_slot == (version >= Version.V1_1)
        assert rules(version).supported_slots == (version >= Version.V1_3)
        assert rules(version).multi_key == (version >= Version.V1_3)
    # SPDM_NEGOTIATE_ALGORITHMS_REQUEST_MAX_LENGTH_VERSION_*, ..._MAX_EXT_ALG_COUNT_VERSION_*
    bounds = {row.last_structure: (row.max_negotiation, row.max_external) for row in RULES.values()}
    assert bounds == {0: (0x40, 0x08), 5: (0x80, 0x14), 7: (0x80, 0x14)}
    for unoffered in (0x00, 0x15):
        with pytest.raises(KeyError):
            rules(unoffered)
