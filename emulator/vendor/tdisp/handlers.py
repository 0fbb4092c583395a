"""What answers each request of TDISP.

A handler reads; what is to change it leaves in the exchange's effects. Rules: PCI Express Base
Specification 6.2, sections 11.3.4 to 11.3.26, whose tables of error codes are kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from emulator.device.tdi import (
    PAGE,
    Interface,
    InterfaceInfo,
    Interfaces,
    Lock,
    LockFlags,
    RangeAttributes,
    Request,
)
from emulator.vendor.registry import VendorExchange
from emulator.vendor.tdisp import codes, messages
from emulator.vendor.tdisp.codes import ErrorCode
from emulator.vendor.tdisp.messages import NONCE_SIZE, SHAPE, Tdisp
from emulator.wire import encode

_U64 = 1 << 64
_REQUEST_BIT = 0x80


class Refused(Exception):
    """A request is answered with TDISP_ERROR.

    Attributes:
        code: the error code.
        data: the error data.
        extended: a vendor's extended error data.
    """

    def __init__(self, code: int, *, data: int = 0, extended: bytes = b"") -> None:
        super().__init__(code)
        self.code = code
        self.data = data
        self.extended = extended


@dataclass(frozen=True)
class Asked:
    """What a handler looks at: the interface, all of the device's, and the exchange."""

    interface: Interface
    interfaces: Interfaces
    exchange: VendorExchange

    def then(self, effect: Callable[[], None]) -> None:
        """Let something happen once the answer is made."""
        self.exchange.effects.append(effect)


def _head(message: Tdisp) -> dict[str, Any]:
    """The header of the answer to `message`."""
    return {"version": codes.VERSION, "function": message.function}


def _version(asked: Asked, message: messages.GetVersion) -> Tdisp:
    del asked
    return messages.Versions(**_head(message), entries=bytes((codes.VERSION,)))


def _capabilities(asked: Asked, message: messages.GetCapabilities) -> Tdisp:
    bits = sum(1 << (code & ~_REQUEST_BIT) for code in asked.interfaces.supported())
    this, together = asked.interfaces.outstanding
    return messages.Capabilities(
        **_head(message),
        messages_supported=bits.to_bytes(messages.MESSAGES_MASK_SIZE, "little"),
        lock_flags_supported=asked.interface.flags,
        address_width=asked.interfaces.address_width,
        outstanding_this=this,
        outstanding_all=together,
    )


def _lock(asked: Asked, message: messages.LockInterface) -> Tdisp:
    """Section 11.3.8. Reserved flags are ignored; a known one must be supported."""
    interface = asked.interface
    flags = LockFlags(message.flags & sum(LockFlags))
    if flags & ~interface.flags:
        raise Refused(ErrorCode.INVALID_DEVICE_CONFIGURATION)
    offset = message.mmio_reporting_offset
    if offset >= _U64 // 2:
        offset -= _U64
    if any(not 0 <= one.address + offset < _U64 for one in interface.ranges):
        raise Refused(ErrorCode.INVALID_REQUEST)
    session = asked.exchange.session
    stream = message.default_stream if interface.needs_ide else None
    if stream is not None:
        _check_keys(asked, stream)
    nonce = asked.exchange.entropy.bytes(NONCE_SIZE, label="START_INTERFACE nonce")
    lock = Lock(flags, stream, offset, message.bind_p2p_address_mask, session)
    asked.then(partial(interface.take_lock, lock, nonce))
    return messages.LockInterfaceResponse(**_head(message), nonce=nonce)


def _check_keys(asked: Asked, stream: int) -> None:
    """A stream has keys in use for all sub-streams, all programmed in the session of the lock."""
    streams, lock = asked.interfaces.streams, asked.interface.lock
    session = asked.exchange.session if lock is None else lock.session
    if streams is None or not streams.keyed(stream, session):
        raise Refused(ErrorCode.INVALID_REQUEST)


def report(interface: Interface) -> bytes:
    """The report of a locked interface, all of it."""
    lock = interface.lock
    flags = lock.flags if lock else LockFlags(0)
    with_msi_x = LockFlags.LOCK_MSIX in flags
    info = interface.info
    if LockFlags.NO_FW_UPDATE in flags:
        info |= InterfaceInfo.NO_UPDATE_AFTER_LOCK
    ranges = tuple(
        messages.RangeEntry(
            first_page=one.address // PAGE,
            pages=one.pages,
            attributes=one.attributes,
            id=one.id,
        )
        for one in interface.reported().values()
    )
    made = messages.Report(
        info=info,
        msi_x_message_control=interface.msi_x_control if with_msi_x else 0,
        lnr_control=interface.lnr_control,
        tph_control=interface.tph_control if with_msi_x else 0,
        ranges=ranges,
        specific=interface.specific,
    )
    return encode(made, SHAPE)


