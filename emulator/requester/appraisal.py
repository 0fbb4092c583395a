"""Appraising measurements against reference values: what a verifier expects of a device."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulator.ask import ReportedMeasurement
from emulator.crypto import hashes
from emulator.spdm.messages.measured import KIND_NAMES

RAW_BIT = "RAW_BIT"
"""The measurement hash of a device that reports raw values only."""


@dataclass(frozen=True)
class ReferenceValue:
    """What one measurement should be.

    Attributes:
        index: its index.
        kind: DMTFSpecMeasurementValueType without the raw bit; None: any.
        raw: `value` is what is measured rather than its digest.
        value: the value.
        runtime: it shows what the device is doing, and `value` is of one that does nothing yet.
    """

    index: int
    kind: int | None
    raw: bool
    value: bytes
    runtime: bool = False


@dataclass(frozen=True)
class References:
    """What all measurements of a device should be.

    Attributes:
        name: what the device is called.
        hash: the hash that digests are by.
        values: by index, in order.
    """

    name: str
    hash: str
    values: tuple[ReferenceValue, ...]


def mismatches(
    references: References, measured: Sequence[ReportedMeasurement], hash_name: str
) -> Iterator[str]:
    """Each measurement that is not as it should be, a sentence each: index, found, expected.

    A raw value and a digest are compared by the digest. `hash_name` is the measurement hash that
    was agreed.
    """
    found = {one.index: one for one in measured}
    expected = {one.index: one for one in references.values}
    for index in sorted({*found, *expected}):
        one, wanted = found.get(index), expected.get(index)
        if one is None and wanted is not None:
            yield f"index {index}: found nothing, expected {_shown(wanted)}"
        elif one is not None and wanted is None:
            yield f"index {index}: found {_found(one)}, expected nothing"
        elif one is not None and wanted is not None:
            yield from _differs(references.hash, one, wanted, hash_name)


def _differs(
    hash_: str, one: ReportedMeasurement, wanted: ReferenceValue, hash_name: str
) -> Iterator[str]:
    where = f"index {one.index}"
    if wanted.kind is not None and one.kind != wanted.kind:
        kinds = [KIND_NAMES.get(kind, f"type {kind}") for kind in (one.kind, wanted.kind)]
        yield f"{where}: found {kinds[0]}, expected {kinds[1]}"
        return
    value, right = one.value, wanted.value
    if one.raw and not wanted.raw:
        value = hashes.digest(hash_, value) if hash_ != RAW_BIT else value
    elif wanted.raw and not one.raw:
        right = hashes.digest(hash_name, right) if hash_name != RAW_BIT else right
    if value != right:
        doing = " of a device that does nothing yet" if wanted.runtime else ""
        yield f"{where}: found {_found(one)}, expected {_shown(wanted)}{doing}"


def _found(one: ReportedMeasurement) -> str:
    return f"{'raw' if one.raw else 'digest'} {one.value.hex()}"


def _shown(wanted: ReferenceValue) -> str:
    return f"{'raw' if wanted.raw else 'digest'} {wanted.value.hex()}"
