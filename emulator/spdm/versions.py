"""SPDM versions, and what differs between them as data.

A version that a device can speak is one row of `RULES`; handlers ask the row, they do not compare
version numbers. Layouts say in their field kinds from which version on a field exists.
"""

from dataclasses import dataclass, replace
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


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a version asks for where versions differ.

    Attributes:
        signing_prefix: signatures cover prefix ‖ H(transcript) rather than H(transcript)
            (libspdm `library/spdm_crypt_lib/libspdm_crypt_asym.c`).
        vca_in_l1l2: the measurement transcript starts with the negotiation
            (libspdm `library/spdm_common_lib/libspdm_com_crypto_service.c`).
        sizes_negotiated: CAPABILITIES carry DataTransferSize and MaxSPDMmsgSize.
        opaque_negotiated: a format of opaque data is agreed; before, there is none to agree.
        content_changed: MEASUREMENTS say whether contents changed during the reading.
        new_measurement: measurements can be asked for as they will be once the device was reset
            (libspdm `doc/standard_measurement_transcripts.md`).
        measurement_slot: a signed GET_MEASUREMENTS names a slot; before, slot 0 signs.
        too_large_error: ERROR ResponseTooLarge exists.
        session_policy: a requester says whether a session outlasts updates of what is measured.
        session_required: ERROR SessionRequired exists.
        supported_slots: DIGESTS name the slots there are, and a slot's size can be asked for.
        multi_key: several keys may be agreed for a connection.
        supported_algorithms: CAPABILITIES can tell all the algorithms there are.
        measurement_log: a form of the log of measurements is agreed.
        events: a requester can subscribe to events.
        cached_negotiation: a negotiation that is taken up again stands in the transcripts
            (DMTF spdm-emu `spdm_emu_common/nv_storage.c`, `spdm_load_negotiated_state`).
        large_forms: chains and vendor-defined payloads have a form for more than 0xFFFF bytes.
        psk_salt_ones: the key schedule of a pre-shared key starts from a salt of 0xFF bytes.
        wide_chunks: chunks are numbered by 32 bits instead of 16.
        last_structure: the highest type of algorithm structure (AlgType), 0 for none
            (libspdm `library/spdm_responder_lib/libspdm_rsp_algorithms.c`, as the two below).
        max_negotiation: the largest Length of NEGOTIATE_ALGORITHMS, bytes.
        max_external: the most external algorithms in it.
    """

    signing_prefix: bool = True
    vca_in_l1l2: bool = True
    sizes_negotiated: bool = True
    opaque_negotiated: bool = True
    content_changed: bool = True
    new_measurement: bool = True
    measurement_slot: bool = True
    too_large_error: bool = True
    session_policy: bool = True
    session_required: bool = True
    supported_slots: bool = True
    multi_key: bool = True
    supported_algorithms: bool = True
    measurement_log: bool = True
    events: bool = True
    cached_negotiation: bool = True
    psk_salt_ones: bool = True
    large_forms: bool = True
    wide_chunks: bool = True
    last_structure: int = 7
    max_negotiation: int = 0x80
    max_external: int = 0x14


_V1_4 = Rules()
_V1_3 = replace(_V1_4, large_forms=False, wide_chunks=False, last_structure=5)
_V1_2 = replace(
    _V1_3,
    new_measurement=False,
    psk_salt_ones=False,
    supported_slots=False,
    multi_key=False,
    supported_algorithms=False,
    measurement_log=False,
    events=False,
)
_V1_1 = replace(
    _V1_2,
    signing_prefix=False,
    vca_in_l1l2=False,
    sizes_negotiated=False,
    opaque_negotiated=False,
    content_changed=False,
    too_large_error=False,
    session_policy=False,
    session_required=False,
)
_V1_0 = replace(
    _V1_1,
    measurement_slot=False,
    cached_negotiation=False,
    last_structure=0,
    max_negotiation=0x40,
    max_external=0x08,
)

RULES: dict[Version, Rules] = {
    Version.V1_0: _V1_0,
    Version.V1_1: _V1_1,
    Version.V1_2: _V1_2,
    Version.V1_3: _V1_3,
    Version.V1_4: _V1_4,
}
"""The versions this emulator can offer, oldest first."""

BY_TEXT = {version.text: version for version in RULES}
"""The same by the text a profile uses."""


_BY_NUMBER: dict[int, Rules] = {int(version): row for version, row in RULES.items()}


def rules(version: int) -> Rules:
    """The rules of a version. Raises KeyError for one that nobody knows."""
    return _BY_NUMBER[version]
