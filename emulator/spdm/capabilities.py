"""Capability flags, which of them a version knows, and which combinations are legal.

Flags and masks: libspdm `include/industry_standard/spdm.h`. Legality of the requester's flags:
libspdm `library/spdm_responder_lib/libspdm_rsp_capabilities.c`; of the responder's:
`library/spdm_requester_lib/libspdm_req_get_capabilities.c`, which is what a strict requester
checks of a device.
"""

from collections.abc import Iterator
from enum import IntFlag

from emulator.spdm.versions import Version

MIN_DATA_TRANSFER_SIZE = 42
"""The smallest legal DataTransferSize, bytes (`SPDM_MIN_DATA_TRANSFER_SIZE_VERSION_12`)."""

MAX_CT_EXPONENT = 31
"""libspdm's bound on CTExponent (`LIBSPDM_MAX_CT_EXPONENT`)."""


class Cap(IntFlag):
    """CAPABILITIES.Flags of a responder; GET_CAPABILITIES.Flags of a requester where it has them.

    Two-bit fields are named by their values: MEAS (no signature, signature), PSK (1, with
    context 2), EP_INFO and MULTI_KEY (1, 2).
    """

    CACHE = 1 << 0
    CERT = 1 << 1
    CHAL = 1 << 2
    MEAS_NO_SIG = 1 << 3
    MEAS_SIG = 1 << 4
    MEAS_FRESH = 1 << 5
    ENCRYPT = 1 << 6
    MAC = 1 << 7
    MUT_AUTH = 1 << 8
    KEY_EX = 1 << 9
    PSK = 1 << 10
    PSK_WITH_CONTEXT = 1 << 11
    ENCAP = 1 << 12
    HBEAT = 1 << 13
    KEY_UPD = 1 << 14
    HANDSHAKE_IN_THE_CLEAR = 1 << 15
    PUB_KEY_ID = 1 << 16
    CHUNK = 1 << 17
    ALIAS_CERT = 1 << 18
    SET_CERT = 1 << 19
    CSR = 1 << 20
    CERT_INSTALL_RESET = 1 << 21
    EP_INFO_NO_SIG = 1 << 22
    EP_INFO_SIG = 1 << 23
    MEL = 1 << 24
    EVENT = 1 << 25
    MULTI_KEY_ONLY = 1 << 26
    MULTI_KEY_NEG = 1 << 27
    GET_KEY_PAIR_INFO = 1 << 28
    SET_KEY_PAIR_INFO = 1 << 29
    SET_KEY_PAIR_RESET = 1 << 30
    LARGE_RESP = 1 << 31


NONE = Cap(0)
MEAS = Cap.MEAS_NO_SIG | Cap.MEAS_SIG
PSK_ANY = Cap.PSK | Cap.PSK_WITH_CONTEXT
"""The PSK field; a requester has no context of its own to offer."""

EP_INFO = Cap.EP_INFO_NO_SIG | Cap.EP_INFO_SIG
MULTI_KEY = Cap.MULTI_KEY_ONLY | Cap.MULTI_KEY_NEG
_SESSION_ONLY = Cap.MAC | Cap.ENCRYPT | Cap.HANDSHAKE_IN_THE_CLEAR | Cap.HBEAT | Cap.KEY_UPD

IMPLEMENTED = Cap.CACHE | Cap.CERT | Cap.CHAL | MEAS | Cap.MEAS_FRESH | Cap.PUB_KEY_ID
IMPLEMENTED |= Cap.CHUNK | Cap.ALIAS_CERT | Cap.LARGE_RESP
IMPLEMENTED |= Cap.KEY_EX | PSK_ANY | _SESSION_ONLY | Cap.ENCAP | Cap.MUT_AUTH
IMPLEMENTED |= Cap.MEL | EP_INFO | Cap.EVENT
IMPLEMENTED |= Cap.SET_CERT | Cap.CSR | Cap.CERT_INSTALL_RESET | MULTI_KEY
IMPLEMENTED |= Cap.GET_KEY_PAIR_INFO | Cap.SET_KEY_PAIR_INFO | Cap.SET_KEY_PAIR_RESET
"""The responder capabilities this emulator has an answer for; a profile may offer no others."""

