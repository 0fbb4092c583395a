"""The measurement extension log: what was measured since the device was reset, in order.

It begins with an entry for each measurement and grows with every one that changes. What a
hash-extend was extended by stands in it value by value, so that a verifier can extend it anew.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from emulator.spdm.messages.measured import KINDS
from emulator.spdm.messages.measurement_log import Log, LogEntry
from emulator.wire import Shape, encode

if TYPE_CHECKING:
    from emulator.device.measurements import Measurement

MAX_CHANGES = 4096
"""The most changes a log takes down: one that is full stays as it is until the device is reset."""

INFORMATIONAL = KINDS["informational"]
_ANY_SHAPE = Shape()


class MeasurementLog:
    """The log of one device; `notes` are entries that a device has beside its measurements."""

    def __init__(
        self, measured: Iterable["Measurement"], notes: tuple["Measurement", ...] = ()
    ) -> None:
        self._notes = notes
        self._entries: list[Measurement] = []
        self._at_reset = 0
        self._encoded: dict[tuple[str, int], bytes] = {}
        self.begin(measured)

    def begin(self, measured: Iterable["Measurement"]) -> None:
        """Begin anew, as a device does that is reset."""
        self._entries = [entry for one in measured for entry in _entries(one)]
        self._entries += self._notes
        self._at_reset = len(self._entries)
        self._encoded.clear()

    def add(self, changed: "Measurement") -> None:
        """Take down that a measurement has another value."""
        if len(self._entries) < self._at_reset + MAX_CHANGES:
            self._entries.append(changed)

    def encoded(self, hash_name: str, *, fresh: bool) -> bytes:
        """The log as bytes.

        Args:
            hash_name: the measurement hash, `RAW_BIT` for none.
            fresh: with what has changed since the device was reset; a device without MEAS_FRESH
                measures nothing in between.
        """
        count = len(self._entries) if fresh else self._at_reset
        key = hash_name, count
        found = self._encoded.get(key)
        if found is None:
            self._encoded.clear()
            found = self._encoded[key] = encode(self._log(hash_name, count), _ANY_SHAPE)
        return found

    def _log(self, hash_name: str, count: int) -> Log:
        entries = []
        for number, one in enumerate(self._entries[:count], 1):
            kind, value = one.told(hash_name, raw=False)
            entries.append(LogEntry(number=number, index=one.index, kind=kind, value=value))
        size = sum(len(encode(entry, _ANY_SHAPE)) for entry in entries)
        return Log(entries_length=size, entries=tuple(entries))


def _entries(one: "Measurement") -> Iterator["Measurement"]:
    """What a measurement is logged as: what it was extended by, or itself."""
    if not one.extended:
        yield one
    for value in one.extended:
        yield type(one)(one.index, INFORMATIONAL, value, raw=True)
