"""What NEGOTIATE_ALGORITHMS selects: pure functions from both sides' offers."""

from dataclasses import dataclass

from emulator.spdm.algorithms import (
    AEADS,
    DHE_GROUPS,
    KEY_SCHEDULES,
    SIGNATURES,
    Algorithm,
    AlgType,
)
from emulator.spdm.capabilities import PSK_ANY, Cap


@dataclass(frozen=True)
class Preferences:
    """What a device offers, each list in its order of preference.

    Attributes:
        asym: signature algorithms.
        hash: base hashes.
        measurement_hash: the one hash of its measurements, or None without measurements.
        opaque_format: OtherParams bits it supports (OpaqueFormat).
        dhe: groups of key exchanges.
        aead: what seals the records of sessions.
        key_schedule: key schedules.
        req_asym: signature algorithms of requesters.
    """

    asym: tuple[Algorithm, ...]
    hash: tuple[Algorithm, ...]
    measurement_hash: Algorithm | None
    opaque_format: int
    dhe: tuple[Algorithm, ...] = ()
    aead: tuple[Algorithm, ...] = ()
    key_schedule: tuple[Algorithm, ...] = ()
    req_asym: tuple[Algorithm, ...] = ()


@dataclass(frozen=True)
class Negotiated:
    """The outcome of a negotiation; a row is None where nothing was selected.

    Attributes:
        measurement_specification: the selected MeasurementSpecification bit, 0 for none.
        measurement_hash: the selected MeasurementHashAlgo row.
        asym: the selected BaseAsymAlgo row.
        hash: the selected BaseHashAlgo row.
        other_params: the selected OtherParams bits.
        dhe: the selected row of the DHE structure, as the two below of theirs.
        aead: AEAD.
        key_schedule: the key schedule.
        mel_specification: the selected MELspecification bit, since 1.3; 0 for none.
        multi_key: the responder may use several keys on this connection.
        req_asym: what a requester signs with.
        requester_keys: the requester may use several keys (since 1.3), so that its DIGESTS stand
            in the transcripts of sessions.
    """

    measurement_specification: int = 0
    measurement_hash: Algorithm | None = None
    asym: Algorithm | None = None
    hash: Algorithm | None = None
    other_params: int = 0
    dhe: Algorithm | None = None
    aead: Algorithm | None = None
    key_schedule: Algorithm | None = None
    mel_specification: int = 0
    multi_key: bool = False
    req_asym: Algorithm | None = None
    requester_keys: bool = False


STRUCTURES = {
    AlgType.DHE: ("dhe", DHE_GROUPS),
    AlgType.AEAD: ("aead", AEADS),
    AlgType.REQ_BASE_ASYM: ("req_asym", SIGNATURES),
    AlgType.KEY_SCHEDULE: ("key_schedule", KEY_SCHEDULES),
}
"""The algorithm structures that are negotiated: their attribute above, and their rows."""

_SIGNING = Cap.CERT | Cap.CHAL | Cap.MEAS_SIG


def needed(responder: Cap, requester: Cap) -> frozenset[str]:
    """The attributes of `Negotiated` that may not be empty with these capabilities.

    Both libspdm's requester and its responder ask for these
    (`library/spdm_requester_lib/libspdm_req_negotiate_algorithms.c`,
    `library/spdm_responder_lib/libspdm_rsp_algorithms.c`).
    """
    both = responder & requester
    psk = bool(responder & PSK_ANY and requester & PSK_ANY)
    found: set[str] = set()
    if responder & _SIGNING or Cap.KEY_EX in both:
        found |= {"asym", "hash"}
    if Cap.KEY_EX in both:
        found |= {"dhe", "key_schedule"}
    if psk:
        found |= {"hash", "key_schedule"}
    if Cap.MUT_AUTH in both:
        found.add("req_asym")
    if both & (Cap.ENCRYPT | Cap.MAC):
        found.add("aead")
    return frozenset(found)


def prefer(offered: tuple[Algorithm, ...], peer: int, version: int) -> Algorithm | None:
    """The first of our rows, in our order, that the peer's bits contain and the version knows."""
    for row in offered:
        if row.bit & peer and row.since <= version:
            return row
    return None


def prefer_bit(ours: int, peer: int) -> int:
    """The highest bit both sides have, 0 for none (opaque format 1 before format 0)."""
    common = ours & peer
    return 1 << (common.bit_length() - 1) if common else 0