def _report(asked: Asked, message: messages.GetReport) -> Tdisp:
    whole = report(asked.interface)
    if not message.length or message.offset >= len(whole):
        raise Refused(ErrorCode.INVALID_REQUEST)
    end = message.offset + min(message.length, asked.interfaces.portion)
    portion = whole[message.offset : end]
    left = len(whole) - message.offset - len(portion)
    return messages.ReportPortion(**_head(message), remainder_length=left, portion=portion)


def _state(asked: Asked, message: messages.GetState) -> Tdisp:
    return messages.StateResponse(**_head(message), state=asked.interface.state)


def _start(asked: Asked, message: messages.StartInterface) -> Tdisp:
    if asked.interface.nonce is None or message.nonce != asked.interface.nonce:
        raise Refused(ErrorCode.INVALID_NONCE)
    asked.then(asked.interface.start)
    return messages.StartInterfaceResponse(**_head(message))


def _stop(asked: Asked, message: messages.StopInterface) -> Tdisp:
    asked.then(asked.interface.stop)
    return messages.StopInterfaceResponse(**_head(message))


def _check_p2p(interface: Interface) -> None:
    """The interface was locked so that it may have peer-to-peer streams."""
    if interface.lock is None or LockFlags.BIND_P2P not in interface.lock.flags:
        raise Refused(ErrorCode.INVALID_REQUEST)


def _bind(asked: Asked, message: messages.BindStream) -> Tdisp:
    interface, stream = asked.interface, message.stream_id
    _check_p2p(interface)
    if stream in interface.streams():
        raise Refused(ErrorCode.INVALID_REQUEST)  # the default stream, or bound already
    _check_keys(asked, stream)
    asked.then(partial(interface.p2p.add, stream))
    return messages.BindStreamResponse(**_head(message))


def _unbind(asked: Asked, message: messages.UnbindStream) -> Tdisp:
    interface, stream = asked.interface, message.stream_id
    _check_p2p(interface)
    if stream not in interface.p2p:
        raise Refused(ErrorCode.INVALID_REQUEST)
    asked.then(partial(interface.p2p.discard, stream))
    return messages.UnbindStreamResponse(**_head(message))


def _set_attribute(asked: Asked, message: messages.SetAttribute) -> Tdisp:
    """The range must be one that was reported, and nothing but IS_NON_TEE_MEM can be asked for."""
    interface = asked.interface
    place = _place(interface, message)
    wanted = message.attributes
    if place is None or wanted & ~RangeAttributes.IS_NON_TEE_MEM:
        raise Refused(ErrorCode.INVALID_REQUEST)
    if RangeAttributes.IS_MEM_ATTR_UPDATABLE not in interface.ranges[place].attributes:
        raise Refused(ErrorCode.INVALID_REQUEST)
    change = interface.shared.add if wanted else interface.shared.discard
    asked.then(partial(change, place))
    return messages.SetAttributeResponse(**_head(message))


def _place(interface: Interface, message: messages.SetAttribute) -> int | None:
    """Which of the ranges that were reported the message is about; None: none."""
    wanted = (message.first_page, message.pages, message.range_id)
    for place, one in interface.reported().items():
        if (one.address // PAGE, one.pages, one.id) == wanted:
            return place
    return None


def _vendor(asked: Asked, message: messages.VendorRequest) -> Tdisp:
    """A vendor's message that the device knows has its answer, or its error."""
    for known in asked.interfaces.messages:
        if (known.registry, known.vendor) != (message.registry, message.vendor):
            continue
        if known.error is None:
            return messages.VendorResponse(
                **_head(message), registry=known.registry, vendor=known.vendor, data=known.answer
            )
        told = messages.ExtendedError(
            registry=known.registry, vendor=known.vendor, data=known.error
        )
        extended = encode(told, SHAPE)
        raise Refused(ErrorCode.VENDOR_SPECIFIC_ERROR, data=len(extended), extended=extended)
    raise Refused(ErrorCode.INVALID_REQUEST)


HANDLERS: dict[Request, Callable[[Asked, Any], Tdisp]] = {
    Request.GET_TDISP_VERSION: _version,
    Request.GET_TDISP_CAPABILITIES: _capabilities,
    Request.LOCK_INTERFACE: _lock,
    Request.GET_DEVICE_INTERFACE_REPORT: _report,
    Request.GET_DEVICE_INTERFACE_STATE: _state,
    Request.START_INTERFACE: _start,
    Request.STOP_INTERFACE: _stop,
    Request.BIND_P2P_STREAM: _bind,
    Request.UNBIND_P2P_STREAM: _unbind,
    Request.SET_MMIO_ATTRIBUTE: _set_attribute,
    Request.VDM: _vendor,
}
"""The handlers by request."""
