"""What a profile says of TDISP: the interfaces of its functions."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from emulator.device.tdi import (
    MSIX,
    PAGE,
    Interface,
    InterfaceInfo,
    Interfaces,
    LockFlags,
    RangeAttributes,
    Refusal,
    Request,
    VendorMessage,
)
from emulator.device.tdi import MmioRange as DeviceRange
from emulator.forms import U8, U16, U32, U64, Hex, Part, Vocabulary, choice, unique
from emulator.forms.words import counted
from emulator.profile.tree import Steps
from emulator.spdm.capabilities import PSK_ANY, Cap, names
from emulator.vendor.tdisp.codes import ErrorCode

Finding = tuple[Steps, str, str]
_FLAGS = Vocabulary(tuple(one.name or "" for one in LockFlags))
_ATTRIBUTES = Vocabulary(tuple(one.name or "" for one in RangeAttributes))
_INFO = Vocabulary(tuple(one.name or "" for one in InterfaceInfo))
_REQUESTS = Vocabulary(tuple(one.name for one in Request))
_ERRORS = Vocabulary(tuple(one.name for one in ErrorCode))
_REGISTRIES = {"PCISIG": 0, "CXL": 1}
_SEGMENT, _SEGMENT_VALID = 0xFF0000, 0x1000000

FlagName = Annotated[str, AfterValidator(_FLAGS.check), choice(_FLAGS)]
AttributeName = Annotated[str, AfterValidator(_ATTRIBUTES.check), choice(_ATTRIBUTES)]
InfoName = Annotated[str, AfterValidator(_INFO.check), choice(_INFO)]
TdispRequest = Annotated[str, AfterValidator(_REQUESTS.check), choice(_REQUESTS)]
TdispErrorName = Annotated[str, AfterValidator(_ERRORS.check), choice(_ERRORS)]


class MmioRange(Part):
    """Memory of an interface, in whole pages of 4096 bytes."""

    address: U64 = Field(description="Where it starts, a physical address.")
    pages: int = Field(ge=1, le=0xFFFFFFFF, description="How many pages it has.")
    id: U16 = Field(default=0, description="Its range id; 0 to 7 are base address registers.")
    attributes: Annotated[list[AttributeName], AfterValidator(unique)] = Field(
        default=[],
        description="What it is. MSI-X ranges are reported where LOCK_MSIX was asked for;"
        " IS_MEM_ATTR_UPDATABLE lets SET_MMIO_ATTRIBUTE change IS_NON_TEE_MEM.",
    )


class TdispRefusal(Part):
    """A request that an interface refuses on purpose."""

    request: TdispRequest = Field(description="The request.")
    error: TdispErrorName = Field(description="The error that answers it.")
    times: Annotated[int, Field(ge=1, le=0xFFFF)] | None = Field(
        default=None, description="How often, before it is answered; null: always."
    )


class TdiInterface(Part):
    """A TEE device interface."""

    function: int = Field(
        ge=0,
        le=0x01FFFFFF,
        description="FUNCTION_ID: the requester id; with a segment its number in bits 16 to 23,"
        " and bit 24.",
    )
    needs_ide: bool = Field(
        default=True,
        description="LOCK_INTERFACE needs a default stream that is Secure by keys of the same"
        " session.",
    )
    lock_flags: Annotated[list[FlagName], AfterValidator(unique)] = Field(
        default=["NO_FW_UPDATE", "SYSTEM_CACHE_LINE_SIZE", "LOCK_MSIX"],
        description="The lock flags it supports; a lock that asks for another is refused.",
    )
    info: Annotated[list[InfoName], AfterValidator(unique)] = Field(
        default=["DMA_WITHOUT_PASID"],
        description="INTERFACE_INFO of its report; NO_UPDATE_AFTER_LOCK is added by a lock with"
        " NO_FW_UPDATE.",
    )
    ranges: list[MmioRange] = Field(default=[], description="Its memory, in reported order.")
    msi_x_control: U16 = Field(
        default=0, description="MSI_X_MESSAGE_CONTROL, reported where MSI-X is locked."
    )
    lnr_control: U16 = Field(default=0, description="LNR_CONTROL.")
    tph_control: U32 = Field(default=0, description="TPH_CONTROL, reported where MSI-X is locked.")
    specific: Hex = Field(default="", description="DEVICE_SPECIFIC_INFO, its bytes.")
    refuses: list[TdispRefusal] = Field(
        default=[], description="What it refuses on purpose, whatever its state is."
    )


class TdispMessage(Part):
    """A vendor's message (VDM) that the device knows: exactly one of answer and error."""

    registry: Literal["PCISIG", "CXL"] = Field(
        default="PCISIG", description="Who assigned the vendor's id."
    )
    vendor: Hex = Field(description="The vendor's id, as it is on the wire.")
    answer: Hex | None = Field(default=None, description="The data that answers.")
    error: Hex | None = Field(
        default=None, description="The data of a VENDOR_SPECIFIC_ERROR that answers."
    )


