"""GET_MEASUREMENTS, MEASUREMENTS and the measurement blocks."""

from enum import IntEnum, IntFlag

from emulator.spdm.algorithms import MEASUREMENT_SPECIFICATION_DMTF
from emulator.spdm.codes import Code
from emulator.spdm.messages.challenge import CONTEXT_SIZE, NONCE_SIZE
from emulator.spdm.versions import Version
from emulator.wire import (
    AUTO,
    U8,
    U16,
    U24,
    Bytes,
    Counted,
    Message,
    Since,
    Sized,
    Structure,
    When,
    message,
    structure,
    wire,
)


class RequestAttributes(IntFlag):
    """Param1 of GET_MEASUREMENTS."""

    SIGNATURE = 0x01
    RAW_BIT_STREAM = 0x02
    NEW_MEASUREMENT = 0x04


class MeasurementOperation(IntEnum):
    """Param2 of GET_MEASUREMENTS where it is no index."""

    COUNT = 0x00
    ALL = 0xFF


class ContentChanged(IntEnum):
    """Param2 bits 4 to 5 of MEASUREMENTS, since 1.2."""

    NOT_DETECTABLE = 0x00
    CHANGED = 0x10
    UNCHANGED = 0x20


_SIGNED = int(RequestAttributes.SIGNATURE)

NO_SLOT = 0x0F
"""SlotIDParam that means a provisioned public key instead of a slot."""

RAW_BIT_STREAM = 0x80
"""The bit of a measurement's value type that marks a raw value; without it: a digest."""


@message(Code.GET_MEASUREMENTS)
class GetMeasurements(Message):
    """Asks for a count, one measurement or all. Nonce and slot exist only with SIGNATURE set."""

    attributes: RequestAttributes = wire(U8(RequestAttributes))
    operation: int = wire(U8())
    nonce: bytes = wire(When("attributes", _SIGNED, NONCE_SIZE), default=b"")
    slot: bytes = wire(Since(Version.V1_1, When("attributes", _SIGNED, 1)), default=b"")
    context: bytes = wire(Since(Version.V1_3, Bytes(CONTEXT_SIZE)), default=bytes(CONTEXT_SIZE))


@message(Code.MEASUREMENTS)
class Measurements(Message):
    """A count or a record of blocks; signed over L1/L2 when that was asked for.

    `total` (Param1) is set in answer to COUNT; `slot` (Param2) holds the slot in its low nibble
    and, since 1.2, ContentChanged in bits 4 to 5. `record_length` counts `record` in bytes.
    """

    total: int = wire(U8(), default=0)
    slot: int = wire(U8(), default=0)
    block_count: int = wire(U8())
    record_length: int = wire(U24(), default=AUTO, counts="record")
    record: bytes = wire(Counted("record_length"), default=b"")
    nonce: bytes = wire(Bytes(NONCE_SIZE))
    opaque_length: int = wire(U16(), default=AUTO, counts="opaque")
    opaque: bytes = wire(Counted("opaque_length"), default=b"")
    context: bytes = wire(Since(Version.V1_3, Bytes(CONTEXT_SIZE)), default=bytes(CONTEXT_SIZE))
    signature: bytes = wire(Sized("signature"), default=b"", trailer=True)


@structure
class MeasurementBlock(Structure):
    """One block of a record: `measurement` is a MeasurementValue when the DMTF defined it."""

    index: int = wire(U8())
    specification: int = wire(U8(), default=MEASUREMENT_SPECIFICATION_DMTF)
    size: int = wire(U16(), default=AUTO, counts="measurement")
    measurement: bytes = wire(Counted("size"))


@structure
class MeasurementValue(Structure):
    """A DMTF measurement: its type (bit 7: raw rather than digest) and value."""

    kind: int = wire(U8())
    size: int = wire(U16(), default=AUTO, counts="value")
    value: bytes = wire(Counted("size"))
