"""The layouts of TDISP's messages: libspdm `include/industry_standard/pci_tdisp.h`.

The message of a vendor, which that header leaves out, has the fields of its extended error data
(PCI Express Base Specification 6.2, section 11.3.25).
"""

from emulator.device.tdi import InterfaceInfo, LockFlags, RangeAttributes, Request
from emulator.vendor.tdisp.codes import ErrorCode, Response
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
"""TDISP's layouts depend on nothing."""

HEADER_SIZE = 16
NONCE_SIZE = 32
MESSAGES_MASK_SIZE = 16


@structure
class Tdisp(Message):
    """What all messages begin with: version, type, and the interface they are about."""

    reserved: bytes = wire(Reserved(2), default=bytes(2))
    function: int = wire(U32())
    reserved_id: bytes = wire(Reserved(8), default=bytes(8))


@message(Request.GET_TDISP_VERSION)
class GetVersion(Tdisp):
    """Which versions of TDISP are there?"""


@message(Response.TDISP_VERSION)
class Versions(Tdisp):
    """The versions of TDISP that the device speaks."""

    count: int = wire(U8(), default=AUTO, counts="entries")
    entries: bytes = wire(Counted("count"), default=b"")


@message(Request.GET_TDISP_CAPABILITIES)
class GetCapabilities(Tdisp):
    """What is the device able to do?"""

    tsm_caps: int = wire(U32(), default=0)


@message(Response.TDISP_CAPABILITIES)
class Capabilities(Tdisp):
    """What the device is able to do."""

    dsm_caps: int = wire(U32(), default=0)
    messages_supported: bytes = wire(Bytes(MESSAGES_MASK_SIZE))
    lock_flags_supported: LockFlags = wire(U16(LockFlags))
    reserved_caps: bytes = wire(Reserved(3), default=bytes(3))
    address_width: int = wire(U8())
    outstanding_this: int = wire(U8())
    outstanding_all: int = wire(U8())


@message(Request.LOCK_INTERFACE)
class LockInterface(Tdisp):
    """Fix the interface as it is."""

    flags: LockFlags = wire(U16(LockFlags), default=LockFlags(0))
    default_stream: int = wire(U8(), default=0)
    reserved_lock: int = wire(U8(), default=0)
    mmio_reporting_offset: int = wire(U64(), default=0)
    bind_p2p_address_mask: int = wire(U64(), default=0)


@message(Response.LOCK_INTERFACE_RESPONSE)
class LockInterfaceResponse(Tdisp):
    """It is fixed; who shows this nonce may start it."""

    nonce: bytes = wire(Bytes(NONCE_SIZE))


@message(Request.GET_DEVICE_INTERFACE_REPORT)
class GetReport(Tdisp):
    """A portion of the interface's report."""

    offset: int = wire(U16(), default=0)
    length: int = wire(U16())


@message(Response.DEVICE_INTERFACE_REPORT)
class ReportPortion(Tdisp):
    """A portion of the interface's report, and how much is left."""

    portion_length: int = wire(U16(), default=AUTO, counts="portion")
    remainder_length: int = wire(U16())
    portion: bytes = wire(Counted("portion_length"), default=b"")


@message(Request.GET_DEVICE_INTERFACE_STATE)
class GetState(Tdisp):
    """Where does the interface stand?"""


@message(Response.DEVICE_INTERFACE_STATE)
class StateResponse(Tdisp):
    """Where the interface stands."""

    state: int = wire(U8())


@message(Request.START_INTERFACE)
class StartInterface(Tdisp):
    """Let the interface run."""

    nonce: bytes = wire(Bytes(NONCE_SIZE))


@message(Response.START_INTERFACE_RESPONSE)
class StartInterfaceResponse(Tdisp):
    """It runs."""


@message(Request.STOP_INTERFACE)
class StopInterface(Tdisp):
    """Forget the tenant, and unlock."""


@message(Response.STOP_INTERFACE_RESPONSE)
class StopInterfaceResponse(Tdisp):
    """It is unlocked."""


