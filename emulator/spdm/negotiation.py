"""What NEGOTIATE_ALGORITHMS selects: pure functions from both sides' offers."""

from dataclasses import dataclass

from emulator.spdm.algorithms import Algorithm


@dataclass(frozen=True)
class Preferences:
    """What a device offers, each list in its order of preference.

    Attributes:
        asym: signature algorithms.
        hash: base hashes.
        measurement_hash: the one hash of its measurements, or None without measurements.
        opaque_format: OtherParams bits it supports (OpaqueFormat).
    """

    asym: tuple[Algorithm, ...]
    hash: tuple[Algorithm, ...]
    measurement_hash: Algorithm | None
    opaque_format: int


@dataclass(frozen=True)
class Negotiated:
    """The outcome of a negotiation; a row is None where nothing was selected.

    Attributes:
        measurement_specification: the selected MeasurementSpecification bit, 0 for none.
        measurement_hash: the selected MeasurementHashAlgo row.
        asym: the selected BaseAsymAlgo row.
        hash: the selected BaseHashAlgo row.
        other_params: the selected OtherParams bits.
    """

    measurement_specification: int = 0
    measurement_hash: Algorithm | None = None
    asym: Algorithm | None = None
    hash: Algorithm | None = None
    other_params: int = 0


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
