"""What a device measures, and the records and summaries made of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from emulator.crypto import hashes
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
    """

    index: int
    kind: int
    value: bytes
    raw: bool = False
    digested: bool = False

    def block(self, hash_name: str, *, raw: bool) -> bytes:
        """The measurement block, as bytes.

        Args:
            hash_name: the measurement hash, `RAW_BIT` for none.
            raw: the requester wants the raw bit stream where there is one.
        """
        as_raw = not self.digested and (raw or self.raw or hash_name == "RAW_BIT")
        value = self.value if as_raw or self.digested else hashes.digest(hash_name, self.value)
        measurement = MeasurementValue(
            kind=self.kind | (RAW_BIT_STREAM if as_raw else 0), value=value
        )
        block = MeasurementBlock(index=self.index, measurement=encode(measurement, _ANY_SHAPE))
        return encode(block, _ANY_SHAPE)


class Measurements:
    """The measurements of a device, by index.

    `generation` grows with every change, so that a reading can tell whether contents changed
    under it.
    """

    def __init__(self, measurements: tuple[Measurement, ...] = ()) -> None:
        self._by_index = {entry.index: entry for entry in sorted(measurements, key=_index)}
        self.generation = 0
        self._blocks: dict[tuple[int, str, bool], bytes] = {}
        self._records: dict[tuple[str, bool], bytes] = {}

    def __len__(self) -> int:
        return len(self._by_index)

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self._by_index.values())

    def __contains__(self, index: int) -> bool:
        return index in self._by_index

    def change(self, index: int, value: bytes) -> None:
        """Give a measurement another value. Raises KeyError for an index there is not."""
        self._by_index[index] = replace(self._by_index[index], value=value)
        self.generation += 1
        self._blocks.clear()
        self._records.clear()

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


def _index(entry: Measurement) -> int:
    return entry.index