class Tdisp(Part):
    """TDISP: interfaces that a host locks, looks at and starts, in sessions."""

    interfaces: list[TdiInterface] = Field(min_length=1, description="The interfaces.")
    address_width: int = Field(
        default=52, ge=1, le=64, description="DEV_ADDR_WIDTH: bits of an address."
    )
    requests_of_one: U8 = Field(default=1, description="NUM_REQ_THIS.")
    requests_of_all: U8 = Field(default=1, description="NUM_REQ_ALL.")
    portion: int = Field(
        default=512, ge=1, le=0xFFFF, description="The largest portion of a report, bytes."
    )
    messages: list[TdispMessage] = Field(
        default=[], description="Vendors' messages that it knows; without any it knows no VDM."
    )


def tdisp_findings(tdisp: Tdisp | None, flags: Cap, *, has_ide: bool) -> Iterator[Finding]:
    """What several values of TDISP together may be."""
    if tdisp is None:
        return
    if not flags & (Cap.KEY_EX | PSK_ANY):
        able = " or ".join(names(Cap.KEY_EX | PSK_ANY))
        yield ("tdisp",), f"null without {able} in capabilities, as TDISP needs a session", ""
    seen: set[int] = set()
    for number, one in enumerate(tdisp.interfaces):
        steps: Steps = ("tdisp", "interfaces", number)
        if one.function in seen:
            yield (*steps, "function"), "each function once", ""
        seen.add(one.function)
        if one.function & _SEGMENT and not one.function & _SEGMENT_VALID:
            yield (*steps, "function"), "bit 24 set beside a segment", f"{one.function:#x}"
        if one.needs_ide and not has_ide:
            yield (*steps, "needs_ide"), "false for a device without ide", ""
        yield from _ranges(steps, one, 1 << tdisp.address_width)
    yield from _messages(tdisp.messages)


def _messages(messages: list[TdispMessage]) -> Iterator[Finding]:
    known: set[tuple[str, bytes]] = set()
    for number, message in enumerate(messages):
        steps: Steps = ("tdisp", "messages", number)
        if (message.answer is None) == (message.error is None):
            yield steps, "either answer or error", "neither" if message.answer is None else "both"
        vendor = bytes.fromhex(message.vendor)
        if len(vendor) > 0xFF:  # noqa: PLR2004 - its length has eight bits
            yield (*steps, "vendor"), "at most 255 bytes", counted(len(vendor), "byte")
        if (message.registry, vendor) in known:
            yield (*steps, "vendor"), "each vendor of a registry once", ""
        known.add((message.registry, vendor))


def _ranges(steps: Steps, interface: TdiInterface, space: int) -> Iterator[Finding]:
    taken: list[range] = []
    for number, one in enumerate(interface.ranges):
        here: Steps = (*steps, "ranges", number)
        where = range(one.address, one.address + one.pages * PAGE)
        if one.address % PAGE:
            yield (*here, "address"), f"a multiple of {PAGE:#x}", f"{one.address:#x}"
        if where.stop > space:
            yield here, "a range within the address width", f"an end at {where.stop:#x}"
        if any(where.start < other.stop and other.start < where.stop for other in taken):
            yield here, "a range that overlaps none before it", f"{one.address:#x}"
        taken.append(where)
        is_msi_x = any(RangeAttributes[name] & MSIX for name in one.attributes)
        if is_msi_x and "LOCK_MSIX" not in interface.lock_flags:
            yield (*here, "attributes"), "no MSI-X without LOCK_MSIX in lock_flags", ""


def device_tdi(told: Tdisp | None) -> Interfaces | None:
    """The interfaces of a device."""
    if told is None:
        return None
    return Interfaces(
        by_function={one.function: _interface(one) for one in told.interfaces},
        address_width=told.address_width,
        outstanding=(told.requests_of_one, told.requests_of_all),
        portion=told.portion,
        messages=tuple(
            VendorMessage(
                _REGISTRIES[one.registry],
                bytes.fromhex(one.vendor),
                bytes.fromhex(one.answer or ""),
                None if one.error is None else bytes.fromhex(one.error),
            )
            for one in told.messages
        ),
    )


def _interface(told: TdiInterface) -> Interface:
    return Interface(
        told.function,
        flags=LockFlags(sum(LockFlags[name] for name in told.lock_flags)),
        info=InterfaceInfo(sum(InterfaceInfo[name] for name in told.info)),
        ranges=tuple(
            DeviceRange(
                one.address,
                one.pages,
                one.id,
                RangeAttributes(sum(RangeAttributes[name] for name in one.attributes)),
            )
            for one in told.ranges
        ),
        msi_x_control=told.msi_x_control,
        lnr_control=told.lnr_control,
        tph_control=told.tph_control,
        specific=bytes.fromhex(told.specific),
        needs_ide=told.needs_ide,
        refusals=[
            Refusal(Request[one.request], ErrorCode[one.error], one.times) for one in told.refuses
        ],
    )
