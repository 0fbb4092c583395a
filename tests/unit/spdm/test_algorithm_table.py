"""The table of algorithms against libspdm's `spdm.h` and `library/spdm_crypt_lib`."""

import pytest

from emulator.crypto import aead, dhe
from emulator.spdm.algorithms import (
    AEADS,
    DHE_GROUPS,
    HASHES,
    KEY_SCHEDULES,
    MEASUREMENT_HASHES,
    MEASUREMENT_SPECIFICATION_DMTF,
    OPAQUE_FORMAT_MASK,
    SIGNATURES,
    Algorithm,
    AlgType,
    OpaqueFormat,
    by_bit,
    by_name,
    mask,
    names,
)
from emulator.spdm.versions import Version

# SPDM_ALGORITHMS_BASE_HASH_ALGO_*; the last one is in the 1.2 mask only
HASH_BITS = {
    "SHA_256": (0x01, 32),
    "SHA_384": (0x02, 48),
    "SHA_512": (0x04, 64),
    "SHA3_256": (0x08, 32),
    "SHA3_384": (0x10, 48),
    "SHA3_512": (0x20, 64),
    "SM3_256": (0x40, 32),
}
# SPDM_ALGORITHMS_BASE_ASYM_ALGO_* and libspdm_get_asym_signature_size
SIGNATURE_BITS = {
    "RSASSA_2048": (0x001, 256),
    "RSAPSS_2048": (0x002, 256),
    "RSASSA_3072": (0x004, 384),
    "RSAPSS_3072": (0x008, 384),
    "ECDSA_P256": (0x010, 64),
    "RSASSA_4096": (0x020, 512),
    "RSAPSS_4096": (0x040, 512),
    "ECDSA_P384": (0x080, 96),
    "ECDSA_P521": (0x100, 132),
    "SM2_P256": (0x200, 64),
    "EDDSA_25519": (0x400, 64),
    "EDDSA_448": (0x800, 114),
}


# SPDM_ALGORITHMS_DHE_NAMED_GROUP_* and libspdm_get_dhe_pub_key_size
DHE_BITS = {
    "FFDHE_2048": (0x01, 256),
    "FFDHE_3072": (0x02, 384),
    "FFDHE_4096": (0x04, 512),
    "SECP_256_R1": (0x08, 64),
    "SECP_384_R1": (0x10, 96),
    "SECP_521_R1": (0x20, 132),
    "SM2_P256": (0x40, 64),
}
# SPDM_ALGORITHMS_AEAD_CIPHER_SUITE_* and libspdm_get_aead_key_size
AEAD_BITS = {
    "AES_128_GCM": (0x01, 16),
    "AES_256_GCM": (0x02, 32),
    "CHACHA20_POLY1305": (0x04, 32),
    "SM4_128_GCM": (0x08, 16),
}


def listed(family: tuple[Algorithm, ...]) -> dict[str, tuple[int, int]]:
    return {row.name: (row.bit, row.size) for row in family}


def known_to(family: tuple[Algorithm, ...], version: Version) -> int:
    return mask(tuple(row for row in family if row.since <= version))


def test_rows_are_the_headers() -> None:
    assert listed(HASHES) == HASH_BITS
    assert listed(SIGNATURES) == SIGNATURE_BITS
    assert listed(DHE_GROUPS) == DHE_BITS
    assert listed(AEADS) == AEAD_BITS
    assert listed(KEY_SCHEDULES) == {"SPDM": (0x01, 0)}


def test_measurement_hashes_stand_one_bit_higher_than_the_hashes() -> None:
    expected = {name: (bit << 1, size) for name, (bit, size) in HASH_BITS.items()}
    assert listed(MEASUREMENT_HASHES) == {"RAW_BIT": (0x01, 0), **expected}


@pytest.mark.parametrize(
    ("family", "mask_1_0", "mask_1_2"),
    [
        (SIGNATURES, 0x1FF, 0xFFF),  # SPDM_ALGORITHMS_BASE_ASYM_ALGO_10_MASK, _12_MASK
        (HASHES, 0x3F, 0x7F),  # SPDM_ALGORITHMS_BASE_HASH_ALGO_10_MASK, _12_MASK
        (MEASUREMENT_HASHES, 0x7F, 0xFF),  # SPDM_ALGORITHMS_MEASUREMENT_HASH_ALGO_10_MASK, _12
    ],
)
def test_versions_know_what_the_headers_masks_say(
    family: tuple[Algorithm, ...], mask_1_0: int, mask_1_2: int
) -> None:
    for version in Version:
        expected = mask_1_2 if version >= Version.V1_2 else mask_1_0
        assert known_to(family, version) == expected


def test_what_is_offered_can_be_computed() -> None:
    assert {row.name for row in HASHES if row.offered} == set(HASH_BITS) - {"SM3_256"}
    assert {row.name for row in SIGNATURES if row.offered} == set(SIGNATURE_BITS) - {"SM2_P256"}
    assert {row.name for row in DHE_GROUPS if row.offered} == set(DHE_BITS) - {"SM2_P256"}
    assert {row.name for row in AEADS if row.offered} == set(AEAD_BITS) - {"SM4_128_GCM"}
    assert {row.name for row in MEASUREMENT_HASHES if row.offered} == (
        set(HASH_BITS) - {"SM3_256"} | {"RAW_BIT"}
    )


def test_sizes_are_those_of_what_computes_them() -> None:
    sizes = {row.name: row.size for row in (*DHE_GROUPS, *AEADS) if row.offered}
    made = {name: group.public_size for name, group in dhe.GROUPS.items()}
    assert sizes == made | {name: suite.key_size for name, suite in aead.SUITES.items()}


def test_rows_are_found_by_name_and_by_bit() -> None:
    assert by_name(HASHES, "SHA_384") is by_bit(HASHES, 0x02)
    assert by_name(MEASUREMENT_HASHES, "SHA_384").bit == 0x04
    with pytest.raises(KeyError, match="SHA_1"):
        by_name(HASHES, "SHA_1")
    for no_single_bit in (0x03, 0x00, 0x80):
        with pytest.raises(KeyError):
            by_bit(HASHES, no_single_bit)


def test_bits_are_named() -> None:
    assert names(SIGNATURES, 0x90) == ["ECDSA_P256", "ECDSA_P384"]
    assert names(HASHES, 0) == []
    assert names(HASHES, 0x8000_0102) == ["SHA_384", "0x80000100"]
    assert mask(()) == 0


def test_small_numbers() -> None:
    assert [int(kind) for kind in AlgType] == [2, 3, 4, 5, 6, 7]
    assert (OpaqueFormat.FORMAT_0, OpaqueFormat.FORMAT_1, OPAQUE_FORMAT_MASK) == (1, 2, 3)
    assert MEASUREMENT_SPECIFICATION_DMTF == 1
