"""The bits of key pairs, which SPDM has since 1.3.

Source: libspdm `include/industry_standard/spdm.h`.
"""

from enum import IntEnum, IntFlag


class CertificateModel(IntEnum):
    """What kind of certificate a slot holds: CertificateInfo, SetCertModel, CSRCertModel."""

    NONE = 0
    DEVICE = 1
    ALIAS = 2
    GENERIC = 3


class KeyPairCap(IntFlag):
    """What SET_KEY_PAIR_INFO may do to a key pair: KEY_PAIR_INFO.Capabilities."""

    GENERATE = 0x01
    ERASE = 0x02
    ASSOCIATE = 0x04
    USAGE = 0x08
    ALGORITHM = 0x10
    SHARE = 0x20


class KeyUsage(IntFlag):
    """What a key may be used for: KeyUsageMask."""

    KEY_EX = 0x0001
    CHALLENGE = 0x0002
    MEASUREMENT = 0x0004
    ENDPOINT_INFO = 0x0008
    STANDARDS = 0x4000
    VENDOR = 0x8000


ALL_CAPABILITIES = KeyPairCap(0x3F)
RESPONDER_USES = KeyUsage.KEY_EX | KeyUsage.CHALLENGE | KeyUsage.MEASUREMENT
RESPONDER_USES |= KeyUsage.ENDPOINT_INFO
"""All that a responder signs."""

ALL_USES = KeyUsage(0xC00F)

ASYM_BITS = {
    "RSA_2048": 0x001,
    "RSA_3072": 0x002,
    "RSA_4096": 0x004,
    "ECDSA_P256": 0x008,
    "ECDSA_P384": 0x010,
    "ECDSA_P521": 0x020,
    "SM2_P256": 0x040,
    "EDDSA_25519": 0x080,
    "EDDSA_448": 0x100,
}
"""The kinds of keys: the bits of AsymAlgoCapabilities and CurrentAsymAlgo, which are others than
those of the negotiation, as a key serves several signature algorithms."""


def key_types(bits: int) -> list[str]:
    """The kinds of keys whose bits are set."""
    return [name for name, bit in ASYM_BITS.items() if bits & bit]
