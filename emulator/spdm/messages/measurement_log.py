"""GET_MEASUREMENT_EXTENSION_LOG, MEASUREMENT_EXTENSION_LOG, and the log of the DMTF's form.

Since 1.3. Source: libspdm `include/industry_standard/spdm.h`
(`spdm_measurement_extension_log_dmtf_t`, `spdm_mel_entry_dmtf_t`).
"""

from emulator.spdm.codes import Code
from emulator.wire import (
    AUTO,
    U8,
    U16,
    U32,
    Counted,
    Message,
    Reserved,
    Structure,
    Table,
    message,
    structure,
    wire,
)

MEL_SPECIFICATION_DMTF = 0x01
"""The bit of MELspecification that stands for the form below."""


@message(Code.GET_MEASUREMENT_EXTENSION_LOG)
class GetMeasurementExtensionLog(Message):
    """Asks for `length` bytes of the log from `offset` on."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
    offset: int = wire(U32())
    length: int = wire(U32())


@message(Code.MEASUREMENT_EXTENSION_LOG)
class MeasurementExtensionLog(Message):
    """A portion of the log, and how many bytes are left after it."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
    portion_length: int = wire(U32(), default=AUTO, counts="portion")
    remainder_length: int = wire(U32())
    portion: bytes = wire(Counted("portion_length"), default=b"")


@structure
class LogEntry(Structure):
    """One entry: its number from 1, the index of the measurement it is about, and a value.

    `kind` and `value` are as in a measurement's block: bit 7 of `kind` marks a raw value.
    """

    number: int = wire(U32())
    index: int = wire(U8())
    reserved: bytes = wire(Reserved(3), default=bytes(3))
    kind: int = wire(U8())
    size: int = wire(U16(), default=AUTO, counts="value")
    value: bytes = wire(Counted("size"), default=b"")


@structure
class Log(Structure):
    """The whole log; `entries_length` counts the bytes of its entries."""

    entry_count: int = wire(U32(), default=AUTO, counts="entries")
    entries_length: int = wire(U32())
    reserved: bytes = wire(Reserved(8), default=bytes(8))
    entries: tuple[LogEntry, ...] = wire(Table(LogEntry, "entry_count"), default=())
