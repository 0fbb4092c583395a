"""NEGOTIATE_ALGORITHMS and ALGORITHMS."""

from emulator.spdm.algorithms import AlgType
from emulator.spdm.codes import Code
from emulator.spdm.versions import Version
from emulator.wire import (
    AUTO,
    U8,
    U16,
    U32,
    Counted,
    Message,
    Reserved,
    Since,
    Structure,
    Table,
    message,
    structure,
    wire,
)

FIXED_SIZE = 2
"""AlgSupported is always two bytes; AlgCount says so in its high nibble."""


@structure
class AlgorithmStructure(Structure):
    """One algorithm structure: a family and its bits.

    `count` holds the size of `supported` in bytes in its high nibble and the number of 4-byte
    external algorithms in its low one.
    """

    kind: AlgType = wire(U8(AlgType))
    count: int = wire(U8(), default=FIXED_SIZE << 4)
    supported: int = wire(U16())
    external: bytes = wire(Counted("count", unit=4, mask=0x0F), default=b"")


@structure
class SupportedAlgorithms(Structure):
    """All a responder can compute, told with CAPABILITIES since 1.3.

    It is laid out as NEGOTIATE_ALGORITHMS after its first two bytes; `length` is the block's own.
    """

    structure_count: int = wire(U8(), default=AUTO, counts="structures")
    reserved1: int = wire(U8(), default=0)
    length: int = wire(U16())
    measurement_specification: int = wire(U8(), default=0)
    other_params: int = wire(U8(), default=0)
    base_asym: int = wire(U32(), default=0)
    base_hash: int = wire(U32(), default=0)
    pqc_asym: int = wire(U32(), default=0)
    reserved2: bytes = wire(Reserved(8), default=bytes(8))
    ext_asym_count: int = wire(U8(), default=0)
    ext_hash_count: int = wire(U8(), default=0)
    reserved3: int = wire(U8(), default=0)
    mel_specification: int = wire(U8(), default=0)
    ext_asym: bytes = wire(Counted("ext_asym_count", unit=4), default=b"")
    ext_hash: bytes = wire(Counted("ext_hash_count", unit=4), default=b"")
    structures: tuple[AlgorithmStructure, ...] = wire(
        Table(AlgorithmStructure, "structure_count"), default=()
    )


@message(Code.NEGOTIATE_ALGORITHMS)
class NegotiateAlgorithms(Message):
    """What the requester can compute. `length` is that of the whole message in bytes."""

    structure_count: int = wire(U8(), default=AUTO, counts="structures")
    reserved1: int = wire(U8(), default=0)
    length: int = wire(U16())
    measurement_specification: int = wire(U8(), default=0)
    other_params: int = wire(U8(), default=0)
    base_asym: int = wire(U32(), default=0)
    base_hash: int = wire(U32(), default=0)
    pqc_asym: int = wire(U32(), default=0)
    reserved2: bytes = wire(Reserved(8), default=bytes(8))
    ext_asym_count: int = wire(U8(), default=0)
    ext_hash_count: int = wire(U8(), default=0)
    reserved3: int = wire(U8(), default=0)
    mel_specification: int = wire(U8(), default=0)
    ext_asym: bytes = wire(Counted("ext_asym_count", unit=4), default=b"")
    ext_hash: bytes = wire(Counted("ext_hash_count", unit=4), default=b"")
    structures: tuple[AlgorithmStructure, ...] = wire(
        Since(Version.V1_1, Table(AlgorithmStructure, "structure_count")), default=()
    )


@message(Code.ALGORITHMS)
class Algorithms(Message):
    """What the responder selected: one bit each. `length` is that of the whole message."""

    structure_count: int = wire(U8(), default=AUTO, counts="structures")
    reserved1: int = wire(U8(), default=0)
    length: int = wire(U16())
    measurement_specification: int = wire(U8(), default=0)
    other_params: int = wire(U8(), default=0)
    measurement_hash: int = wire(U32(), default=0)
    base_asym: int = wire(U32(), default=0)
    base_hash: int = wire(U32(), default=0)
    pqc_asym: int = wire(U32(), default=0)
    reserved2: bytes = wire(Reserved(7), default=bytes(7))
    mel_specification: int = wire(U8(), default=0)
    ext_asym_count: int = wire(U8(), default=0)
    ext_hash_count: int = wire(U8(), default=0)
    reserved3: int = wire(U16(), default=0)
    ext_asym: bytes = wire(Counted("ext_asym_count", unit=4), default=b"")
    ext_hash: bytes = wire(Counted("ext_hash_count", unit=4), default=b"")
    structures: tuple[AlgorithmStructure, ...] = wire(
        Since(Version.V1_1, Table(AlgorithmStructure, "structure_count")), default=()
    )
