"""What a device measures, and the records and summaries made of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from emulator.crypto import hashes
from emulator.device.measured_state import StateOf
from emulator.device.measurement_log import MeasurementLog
from emulator.spdm.messages import MeasurementBlock, MeasurementValue
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.messages.measured import KINDS
from emulator.spdm.messages.measurements import RAW_BIT_STREAM
from emulator.wire import Shape, encode

TCB_KIND = KINDS["immutable-rom"]
"""The kind that libspdm's sample counts as the TCB in a summary hash
(`os_stub/spdm_device_secret_lib_sample/meas.c`)."""

MIN_INDEX, MAX_INDEX = 1, 0xFE

_ANY_SHAPE = Shape()


@dataclass(frozen=True)
class Measurement:
    """One measurement of a device.

    Attributes:
        index: 1 to 0xFE.
        kind: DMTFSpecMeasurementValueType without the raw bit, 0 to 0x7F.
        value: what was measured; or, with `digested`, its digest.
        raw: reported as it is rather than as a digest.
        digested: `value` is already the digest and its origin is unknown.
        extended: what a hash-extend was extended by, in order, where that is known.
        state: what of the device's state it shows; None: it is of something that lasts.
    """

    index: int
    kind: int
    value: bytes
    raw: bool = False
    digested: bool = False
    extended: tuple[bytes, ...] = ()
    state: StateOf | None = None

    def told(self, hash_name: str, *, raw: bool) -> tuple[int, bytes]:
        """DMTFSpecMeasurementValueType and the value; the arguments are those of `block`."""
        as_raw = not self.digested and (raw or self.raw or hash_name == "RAW_BIT")
        value = self.value if as_raw or self.digested else hashes.digest(hash_name, self.value)
        return self.kind | (RAW_BIT_STREAM if as_raw else 0), value

    def block(self, hash_name: str, *, raw: bool) -> bytes:
        """The measurement block, as bytes.

        Args:
            hash_name: the measurement hash, `RAW_BIT` for none.
            raw: the requester wants the raw bit stream where there is one.
        """
        kind, value = self.told(hash_name, raw=raw)
        measurement = MeasurementValue(kind=kind, value=value)
        block = MeasurementBlock(index=self.index, measurement=encode(measurement, _ANY_SHAPE))
        return encode(block, _ANY_SHAPE)


class Reported:
    """Measurements by index, and the blocks, records and summaries made of them.

    Attributes:
        changed: the generation of the device's measurements that these are from.
    """

    def __init__(self, measurements: Iterable[Measurement], changed: int = 0) -> None:
        self._by_index = {entry.index: entry for entry in sorted(measurements, key=_index)}
        self.changed = changed
        self._blocks: dict[tuple[int, str, bool], bytes] = {}
        self._records: dict[tuple[str, bool], bytes] = {}

    def __len__(self) -> int:
        return len(self._by_index)

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self._by_index.values())

    def __contains__(self, index: int) -> bool:
        return index in self._by_index

    def block(self, index: int, hash_name: str, *, raw: bool) -> bytes:
        """One block. Raises KeyError for an index there is not."""
        key = (index, hash_name, raw)
        block = self._blocks.get(key)
        if block is None:
            block = self._blocks[key] = self._by_index[index].block(hash_name, raw=raw)
        return block

    def record(self, hash_name: str, *, raw: bool) -> bytes:
        """All blocks in the order of their index."""
        key = (hash_name, raw)
        record = self._records.get(key)
        if record is None:
            blocks = (self.block(index, hash_name, raw=raw) for index in self._by_index)
            record = self._records[key] = b"".join(blocks)
        return record

    def summary(self, summary_type: int, base_hash: str, measurement_hash: str) -> bytes:
        """The measurement summary hash: over all blocks, or over the TCB's alone.

        Source: libspdm `os_stub/spdm_device_secret_lib_sample/meas.c`,
        `libspdm_generate_measurement_summary_hash`: whole blocks are concatenated and hashed.
        """
        blocks = (
            self.block(entry.index, measurement_hash, raw=False)
            for entry in self._by_index.values()
            if summary_type == SummaryType.ALL or entry.kind == TCB_KIND
        )
        return hashes.digest(base_hash, *blocks)


class Measurements(Reported):
    """The measurements of a device: what they are now, were when it was reset, and will be.

    `generation` grows with every change, so that a reading can tell whether contents changed
    under it. `certified` is that of the last change of what alias certificates stand for, which is
    whatever lasts. `log` is what was measured since the device was reset.
    """

    def __init__(
        self, measurements: tuple[Measurement, ...] = (), notes: tuple[Measurement, ...] = ()
    ) -> None:
        super().__init__(measurements)
        self.log = MeasurementLog(self, notes)
        self.generation = self.certified = 0
        self._at_reset = Reported(measurements)
        self._pending: dict[int, Measurement] = {}
        self._prepared_at = 0
        self._prepared: dict[bool, Reported] = {}

    def change(self, index: int, value: bytes) -> None:
        """Give a measurement another value now. Raises KeyError for an index there is not."""
        changed = replace(self._by_index[index], value=value, extended=())
        self._put(changed)
        self.log.add(changed)

    def prepare(self, index: int, value: bytes) -> None:
        """Give a measurement the value it has once the device was reset, as an update does.

        Raises KeyError for an index there is not.
        """
        self._pending[index] = replace(self._by_index[index], value=value, extended=())
        self.generation += 1
        self.certified = self._prepared_at = self.generation
        self._prepared.clear()

    def of_state(self) -> tuple[tuple[Measurement, StateOf], ...]:
        """Those that show what the device is doing, and what of it."""
        return tuple((one, one.state) for one in self if one.state is not None)

    def reset(self) -> None:
        """Measure anew, as a device does when it is reset: what was prepared takes effect."""
        for entry in self._pending.values():
            self._put(entry)
        self._pending.clear()
        if tuple(self._at_reset) != tuple(self):
            self.generation += 1
            if _lasting(self._at_reset) != _lasting(self):
                self.certified = self.generation
            self._at_reset = Reported(self, self.generation)
        self.log.begin(self)

    def reported(self, *, fresh: bool, new: bool = False) -> Reported:
        """What a device reports.

        Args:
            fresh: it has MEAS_FRESH, so it measures whenever it is asked; without it, it reports
                what it measured when it was reset, and a requester that wants it fresh has to
                reset it (DSP0274 1.2.1, at GET_MEASUREMENTS).
            new: what is prepared is asked for in place of what it will replace: the attribute
                NewMeasurementRequested is about the device's future state
                (libspdm `doc/standard_measurement_transcripts.md`).
        """
        base = self if fresh else self._at_reset
        if not (new and self._pending):
            return base
        prepared = self._prepared.get(fresh)
        if prepared is None:
            entries = [self._pending.get(entry.index, entry) for entry in base]
            changed = max(base.changed, self._prepared_at)
            prepared = self._prepared[fresh] = Reported(entries, changed)
        return prepared

    def _put(self, entry: Measurement) -> None:
        self._by_index[entry.index] = entry
        self.generation += 1
        self.changed = self.generation
        if entry.state is None:
            self.certified = self.generation
        self._blocks.clear()
        self._records.clear()
        self._prepared.clear()


def _lasting(measured: Iterable[Measurement]) -> list[Measurement]:
    return [one for one in measured if one.state is None]


def _index(entry: Measurement) -> int:
    return entry.index
