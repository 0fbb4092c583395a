"""GET_MEASUREMENT_EXTENSION_LOG, and reading the log.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_get_measurement_extension_log.c`.
"""

from dataclasses import dataclass

from emulator.ask.certificates import Portion
from emulator.ask.request import Request
from emulator.errors import BrokenReply, UnsupportedByPeer, WireError
from emulator.spdm.capabilities import Cap
from emulator.spdm.connection import Connection
from emulator.spdm.messages import GetMeasurementExtensionLog, MeasurementExtensionLog
from emulator.spdm.messages.measurement_log import Log
from emulator.spdm.messages.measurements import RAW_BIT_STREAM
from emulator.wire import Shape, encode, parse

MAX_LOG = 1 << 24
"""The largest log that is read, bytes: this emulator's own bound."""

PORTION_HEADER = 12
"""Bytes of MEASUREMENT_EXTENSION_LOG before its portion."""

_NAME = "MEASUREMENT_EXTENSION_LOG"
_ANY_SHAPE = Shape()


@dataclass(frozen=True)
class Logged:
    """One entry of a log.

    Attributes:
        number: its number, from 1.
        index: the index of the measurement it is about.
        kind: DMTFSpecMeasurementValueType without the raw bit.
        raw: the value is what was measured, not its digest.
        value: the value.
        entry: the whole entry as on the wire.
    """

    number: int
    index: int
    kind: int
    raw: bool
    value: bytes
    entry: bytes


class MeasurementLogRequest(Request[Portion]):
    """Asks for a portion of the log."""

    needs = Cap.MEL

    def __init__(self, connection: Connection, *, offset: int, length: int, total: int = 0) -> None:
        """`length` bytes from `offset` on.

        `total` is the size of the log that the first portion told; it may have grown since. Raises
        UnsupportedByPeer where no form of the log was agreed.
        """
        if Cap.MEL in connection.peer_capabilities and not connection.algorithms.mel_specification:
            raise UnsupportedByPeer("no form of the log of measurements was agreed")
        self._offset, self._length, self._total = offset, length, total
        message = GetMeasurementExtensionLog(
            version=connection.version, offset=offset, length=length
        )
        super().__init__(connection, message)

    def _accept(self, reply: bytes) -> Portion:
        theirs, _ = self._read(MeasurementExtensionLog, reply, self.connection.shape())
        portion, remainder = len(theirs.portion), theirs.remainder_length
        if not 0 < portion <= self._length:
            expected = f"1 to the {self._length} asked for"
            raise BrokenReply(_NAME, "portion_length", found=portion, expected=expected)
        total = self._offset + portion + remainder
        if not self._total <= total <= MAX_LOG:
            least = f"at least the {self._total} told before, " if self._total else ""
            expected = f"{least}at most {MAX_LOG} bytes in all"
            raise BrokenReply(_NAME, "remainder_length", found=remainder, expected=expected)
        self._record(None, reply)
        return Portion(theirs.portion, remainder)


def read_log(data: bytes) -> tuple[Logged, ...]:
    """The entries of a whole log. Raises BrokenReply for one that breaks a rule."""
    try:
        log, size = parse(Log, data, _ANY_SHAPE, slack=len(data))
    except WireError as error:
        field = error.field or "log"
        raise BrokenReply(_NAME, field, found=error.reason, expected="a whole log") from error
    entries = tuple(
        Logged(
            one.number,
            one.index,
            one.kind & ~RAW_BIT_STREAM,
            bool(one.kind & RAW_BIT_STREAM),
            one.value,
            encode(one, _ANY_SHAPE),
        )
        for one in log.entries
    )
    told = sum(len(one.entry) for one in entries)
    if log.entries_length != told:
        raise BrokenReply(_NAME, "entries_length", found=log.entries_length, expected=told)
    for expected, one in enumerate(entries, 1):
        if one.number != expected:
            where = f"entries[{expected - 1}].number"
            raise BrokenReply(_NAME, where, found=one.number, expected=expected)
    if size != len(data):
        raise BrokenReply(_NAME, "log", found=f"{len(data)} bytes", expected=size)
    return entries
