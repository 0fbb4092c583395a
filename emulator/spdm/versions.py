"""SPDM versions, and what differs between them as data.

A version that a device can speak is one row of `RULES`; handlers ask the row, they do not compare
version numbers. Layouts say in their field kinds from which version on a field exists.
"""

from dataclasses import dataclass
from enum import IntEnum


class Version(IntEnum):
    """SPDMVersion as in a message's first byte."""

    V1_0 = 0x10
    V1_1 = 0x11
    V1_2 = 0x12
    V1_3 = 0x13
    V1_4 = 0x14

    @property
    def text(self) -> str:
        """The version as people write it: `1.2`."""
        return f"{self >> 4}.{self & 0xF}"

    @property
    def number(self) -> int:
        """The u16 of a VERSION entry: major, minor, update and alpha in nibbles."""
        return self << 8


@dataclass(frozen=True)
class Rules:
    """What a version asks for where versions differ.

    Attributes:
        signing_prefix: signatures cover prefix ‖ H(transcript) rather than H(transcript)
            (libspdm `library/spdm_crypt_lib/libspdm_crypt_asym.c`).
        vca_in_l1l2: the measurement transcript starts with the negotiation
            (libspdm `library/spdm_common_lib/libspdm_com_crypto_service.c`, `libspdm_calculate_l1l2`).
        sizes_negotiated: CAPABILITIES carry DataTransferSize and MaxSPDMmsgSize.
        content_changed: MEASUREMENTS say whether contents changed during the reading.
        too_large_error: ERROR ResponseTooLarge exists.
    """  # noqa: E501 - a path is not broken

    signing_prefix: bool
    vca_in_l1l2: bool
    sizes_negotiated: bool
    content_changed: bool
    too_large_error: bool


_UP_TO_1_1 = Rules(
    signing_prefix=False,
    vca_in_l1l2=False,
    sizes_negotiated=False,
    content_changed=False,
    too_large_error=False,
)
_SINCE_1_2 = Rules(
    signing_prefix=True,
    vca_in_l1l2=True,
    sizes_negotiated=True,
    content_changed=True,
    too_large_error=True,
)

RULES: dict[Version, Rules] = {Version.V1_2: _SINCE_1_2, Version.V1_3: _SINCE_1_2}
"""The versions this emulator can offer, oldest first."""

BY_TEXT = {version.text: version for version in RULES}
"""The same by the text a profile uses."""


# 1.0 is not offered yet, but every conversation begins in it.
_BY_NUMBER: dict[int, Rules] = {
    int(Version.V1_0): _UP_TO_1_1,
    **{int(version): row for version, row in RULES.items()},
}


def rules(version: int) -> Rules:
    """The rules of a negotiated version, or of 1.0 before one is. Raises KeyError for others."""
    return _BY_NUMBER[version]