@message(Request.BIND_P2P_STREAM)
class BindStream(Tdisp):
    """Bind a peer-to-peer stream to the interface."""

    stream_id: int = wire(U8())


@message(Response.BIND_P2P_STREAM_RESPONSE)
class BindStreamResponse(Tdisp):
    """The stream is bound."""


@message(Request.UNBIND_P2P_STREAM)
class UnbindStream(Tdisp):
    """Unbind a peer-to-peer stream."""

    stream_id: int = wire(U8())


@message(Response.UNBIND_P2P_STREAM_RESPONSE)
class UnbindStreamResponse(Tdisp):
    """The stream is not bound any more."""


@structure
class RangeEntry(Structure):
    """A range of MMIO, in pages."""

    first_page: int = wire(U64())
    pages: int = wire(U32())
    attributes: RangeAttributes = wire(U16(RangeAttributes), default=RangeAttributes(0))
    id: int = wire(U16(), default=0)


@message(Request.SET_MMIO_ATTRIBUTE)
class SetAttribute(Tdisp):
    """Open a range to those outside of the TEE, or close it."""

    first_page: int = wire(U64())
    pages: int = wire(U32())
    attributes: RangeAttributes = wire(U16(RangeAttributes), default=RangeAttributes(0))
    range_id: int = wire(U16(), default=0)


@message(Response.SET_MMIO_ATTRIBUTE_RESPONSE)
class SetAttributeResponse(Tdisp):
    """It is so."""


@structure
class _Vendor(Tdisp):
    """A registry, a vendor in it, and the vendor's data."""

    registry: int = wire(U8())
    vendor_length: int = wire(U8(), default=AUTO, counts="vendor")
    vendor: bytes = wire(Counted("vendor_length"), default=b"")
    data: bytes = wire(Rest(), default=b"")


@message(Request.VDM)
class VendorRequest(_Vendor):
    """A vendor's request."""


@message(Response.VDM_RESPONSE)
class VendorResponse(_Vendor):
    """A vendor's response."""


@structure
class ExtendedError(Structure):
    """What stands behind a vendor's error."""

    registry: int = wire(U8())
    vendor_length: int = wire(U8(), default=AUTO, counts="vendor")
    vendor: bytes = wire(Counted("vendor_length"), default=b"")
    data: bytes = wire(Rest(), default=b"")


@message(Response.TDISP_ERROR)
class TdispError(Tdisp):
    """The request is refused."""

    error_code: int = wire(U32(ErrorCode))
    error_data: int = wire(U32(), default=0)
    extended: bytes = wire(Rest(), default=b"")


@structure
class Report(Structure):
    """The report of an interface, all portions together."""

    info: InterfaceInfo = wire(U16(InterfaceInfo))
    reserved: int = wire(U16(), default=0)
    msi_x_message_control: int = wire(U16(), default=0)
    lnr_control: int = wire(U16(), default=0)
    tph_control: int = wire(U32(), default=0)
    range_count: int = wire(U32(), default=AUTO, counts="ranges")
    ranges: tuple[RangeEntry, ...] = wire(Table(RangeEntry, "range_count"), default=())
    specific_length: int = wire(U32(), default=AUTO, counts="specific")
    specific: bytes = wire(Counted("specific_length"), default=b"")


LAYOUTS: dict[int, type[Tdisp]] = {
    layout.CODE: layout
    for layout in (
        GetVersion,
        Versions,
        GetCapabilities,
        Capabilities,
        LockInterface,
        LockInterfaceResponse,
        GetReport,
        ReportPortion,
        GetState,
        StateResponse,
        StartInterface,
        StartInterfaceResponse,
        StopInterface,
        StopInterfaceResponse,
        BindStream,
        BindStreamResponse,
        UnbindStream,
        UnbindStreamResponse,
        SetAttribute,
        SetAttributeResponse,
        VendorRequest,
        VendorResponse,
        TdispError,
    )
}
"""The layouts by their codes."""
