"""The flags each version knows, against the masks of libspdm's `spdm.h`."""

import pytest

from emulator.spdm.capabilities import (
    IMPLEMENTED,
    MAX_CT_EXPONENT,
    MEAS,
    MIN_DATA_TRANSFER_SIZE,
    NONE,
    REQUESTER_MASK,
    RESPONDER_MASK,
    Cap,
    names,
)
from emulator.spdm.versions import Version

# SPDM_GET_CAPABILITIES_RESPONSE_FLAGS_1x_MASK
RESPONSE_FLAGS = {
    0x10: 0x0000003F,
    0x11: 0x0001FFFF,
    0x12: 0x003FFFFF,
    0x13: 0x3FFFFFFF,
    0x14: 0xFFFFFFFF,
}
# SPDM_GET_CAPABILITIES_REQUEST_FLAGS_1x_MASK; libspdm_mask_capability_flags gives 1.0 none
REQUEST_FLAGS = {
    0x10: 0x00000000,
    0x11: 0x0001FFC6,
    0x12: 0x0003FFC6,
    0x13: 0x0EC3FFC6,
    0x14: 0x8EC3FFC6,
}


@pytest.mark.parametrize("version", tuple(Version), ids=lambda version: version.text)
def test_masks_are_the_headers(version: Version) -> None:
    assert RESPONDER_MASK[version] == RESPONSE_FLAGS[version]
    assert REQUESTER_MASK[version] == REQUEST_FLAGS[version]


@pytest.mark.parametrize(
    ("flag", "bit"),
    [
        (Cap.CACHE, 0x00000001),
        (Cap.CERT, 0x00000002),
        (Cap.CHAL, 0x00000004),
        (Cap.MEAS_NO_SIG, 0x00000008),
        (Cap.MEAS_SIG, 0x00000010),
        (Cap.MEAS_FRESH, 0x00000020),
        (Cap.ENCRYPT, 0x00000040),
        (Cap.MAC, 0x00000080),
        (Cap.MUT_AUTH, 0x00000100),
        (Cap.KEY_EX, 0x00000200),
        (Cap.PSK, 0x00000400),
        (Cap.PSK_WITH_CONTEXT, 0x00000800),
        (Cap.ENCAP, 0x00001000),
        (Cap.HBEAT, 0x00002000),
        (Cap.KEY_UPD, 0x00004000),
        (Cap.HANDSHAKE_IN_THE_CLEAR, 0x00008000),
        (Cap.PUB_KEY_ID, 0x00010000),
        (Cap.CHUNK, 0x00020000),
        (Cap.ALIAS_CERT, 0x00040000),
        (Cap.SET_CERT, 0x00080000),
        (Cap.CSR, 0x00100000),
        (Cap.CERT_INSTALL_RESET, 0x00200000),
        (Cap.EP_INFO_NO_SIG, 0x00400000),
        (Cap.EP_INFO_SIG, 0x00800000),
        (Cap.MEL, 0x01000000),
        (Cap.EVENT, 0x02000000),
        (Cap.MULTI_KEY_ONLY, 0x04000000),
        (Cap.MULTI_KEY_NEG, 0x08000000),
        (Cap.GET_KEY_PAIR_INFO, 0x10000000),
        (Cap.SET_KEY_PAIR_INFO, 0x20000000),
        (Cap.SET_KEY_PAIR_RESET, 0x40000000),
        (Cap.LARGE_RESP, 0x80000000),
    ],
)
def test_flags_are_the_headers(flag: Cap, bit: int) -> None:
    assert flag == bit


def test_what_is_implemented() -> None:
    assert names(IMPLEMENTED) == [
        *("CACHE", "CERT", "CHAL", "MEAS_NO_SIG", "MEAS_SIG", "MEAS_FRESH"),
        *("ENCRYPT", "MAC", "MUT_AUTH", "KEY_EX", "PSK", "PSK_WITH_CONTEXT", "ENCAP", "HBEAT"),
        *("KEY_UPD", "HANDSHAKE_IN_THE_CLEAR", "PUB_KEY_ID", "CHUNK", "ALIAS_CERT", "SET_CERT"),
        *("CSR", "CERT_INSTALL_RESET", "EP_INFO_NO_SIG", "EP_INFO_SIG", "MEL", "EVENT"),
        *("MULTI_KEY_ONLY", "MULTI_KEY_NEG", "GET_KEY_PAIR_INFO"),
        *("SET_KEY_PAIR_INFO", "SET_KEY_PAIR_RESET", "LARGE_RESP"),
    ]
    assert names(MEAS) == ["MEAS_NO_SIG", "MEAS_SIG"]
    assert names(NONE) == []


def test_bounds() -> None:
    assert MIN_DATA_TRANSFER_SIZE == 42  # SPDM_MIN_DATA_TRANSFER_SIZE_VERSION_12
    assert MAX_CT_EXPONENT == 31  # LIBSPDM_MAX_CT_EXPONENT
