"""The layouts of CXL TSP's messages: libspdm `include/industry_standard/cxl_tsp.h`.

All begin with a version and an opcode, as SPDM's do with a version and a code.
"""

from enum import IntEnum

from emulator.device.cxl.tsp import MAX_SECONDARY, SECONDARY_KEY_SIZE
from emulator.wire import (
    AUTO,
    U8,
    U16,
    U32,
    U64,
    Bytes,
    Counted,
    Message,
    Reserved,
    Rest,
    Shape,
    Structure,
    Table,
    message,
    structure,
    wire,
)

SHAPE = Shape()
VERSION = 0x10
HEADER_SIZE = 2
GRANULARITIES_SIZE = 8 * 16


class Opcode(IntEnum):
    """The requests that a target answers."""

    GET_TARGET_TSP_VERSION = 0x81
    GET_TARGET_CAPABILITIES = 0x82
    SET_TARGET_CONFIGURATION = 0x83
    GET_TARGET_CONFIGURATION = 0x84
    GET_TARGET_CONFIGURATION_REPORT = 0x85
    LOCK_TARGET_CONFIGURATION = 0x86
    SET_TARGET_TE_STATE = 0x8D


ERROR_RSP = 0x7F


class TspErrorCode(IntEnum):
    """Why a request was refused (CXL_TSP_ERROR_CODE_*)."""

    INVALID_REQUEST = 0x01
    BUSY = 0x02
    UNSPECIFIED = 0x03
    UNSUPPORTED_REQUEST = 0x04
    VERSION_MISMATCH = 0x05
    VENDOR_SPECIFIC_ERROR = 0x06
    NO_PRIVILEGE = 0x07
    NO_ENTROPY = 0x08
    INVALID_CKID = 0x09
    INVALID_SECURITY_CONFIGURATION = 0x0A
    INVALID_SECURITY_STATE = 0x0B
    LONG_EXECUTION_TIME = 0x0C
    ALREADY_LOCKED = 0x0D


@structure
class Plain(Message):
    """A header alone, as most have it."""

    reserved: int = wire(U16(), default=0)


@message(Opcode.GET_TARGET_TSP_VERSION)
class GetTspVersion(Plain):
    """Which versions of TSP are there?"""


@message(0x01)
class TspVersions(Plain):
    """The versions of TSP."""

    count: int = wire(U8(), default=AUTO, counts="entries")
    entries: bytes = wire(Counted("count"), default=b"")


@message(Opcode.GET_TARGET_CAPABILITIES)
class GetTargetCapabilities(Plain):
    """What can the target do?"""


@message(0x02)
class TargetCapabilitiesResponse(Message):
    """What the target can do."""

    encryption_supported: int = wire(U16())
    algorithms_supported: int = wire(U32())
    range_based_keys: int = wire(U16())
    reserved1: int = wire(U16(), default=0)
    access_supported: int = wire(U16())
    reserved2: int = wire(U16(), default=0)
    out_of_band_granularity_supported: int = wire(U32())
    in_band_granularity_supported: int = wire(U32())
    features_supported: int = wire(U16())
    reserved3: int = wire(U16(), default=0)
    ckids: int = wire(U32())
    secondary_sessions: int = wire(U8())
    reserved4: bytes = wire(Reserved(0x13), default=bytes(0x13))


@structure
class _Settings(Message):
    """What both messages of a configuration begin with."""

    encryption: int = wire(U16())
    algorithm: int = wire(U32())
    reserved1: int = wire(U32(), default=0)
    access: int = wire(U16())
    reserved2: int = wire(U16(), default=0)
    out_of_band_granularity: int = wire(U32())
    reserved3: int = wire(U32(), default=0)
    features: int = wire(U16())
    reserved4: int = wire(U16(), default=0)
    ckid_base: int = wire(U32())
    ckids: int = wire(U32())


@message(Opcode.SET_TARGET_CONFIGURATION)
class SetTargetConfiguration(_Settings):
    """Configure the target, and hand it the keys of secondary sessions."""

    reserved5: bytes = wire(Reserved(0x0C), default=bytes(0x0C))
    granularities: bytes = wire(Bytes(GRANULARITIES_SIZE))
    reserved6: bytes = wire(Reserved(0x10), default=bytes(0x10))
    validity: int = wire(U16(), default=0)
    reserved7: bytes = wire(Reserved(0x0E), default=bytes(0x0E))
    ckid_types: int = wire(U8(), default=0)
    reserved8: bytes = wire(Reserved(0x0F), default=bytes(0x0F))
    key_material: bytes = wire(
        Bytes(MAX_SECONDARY * SECONDARY_KEY_SIZE),
        default=bytes(MAX_SECONDARY * SECONDARY_KEY_SIZE),
    )


@message(0x03)
class SetTargetConfigurationResponse(Plain):
    """It is configured."""


@message(Opcode.GET_TARGET_CONFIGURATION)
class GetTargetConfiguration(Plain):
    """How is the target configured?"""


@message(0x04)
class TargetConfigurationResponse(_Settings):
    """How the target is configured, and where it stands."""

    state: int = wire(U8())
    reserved5: bytes = wire(Reserved(0x0B), default=bytes(0x0B))
    granularities: bytes = wire(Bytes(GRANULARITIES_SIZE))
    reserved6: bytes = wire(Reserved(0x10), default=bytes(0x10))


@message(Opcode.GET_TARGET_CONFIGURATION_REPORT)
class GetTargetReport(Plain):
    """A portion of the target's report."""

    offset: int = wire(U16(), default=0)
    length: int = wire(U16())


@message(0x05)
class TargetReportPortion(Plain):
    """A portion of the target's report, and how much is left."""

    portion_length: int = wire(U16(), default=AUTO, counts="portion")
    remainder_length: int = wire(U16())
    portion: bytes = wire(Counted("portion_length"), default=b"")


@message(Opcode.LOCK_TARGET_CONFIGURATION)
class LockTarget(Plain):
    """Fix the configuration."""


@message(0x06)
class LockTargetResponse(Plain):
    """It is fixed."""


@structure
class TeRange(Structure):
    """A range of memory."""

    start: int = wire(U64())
    length: int = wire(U64())


@message(Opcode.SET_TARGET_TE_STATE)
class SetTeState(Message):
    """Give ranges of memory to tenants alone, or to all."""

    te_state: int = wire(U8())
    count: int = wire(U8(), default=AUTO, counts="ranges")
    reserved: bytes = wire(Reserved(0x0C), default=bytes(0x0C))
    ranges: tuple[TeRange, ...] = wire(Table(TeRange, "count"), default=())


@message(0x0D)
class SetTeStateResponse(Plain):
    """It is so."""


@message(ERROR_RSP)
class TspError(Plain):
    """The request is refused."""

    error_code: int = wire(U32(TspErrorCode))
    error_data: int = wire(U32(), default=0)
    extended: bytes = wire(Rest(), default=b"")


LAYOUTS: dict[int, type[Message]] = {
    layout.CODE: layout
    for layout in (
        GetTspVersion,
        TspVersions,
        GetTargetCapabilities,
        TargetCapabilitiesResponse,
        SetTargetConfiguration,
        SetTargetConfigurationResponse,
        GetTargetConfiguration,
        TargetConfigurationResponse,
        GetTargetReport,
        TargetReportPortion,
        LockTarget,
        LockTargetResponse,
        SetTeState,
        SetTeStateResponse,
        TspError,
    )
}
"""The layouts by their opcodes."""
