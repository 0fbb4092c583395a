"""The table of ERROR codes against the header's numbers and against what the device raises."""

import pytest

from emulator.errors import SpdmError
from emulator.report.meaning import meaning
from emulator.spdm.codes import ErrorCode
from emulator.spdm.error_codes import ERRORS, Extended
from emulator.spdm.messages import Error
from emulator.spdm.versions import Version

SINCE = {
    Version.V1_0: {0x01, 0x03, 0x04, 0x05, 0x07, 0x41, 0x42, 0x43, 0xFF},
    Version.V1_1: {0x02, 0x06, 0x08, 0x09, 0x0A},
    Version.V1_2: {0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10},
    Version.V1_3: {0x11, 0x44, 0x45},
    Version.V1_4: {0x12, 0x46, 0x47},
}
"""SPDM_ERROR_CODE_* of libspdm's `spdm.h`, by the version that brought it; 0x02 is DSP0274's."""


def test_every_code_has_a_row_and_no_other() -> None:
    assert list(ERRORS) == list(ErrorCode)
    for version, codes in SINCE.items():
        assert {int(code) for code, row in ERRORS.items() if row.since is version} == codes


def test_what_the_device_raises_is_a_code_of_the_table() -> None:
    raised = [one.code for one in SpdmError.__subclasses__()]
    assert len(set(raised)) == len(raised)
    assert set(raised) <= set(ERRORS)


@pytest.mark.parametrize("code", ErrorCode)
def test_a_meaning_says_it_in_words(code: ErrorCode) -> None:
    plain = f"{code.name} (0x{code:02x}), data 0: {ERRORS[code].says}"
    assert meaning(Error(version=0x14, error_code=code)) == plain
    extended = {
        Extended.SIZE: (b"\x10\x27\0\0", "; 10000 bytes"),
        Extended.HANDLE: (b"\x07", "; its handle is 7"),
        Extended.NOT_READY: (b"\x0a\xe0\x05\xff", "; GET_MEASUREMENTS has token 5"),
    }.get(ERRORS[code].extended, (b"", ""))
    data, told = extended
    assert meaning(Error(version=0x14, error_code=code, extended=data)) == plain + told


def test_a_code_nobody_knows() -> None:
    assert meaning(Error(version=0x14, error_code=0x99)) == "0x99 (0x99), data 0"
