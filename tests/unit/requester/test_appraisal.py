"""Measurements against reference values: what is said of each that differs."""

import hashlib

import pytest

from emulator.ask import ReportedMeasurement
from emulator.requester.appraisal import References, ReferenceValue, mismatches

DIGEST = hashlib.sha384(b"rom").digest()


def reported(index: int, value: bytes, *, raw: bool = False, kind: int = 0) -> ReportedMeasurement:
    return ReportedMeasurement(index, kind, raw, value, b"")


def expected(*values: ReferenceValue) -> References:
    return References("drive", "SHA_384", values)


AS_DIGEST = ReferenceValue(1, 0, raw=False, value=DIGEST)
AS_RAW = ReferenceValue(1, 0, raw=True, value=b"rom")
OF_ANY_TYPE = ReferenceValue(1, None, raw=True, value=b"rom")


@pytest.mark.parametrize("wanted", [AS_DIGEST, AS_RAW, OF_ANY_TYPE])
@pytest.mark.parametrize("found", [reported(1, DIGEST), reported(1, b"rom", raw=True)])
def test_raw_values_and_digests_meet(found: ReportedMeasurement, wanted: ReferenceValue) -> None:
    assert list(mismatches(expected(wanted), [found], "SHA_384")) == []


@pytest.mark.parametrize(
    ("found", "wanted", "told"),
    [
        (reported(1, b"r", raw=True), AS_RAW, f"found raw 72, expected raw {b'rom'.hex()}"),
        (reported(1, b"r", raw=True), AS_DIGEST, f"found raw 72, expected digest {DIGEST.hex()}"),
        (reported(1, bytes(48)), AS_RAW, f"found digest {'00' * 48}, expected raw 726f6d"),
        (reported(1, DIGEST, kind=1), AS_DIGEST, "found mutable-firmware, expected immutable-rom"),
        (reported(1, DIGEST, kind=99), AS_DIGEST, "found type 99, expected immutable-rom"),
    ],
)
def test_a_value_that_differs(
    found: ReportedMeasurement, wanted: ReferenceValue, told: str
) -> None:
    assert list(mismatches(expected(wanted), [found], "SHA_384")) == [f"index 1: {told}"]


def test_one_too_few_and_one_too_many() -> None:
    told = list(mismatches(expected(AS_RAW), [reported(2, b"x", raw=True)], "SHA_384"))
    assert told == [
        "index 1: found nothing, expected raw 726f6d",
        "index 2: found raw 78, expected nothing",
    ]
