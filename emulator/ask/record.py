"""The record of MEASUREMENTS: its blocks, and the rules they keep.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_get_measurements.c`; the size of a digest
is the measurement hash's (DSP0274 'DMTFSpecMeasurementValue').
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulator.device.measurements import MAX_INDEX, MIN_INDEX
from emulator.errors import BrokenReply, WireError
from emulator.spdm.messages import MeasurementBlock, MeasurementOperation, MeasurementValue
from emulator.spdm.messages.measurements import RAW_BIT_STREAM
from emulator.spdm.negotiation import Negotiated
from emulator.wire import Shape, decode, parse

_NAME = "MEASUREMENTS"
_ANY_SHAPE = Shape()


@dataclass(frozen=True)
class ReportedMeasurement:
    """One measurement as the peer reports it.

    Attributes:
        index: 1 to 0xFE.
        kind: DMTFSpecMeasurementValueType without the raw bit.
        raw: the value is what was measured, not its digest.
        value: the value.
        block: the whole block as on the wire.
    """

    index: int
    kind: int
    raw: bool
    value: bytes
    block: bytes


def read_record(record: bytes, agreed: Negotiated) -> tuple[ReportedMeasurement, ...]:
    """Cut a record into its blocks. Raises BrokenReply for one that breaks a rule."""
    return tuple(_blocks(record, agreed))


def check_indices(measurements: Sequence[ReportedMeasurement], operation: int) -> None:
    """Raise BrokenReply unless each index is there once, and the one asked for alone."""
    found = [one.index for one in measurements]
    if len(set(found)) != len(found):
        twice = ", ".join(str(index) for index in sorted(set(found)) if found.count(index) > 1)
        raise BrokenReply(_NAME, "record", found=f"index {twice} twice", expected="each once")
    if operation not in (MeasurementOperation.COUNT, MeasurementOperation.ALL, *found):
        listed = ", ".join(map(str, found))
        raise BrokenReply(_NAME, "record", found=f"index {listed}", expected=operation)


def _blocks(record: bytes, agreed: Negotiated) -> Iterator[ReportedMeasurement]:
    at = 0
    while at < len(record):
        try:
            block, size = decode(MeasurementBlock, record[at:], _ANY_SHAPE)
            _check_block(block, agreed)
            value, _ = parse(MeasurementValue, block.measurement, _ANY_SHAPE)
        except WireError as error:
            expected = "a whole measurement"
            raise BrokenReply(
                _NAME, f"record at byte {at}", found=error, expected=expected
            ) from error
        raw = bool(value.kind & RAW_BIT_STREAM)
        if not raw:
            _check_digest(block.index, value.value, agreed)
        kind = value.kind & ~RAW_BIT_STREAM
        yield ReportedMeasurement(block.index, kind, raw, value.value, record[at : at + size])
        at += size


def _check_block(block: MeasurementBlock, agreed: Negotiated) -> None:
    """A block is of the negotiated specification, and its index is none that means an operation."""
    where = f"measurement {block.index}"
    if block.specification != agreed.measurement_specification:
        found, expected = (
            f"specification 0x{bits:02x}"
            for bits in (block.specification, agreed.measurement_specification)
        )
        raise BrokenReply(_NAME, where, found=found, expected=expected)
    if not MIN_INDEX <= block.index <= MAX_INDEX:
        expected = f"{MIN_INDEX} to {MAX_INDEX}"
        raise BrokenReply(_NAME, where, found=f"index {block.index}", expected=expected)


def _check_digest(index: int, value: bytes, agreed: Negotiated) -> None:
    """A digest is as long as the measurement hash's."""
    measured = agreed.measurement_hash
    if measured is not None and measured.size and len(value) != measured.size:
        raise BrokenReply(
            _NAME,
            f"measurement {index}",
            found=f"a digest of {len(value)} bytes",
            expected=f"{measured.size}, as {measured.name} was agreed",
        )
