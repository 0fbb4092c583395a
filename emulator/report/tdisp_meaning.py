"""What TDISP's messages say, in one line each. No nonce is shown."""

from functools import singledispatch

from emulator.device.tdi import LockFlags, RangeAttributes, Request, TdiState
from emulator.vendor.tdisp import messages
from emulator.vendor.tdisp.codes import ErrorCode, Response
from emulator.vendor.tdisp.messages import LAYOUTS, SHAPE, Tdisp
from emulator.wire import parse

_CODE_AT = 1
_NAMES: dict[int, str] = {int(one): one.name for kind in (Request, Response) for one in kind}
_REGISTRIES = {0: "PCI-SIG", 1: "CXL"}


def tdisp_meaning(raw: bytes) -> str:
    """What a message says. Raises WireError for a broken one."""
    layout = LAYOUTS.get(raw[_CODE_AT]) if len(raw) > _CODE_AT else None
    if layout is None:
        return (
            f"TDISP message {raw[_CODE_AT]}" if len(raw) > _CODE_AT else "TDISP without a message"
        )
    message, _ = parse(layout, raw, SHAPE)
    said = _said(message)
    return f"TDISP {_NAMES[layout.CODE]}: function {message.function:#06x}" + (
        f", {said}" if said else ""
    )


@singledispatch
def _said(message: Tdisp) -> str:
    """What it says beside its name and its function."""
    del message
    return ""


@_said.register
def _(message: messages.Versions) -> str:
    return ", ".join(f"{one >> 4}.{one & 0xF}" for one in message.entries) or "no version"


@_said.register
def _(message: messages.Capabilities) -> str:
    bits = int.from_bytes(message.messages_supported, "little")
    known = [one.name for one in Request if bits >> (one & 0x7F) & 1]
    return f"{len(known)} requests, lock flags {_flags(message.lock_flags_supported)}"


@_said.register
def _(message: messages.LockInterface) -> str:
    return f"stream {message.default_stream}, {_flags(message.flags)}"


def _flags(flags: LockFlags) -> str:
    known = [one.name or "" for one in LockFlags if one in flags]
    return " ".join(known) or "none"


@_said.register
def _(message: messages.GetReport) -> str:
    return f"{message.length} bytes from {message.offset} on"


@_said.register
def _(message: messages.ReportPortion) -> str:
    return f"{len(message.portion)} bytes, {message.remainder_length} left"


@_said.register
def _(message: messages.StateResponse) -> str:
    known = message.state in set(TdiState)
    return TdiState(message.state).name if known else f"state {message.state}"


@_said.register
def _(message: messages.BindStream) -> str:
    return f"stream {message.stream_id}"


@_said.register
def _(message: messages.UnbindStream) -> str:
    return f"stream {message.stream_id}"


@_said.register
def _(message: messages.SetAttribute) -> str:
    shared = RangeAttributes.IS_NON_TEE_MEM in message.attributes
    where = f"{message.pages} pages from page {message.first_page:#x} on"
    return f"{where}: {'for all' if shared else 'for the tenant alone'}"


@_said.register
def _(message: messages.VendorRequest) -> str:
    return _vendor(message)


@_said.register
def _(message: messages.VendorResponse) -> str:
    return _vendor(message)


def _vendor(message: messages.VendorRequest | messages.VendorResponse) -> str:
    registry = _REGISTRIES.get(message.registry, f"registry {message.registry}")
    vendor = message.vendor.hex() or "(none)"
    return f"{registry} vendor {vendor}: {len(message.data)} bytes"


@_said.register
def _(message: messages.TdispError) -> str:
    known = message.error_code in set(ErrorCode)
    name = ErrorCode(message.error_code).name if known else "an unknown error"
    return f"{name} ({message.error_code:#x}), data {message.error_data}"
