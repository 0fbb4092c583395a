"""Reading all measurements of a device under one signature."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from emulator.ask import Reading, ReportedMeasurement
from emulator.device.measurements import MAX_INDEX
from emulator.errors import PeerError, PeerErrorReply, SignatureMismatch
from emulator.requester.asker import Asker
from emulator.requester.flow import Flow
from emulator.spdm.codes import ErrorCode


@dataclass(frozen=True)
class Measured:
    """All measurements of a device.

    Attributes:
        count: how many it says it has.
        readings: the messages they came in; the last one is signed if that was asked for.
    """

    count: int
    readings: tuple[Reading, ...]

    @property
    def measurements(self) -> tuple[ReportedMeasurement, ...]:
        """What was read, in the order of the messages."""
        return tuple(one for reading in self.readings for one in reading.measurements)


def measure_all(
    requester: Asker,
    *,
    count: int,
    one_by_one: bool = False,
    signed_by: int | None = 0,
    raw: bool = False,
) -> Flow[Measured]:
    """Read `count` measurements at once or one by one, the last message signed.

    Args:
        requester: connected, and with the signing slot's chain fetched.
        count: how many the device says it has (`Requester.measurement_count`).
        one_by_one: ask for each index; what is not there is refused.
        signed_by: the slot whose leaf signs; None for no signature.
        raw: ask for what was measured rather than for digests, where the device has it.

    Raises PeerError where the device has another number than `count`, or the signature cannot be
    made to cover all; SignatureMismatch has the Measured as its content.
    """
    readings: list[Reading] = []
    try:
        if one_by_one:
            yield from _each(requester, count, readings, signed_by, raw=raw)
        else:
            readings.append((yield from requester.measurements(signed_by=signed_by, raw=raw)))
    except SignatureMismatch as error:
        last = cast("Reading", error.content)  # as the request says of it
        raise SignatureMismatch(str(error), Measured(count, (*readings, last))) from error
    measured = Measured(count, tuple(readings))
    found = len(measured.measurements)
    if found != count:
        raise PeerError(f"the device counts {count} measurements, and has {found}")
    return measured


def _each(
    requester: Asker,
    count: int,
    readings: list[Reading],
    signed_by: int | None,
    *,
    raw: bool,
) -> Flow[None]:
    """Read index after index into `readings`, until there are `count`.

    A refusal begins L1/L2 anew on both sides. So where an index was missing, the signature does
    not cover what was read before it; but by then the indices are known, and are read once more.
    """
    yield from _sweep(requester, range(1, MAX_INDEX + 1), count, readings, signed_by, raw=raw)
    if signed_by is None or len(readings) < count or readings[-1].covered >= count:
        return
    indices = [reading.measurements[0].index for reading in readings]
    readings.clear()
    yield from _sweep(requester, indices, count, readings, signed_by, raw=raw)
    if len(readings) == count > readings[-1].covered:
        raise PeerError("the device was busy in between: its signature does not cover everything")


def _sweep(
    requester: Asker,
    indices: Iterable[int],
    count: int,
    readings: list[Reading],
    signed_by: int | None,
    *,
    raw: bool,
) -> Flow[None]:
    """Read those of `indices` that are there, and have the one that makes `count` signed."""
    for index in indices:
        last = len(readings) == count - 1
        try:
            reading = yield from requester.measurements(
                index, signed_by=signed_by if last else None, raw=raw
            )
        except PeerErrorReply as error:
            if error.code != ErrorCode.INVALID_REQUEST:
                raise
            continue
        readings.append(reading)
        if last:
            return
