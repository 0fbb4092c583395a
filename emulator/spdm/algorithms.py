"""The one table of algorithms: names, bits, sizes.

It serves negotiation, profiles and documentation. Names are those of DMTF's spdm-emu, bits those
of libspdm `include/industry_standard/spdm.h`, sizes those of `library/spdm_crypt_lib`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from emulator.crypto import aead, dhe, hashes, keys
from emulator.spdm.versions import Version


class AlgType(IntEnum):
    """AlgType of an algorithm structure in NEGOTIATE_ALGORITHMS and ALGORITHMS."""

    DHE = 2
    AEAD = 3
    REQ_BASE_ASYM = 4
    KEY_SCHEDULE = 5
    REQ_PQC_ASYM = 6
    KEM = 7


class OpaqueFormat(IntFlag):
    """OtherParamsSupport bits 0 to 1, since 1.2: how opaque data is laid out."""

    FORMAT_0 = 1
    FORMAT_1 = 2


OPAQUE_FORMAT_MASK = OpaqueFormat.FORMAT_0 | OpaqueFormat.FORMAT_1
MULTI_KEY_CONN = 0x10
"""OtherParams bit 4 since 1.3: more than one key may be used on this connection."""

MEASUREMENT_SPECIFICATION_DMTF = 0x01


@dataclass(frozen=True)
class Algorithm:
    """One row: what negotiation, a profile and the documentation call it.

    Attributes:
        name: its name in profiles and on the command line.
        bit: its bit in the field of its family.
        size: bytes of a digest (hashes), of a signature (signatures), of a public value (groups)
            or of a key (AEAD).
        since: the first SPDM version that knows it.
        offered: whether this emulator can compute it.
    """

    name: str
    bit: int
    size: int
    since: Version = Version.V1_0
    offered: bool = False


def _hash(name: str, bit: int, size: int, since: Version = Version.V1_0) -> Algorithm:
    return Algorithm(name, bit, size, since, offered=name in hashes.NAMES)


def _asym(name: str, bit: int, size: int, since: Version = Version.V1_0) -> Algorithm:
    return Algorithm(name, bit, size, since, offered=name in keys.SCHEMES)


HASHES = (
    _hash("SHA_256", 0x01, 32),
    _hash("SHA_384", 0x02, 48),
    _hash("SHA_512", 0x04, 64),
    _hash("SHA3_256", 0x08, 32),
    _hash("SHA3_384", 0x10, 48),
    _hash("SHA3_512", 0x20, 64),
    _hash("SM3_256", 0x40, 32, Version.V1_2),
)
"""BaseHashAlgo."""

SIGNATURES = (
    _asym("RSASSA_2048", 0x001, 256),
    _asym("RSAPSS_2048", 0x002, 256),
    _asym("RSASSA_3072", 0x004, 384),
    _asym("RSAPSS_3072", 0x008, 384),
    _asym("ECDSA_P256", 0x010, 64),
    _asym("RSASSA_4096", 0x020, 512),
    _asym("RSAPSS_4096", 0x040, 512),
    _asym("ECDSA_P384", 0x080, 96),
    _asym("ECDSA_P521", 0x100, 132),
    _asym("SM2_P256", 0x200, 64, Version.V1_2),
    _asym("EDDSA_25519", 0x400, 64, Version.V1_2),
    _asym("EDDSA_448", 0x800, 114, Version.V1_2),
)
"""BaseAsymAlgo."""

MEASUREMENT_HASHES = (
    Algorithm("RAW_BIT", 0x01, 0, offered=True),
    *(Algorithm(row.name, row.bit << 1, row.size, row.since, row.offered) for row in HASHES),
)
"""MeasurementHashAlgo: raw bit streams only, then the hashes one bit higher."""


def _group(name: str, bit: int, size: int, since: Version = Version.V1_1) -> Algorithm:
    return Algorithm(name, bit, size, since, offered=name in dhe.GROUPS)


def _aead(name: str, bit: int, size: int, since: Version = Version.V1_1) -> Algorithm:
    return Algorithm(name, bit, size, since, offered=name in aead.SUITES)


DHE_GROUPS = (
    _group("FFDHE_2048", 0x01, 256),
    _group("FFDHE_3072", 0x02, 384),
    _group("FFDHE_4096", 0x04, 512),
    _group("SECP_256_R1", 0x08, 64),
    _group("SECP_384_R1", 0x10, 96),
    _group("SECP_521_R1", 0x20, 132),
    _group("SM2_P256", 0x40, 64, Version.V1_2),
)
"""The DHE structure's AlgSupported."""

AEADS = (
    _aead("AES_128_GCM", 0x01, 16),
    _aead("AES_256_GCM", 0x02, 32),
    _aead("CHACHA20_POLY1305", 0x04, 32),
    _aead("SM4_128_GCM", 0x08, 16, Version.V1_2),
)
"""The AEAD structure's AlgSupported."""

KEY_SCHEDULES = (Algorithm("SPDM", 0x01, 0, Version.V1_1, offered=True),)
"""The key schedule structure's AlgSupported: there is one, of `key_schedule.py`."""


def by_name(family: tuple[Algorithm, ...], name: str) -> Algorithm:
    """The row called `name`. Raises KeyError."""
    for row in family:
        if row.name == name:
            return row
    raise KeyError(name)


def by_bit(family: tuple[Algorithm, ...], bit: int) -> Algorithm:
    """The row of exactly this bit. Raises KeyError."""
    for row in family:
        if row.bit == bit:
            return row
    raise KeyError(bit)


def mask(rows: Iterable[Algorithm]) -> int:
    """The bits of `rows` together."""
    bits = 0
    for row in rows:
        bits |= row.bit
    return bits


def names(family: tuple[Algorithm, ...], bits: int) -> list[str]:
    """The names of the bits set, and the hex of bits nobody knows."""
    known = [row.name for row in family if row.bit & bits]
    unknown = bits & ~mask(family)
    return known + ([f"0x{unknown:x}"] if unknown else [])