_RESPONDER_NEW = {
    Version.V1_0: Cap(0x3F),
    Version.V1_1: Cap(0x1FFC0),
    Version.V1_2: Cap(0x3E0000),
    Version.V1_3: Cap(0x3FC00000),
    Version.V1_4: Cap(0xC0000000),
}
_REQUESTER_NEW = {
    Version.V1_0: NONE,
    Version.V1_1: Cap.CERT | Cap.CHAL | Cap(0x1F7C0),
    Version.V1_2: Cap.CHUNK,
    Version.V1_3: EP_INFO | Cap.EVENT | MULTI_KEY,
    Version.V1_4: Cap.LARGE_RESP,
}


def _up_to(new: dict[Version, Cap], version: int) -> Cap:
    known = NONE
    for since, flags in new.items():
        if since <= version:
            known |= flags
    return known


RESPONDER_MASK: dict[int, Cap] = {
    int(version): _up_to(_RESPONDER_NEW, version) for version in Version
}
"""The responder flags each version knows; the others are reserved in it and sent as zero."""

REQUESTER_MASK: dict[int, Cap] = {
    # A 1.1 requester's PSK field has one legal non-zero value, but both bits belong to it.
    int(version): _up_to(_REQUESTER_NEW, version) | (PSK_ANY if version >= Version.V1_1 else NONE)
    for version in Version
}
"""The requester flags each version knows; the others are ignored."""


def names(flags: Cap) -> list[str]:
    """The names of the flags set, lowest bit first."""
    return [flag.name for flag in Cap if flag in flags and flag.name]


def _session_problems(flags: Cap, version: int) -> Iterator[str]:
    """Key exchange and what only a session can use."""
    if flags & (Cap.KEY_EX | PSK_ANY):
        if not flags & (Cap.MAC | Cap.ENCRYPT):
            yield "KEY_EX or PSK needs MAC or ENCRYPT"
    else:
        idle = flags & (_SESSION_ONLY | (Cap.EVENT if version >= Version.V1_3 else NONE))
        if idle:
            yield f"{_listed(idle)} without KEY_EX or PSK"
    if not flags & Cap.KEY_EX and flags & PSK_ANY and flags & Cap.HANDSHAKE_IN_THE_CLEAR:
        yield "HANDSHAKE_IN_THE_CLEAR needs KEY_EX"


def _identity_problems(flags: Cap, version: int, *, uses: Cap, needing: Cap) -> Iterator[str]:
    """Certificates and public keys: what uses one (`uses`), what cannot be without (`needing`)."""
    signed_info = Cap.EP_INFO_SIG if version >= Version.V1_3 else NONE
    if Cap.CERT in flags and Cap.PUB_KEY_ID in flags:
        yield "CERT and PUB_KEY_ID exclude each other"
    if flags & (Cap.CERT | Cap.PUB_KEY_ID):
        if not flags & (uses | signed_info):
            yield f"CERT or PUB_KEY_ID needs one of {_listed(uses | signed_info)}"
    elif idle := flags & (needing | signed_info):
        yield f"{_listed(idle)} without CERT or PUB_KEY_ID"
    if Cap.MUT_AUTH in flags and not flags & (Cap.KEY_EX | Cap.CHAL):
        yield "MUT_AUTH needs KEY_EX or CHAL"
    if version == Version.V1_1 and Cap.MUT_AUTH in flags and Cap.ENCAP not in flags:
        yield "MUT_AUTH needs ENCAP in 1.1"


