"""The generated page of the reference about TDISP and CXL; `generate.py` writes it."""

from collections.abc import Callable, Iterator

from emulator.device.tdi import CAUSES, REGISTERS, TRANSITIONS, Cause, Request, TdiState, after
from emulator.vendor.tdisp.codes import ErrorCode

Table = Callable[[tuple[str, ...], list[tuple[str, ...]]], Iterator[str]]

_MEANS = {
    TdiState.CONFIG_UNLOCKED: "the host configures it; nobody trusts it",
    TdiState.CONFIG_LOCKED: "its configuration is fixed, and can be looked at",
    TdiState.RUN: "a tenant uses it",
    TdiState.ERROR: "something has changed under the lock; it must be stopped",
}

_ASKS = {
    Request.GET_TDISP_VERSION: "the versions of TDISP: 1.0",
    Request.GET_TDISP_CAPABILITIES: "requests, lock flags, width of addresses",
    Request.LOCK_INTERFACE: "fix it; the answer has the nonce that starts it",
    Request.GET_DEVICE_INTERFACE_REPORT: "a portion of its report",
    Request.GET_DEVICE_INTERFACE_STATE: "its state",
    Request.START_INTERFACE: "let it run, with the nonce of the lock",
    Request.STOP_INTERFACE: "forget the tenant, and unlock it",
    Request.BIND_P2P_STREAM: "bind a peer-to-peer stream",
    Request.UNBIND_P2P_STREAM: "unbind one",
    Request.SET_MMIO_ATTRIBUTE: "open a range to those outside of the TEE, or close it",
    Request.VDM: "a vendor's own",
}

_CAUSED_BY = {
    Cause.STREAM_LOST: "a stream that is bound to it is not Secure any more, whatever took it: a"
    " check that failed, a key that was stopped, its enable bit, the end of its session",
    Cause.REGISTER_WRITE: "a configuration register of its function was written (below)",
    Cause.RESET: "the device was reset",
}

_ERRORS = {
    ErrorCode.INVALID_REQUEST: "a message shorter than its header, or not exactly as long as its"
    " kind is; a lock without a Secure stream of this session, or with an offset that leads out of"
    " the address space; no portion at this offset; a stream that cannot be bound or unbound; a"
    " range that was not reported so, or cannot change; a vendor nobody knows",
    ErrorCode.BUSY: "only where the profile says so (`refuses`)",
    ErrorCode.INVALID_INTERFACE_STATE: "not legal in this state",
    ErrorCode.UNSPECIFIED: "only where the profile says so",
    ErrorCode.UNSUPPORTED_REQUEST: "a code that is none, or that no interface has a use for; the"
    " code is the error data",
    ErrorCode.VERSION_MISMATCH: "not version 1.0; of GET_TDISP_VERSION, not version 1",
    ErrorCode.VENDOR_SPECIFIC_ERROR: "a vendor's message whose answer is an error",
    ErrorCode.INVALID_INTERFACE: "there is no interface of this function",
    ErrorCode.INVALID_NONCE: "not the nonce of the lock, which serves once",
    ErrorCode.INSUFFICIENT_ENTROPY: "only where the profile says so",
    ErrorCode.INVALID_DEVICE_CONFIGURATION: "a lock with a flag that the interface does not"
    " support",
}

_SAID = """\
TDISP is said in a session alone; outside of one there is no response. What is wrong with a message
is told by TDISP_ERROR, by the first of these checks that fails: a known request, its length, the
version, the interface, what the profile refuses, the state, what the request is about. Reserved
bits are ignored. Source: PCI Express Base Specification 6.2, chapter 11.

LOCK_INTERFACE takes a default stream that is Secure, by keys that were programmed in the same
session, unless the profile says `needs_ide: false`. Its nonce is drawn anew for each lock, and is
of no use once the interface was started, stopped, or is in error. The report has the ranges with
the offset that the lock gave; MSI-X only where LOCK_MSIX was asked for. BIND_P2P_STREAM takes a
lock with BIND_P2P, and keys of the session that locked.
"""

_CXL = """\
With `cxl` in its profile a device speaks CXL's IDE_KM, and with `cxl.tsp` TSP, both under vendor
1E98 and in sessions alone (CXL Specification 3.1, sections 11.4 and 11.5.5).

**IDE_KM**: each port has for each direction a key in use and one that waits for K_SET_GO. KP_ACK
has status 1 for whatever is wrong with KEY_PROG: its length, port, stream or sub-stream; no QUERY
in this session before; a key that waits already, or the same as waits for the other direction; a
key or an IV for sending that is not the one GET_KEY told, where the port makes its own; an IV where
it makes none. Everything else that is wrong gets no response. Keys belong to the session that
programmed the first, and go with it.

**TSP**: the version, capabilities, configuration, report, lock and TE states of a target; other
requests are answered with UNSUPPORTED_REQUEST. The first session that asks for the version is the
primary one. SET_TARGET_CONFIGURATION hands over the pre-shared keys of secondary sessions, whose
hints are `SECONDARY_SESSION_0_PSK` to `3`, each with a closing zero byte: PSK_EXCHANGE takes them
from then on. A locked target stays so until a reset, or with `locked_until: session-end` until its
primary session ends. There is no model of the memory itself, so a TE state has no effect.
"""


def page(note: str, table: Table) -> str:
    """docs/reference/tdisp.md."""
    by_request = [
        (f"{int(request):02X}", request.name, _ASKS[request], *_cells(request))
        for request in TRANSITIONS
    ]
    by_cause = [(cause.value, _CAUSED_BY[cause], *_cells(cause)) for cause in CAUSES]
    names = tuple(state.name for state in TdiState)
    lines = [
        "# TDISP and CXL",
        "",
        note,
        "What a device with `tdisp` or `cxl` in its [profile](profile.md) answers. Its streams are",
        "those of [IDE](ide.md).",
        "",
        "## TDISP",
        "",
        _SAID,
        *table(
            ("state", "number", "means"),
            [(state.name, str(int(state)), _MEANS[state]) for state in TdiState],
        ),
        "## Requests",
        "",
        "Where a good request leads from each state. = is no change, — is INVALID_INTERFACE_STATE.",
        "",
        *table(("code", "request", "asks for", *names), by_request),
        "## What makes an error",
        "",
        "In other states it changes nothing.",
        "",
        *table(("cause", "means", *names), by_cause),
        "These registers are watched; what is not among them may change under a lock:",
        ", ".join(f"`{name}`" for name in REGISTERS) + ".",
        "`msi-x` counts where the MSI-X table is locked.",
        "",
        "## Errors",
        "",
        *table(
            ("code", "error", "answers"),
            [(f"{int(code):#x}", code.name, _ERRORS[code]) for code in ErrorCode],
        ),
        "## CXL",
        "",
        _CXL,
    ]
    return "\n".join(lines).rstrip() + "\n"


def _cells(what: Request | Cause) -> Iterator[str]:
    """Where it leads from each state."""
    row = TRANSITIONS[what] if isinstance(what, Request) else CAUSES[what]
    for state in TdiState:
        if state not in row.legal:
            yield "—"
            continue
        to = after(state, what)
        yield "=" if to is state else to.name