def _field_problems(flags: Cap, version: int) -> Iterator[str]:
    """Reserved values of the two-bit fields that 1.3 brought."""
    if version < Version.V1_3:
        return
    if EP_INFO in flags:
        yield "EP_INFO has the reserved value 3"
    if MULTI_KEY in flags:
        yield "MULTI_KEY has the reserved value 3"
    if flags & MULTI_KEY and (Cap.PUB_KEY_ID in flags or Cap.CERT not in flags):
        yield "MULTI_KEY needs CERT and excludes PUB_KEY_ID"


def _provisioning_problems(flags: Cap, version: int) -> Iterator[str]:
    """What 1.2 and 1.3 say of provisioning; only a responder has these flags."""
    if version >= Version.V1_2:
        if Cap.CERT not in flags and (idle := flags & (Cap.ALIAS_CERT | Cap.SET_CERT)):
            yield f"{_listed(idle)} without CERT"
        if Cap.CSR in flags and Cap.SET_CERT not in flags:
            yield "CSR needs SET_CERT"
        if Cap.CERT_INSTALL_RESET in flags and not flags & (Cap.CSR | Cap.SET_CERT):
            yield "CERT_INSTALL_RESET needs CSR or SET_CERT"
    if version >= Version.V1_3:
        if flags & MULTI_KEY and Cap.GET_KEY_PAIR_INFO not in flags:
            yield "MULTI_KEY needs GET_KEY_PAIR_INFO"
        key_pairs = flags & (Cap.GET_KEY_PAIR_INFO | Cap.SET_KEY_PAIR_INFO)
        if Cap.PUB_KEY_ID in flags and key_pairs:
            yield f"PUB_KEY_ID excludes {_listed(key_pairs)}"
    resets = version >= Version.V1_4 and Cap.SET_KEY_PAIR_RESET in flags
    if resets and Cap.SET_KEY_PAIR_INFO not in flags:
        yield "SET_KEY_PAIR_RESET needs SET_KEY_PAIR_INFO"


def _listed(flags: Cap) -> str:
    return ", ".join(names(flags))


def requester_problems(flags: Cap, version: int) -> list[str]:
    """Why a requester's flags, masked for `version`, are illegal; empty when they are legal."""
    if version < Version.V1_1:
        return []
    return [
        *(["PSK has a reserved value"] if Cap.PSK_WITH_CONTEXT in flags else []),
        *_session_problems(flags, version),
        *_identity_problems(
            flags, version, uses=Cap.CHAL | Cap.KEY_EX, needing=Cap.CHAL | Cap.MUT_AUTH
        ),
        *_field_problems(flags, version),
    ]


def _common_responder_problems(flags: Cap) -> Iterator[str]:
    """What every version asks of a responder."""
    if MEAS in flags:
        yield "MEAS has the reserved value 3: choose MEAS_NO_SIG or MEAS_SIG"
    if Cap.MEAS_FRESH in flags and not flags & MEAS:
        yield "MEAS_FRESH needs MEAS_NO_SIG or MEAS_SIG"


def _responder_problems_1_0(flags: Cap) -> Iterator[str]:
    """What 1.0 asks, which knows no public keys."""
    if Cap.MEAS_SIG in flags:
        if Cap.CERT not in flags:
            yield "MEAS_SIG without CERT"
    elif (Cap.CERT in flags) != (Cap.CHAL in flags):
        yield "CERT and CHAL go together in 1.0 unless measurements are signed"


def responder_problems(flags: Cap, version: int) -> list[str]:
    """Why a responder's flags, masked for `version`, are illegal; empty when they are legal."""
    problems = list(_common_responder_problems(flags))
    if version < Version.V1_1:
        return problems + list(_responder_problems_1_0(flags))
    signing = Cap.CHAL | Cap.KEY_EX | Cap.MEAS_SIG
    return [
        *problems,
        *(["PSK has the reserved value 3"] if PSK_ANY in flags else []),
        *_session_problems(flags, version),
        *_identity_problems(flags, version, uses=signing, needing=signing | Cap.MUT_AUTH),
        *_field_problems(flags, version),
        *_provisioning_problems(flags, version),
    ]
