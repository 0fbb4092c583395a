"""The generated page of the reference about IDE; `generate.py` writes it."""

import struct
from collections.abc import Callable, Iterator

from emulator.device.measured_state import (
    IdeState,
    InterfaceEntry,
    StreamEntry,
    StreamFlags,
)
from emulator.link.keys import SubStream, initialization_vector
from emulator.link.states import (
    KEYS,
    STREAMS,
    VOIDING,
    KeyEvent,
    KeyState,
    StreamEvent,
    StreamState,
)
from emulator.link.stream import MAC_SIZE, MAX_POSTED
from emulator.vendor.ide_km import KpStatus
from emulator.wire import Shape, Structure

Table = Callable[[tuple[str, ...], list[tuple[str, ...]]], Iterator[str]]

_STATUSES = {
    KpStatus.SUCCESS: "the key is in its place",
    KpStatus.INCORRECT_LENGTH: "it is not 47 bytes from its object id on",
    KpStatus.UNSUPPORTED_PORT_INDEX: "there is no such port",
    KpStatus.UNSUPPORTED_VALUE: "there is no such stream or sub-stream, a reserved bit of the"
    " key's place is set, or the IFV is not 1",
    KpStatus.UNSPECIFIED_FAILURE: "the key in this place is in use",
}

_HAPPENINGS = (KeyEvent.RELIEVED, KeyEvent.SUPERSEDED, KeyEvent.INVALIDATED)

_SAID = """\
IDE_KM is said in a session alone. The first KEY_PROG that succeeds makes the streams of all ports
those of its session, until that is over or no key is left; what another session asks is refused
meanwhile. KP_ACK has a status for what is wrong with KEY_PROG. Whatever else is refused gets no
response, or ERROR where the profile says `on_refusal: error`: an object outside of a session, of
another session, of another length, for a port there is not; K_SET_GO and K_SET_STOP for a key in a
state where they are refused; an object that asks for nothing.

A session's end leaves streams as they are, until QUERY or KEY_PROG comes in another session: then
their keys are void, first of all (`on_session_end: keep`). Or they are Insecure at once
(`insecure`). Both rules exist: the first is IDE's (IDE ECN 6.99.3), the second TDISP's (TDISP 1.0,
11.4.5), as Intel's TDX Connect TEE-IO Device Guide has them.
"""

_LINK = f"""\
A TLP with IDE is the prefix, the header, the encrypted payload and a MAC of {MAC_SIZE} bytes:
AES-256-GCM whose associated data are the prefix and the header. The IV is a fixed field of 32 bits,
whose top four bits are the sub-stream, and the invocation field of 64 bits, most significant byte
first, which begins with the IFV of KEY_PROG and counts TLPs. With T the TLP is of a trusted
execution environment; K says which key set it is under.

The source of the first TLP's IV, and of the order of key bytes, is tee-io-validator's
`doc/key_byte_order.md`; that of the sub-stream's place there and libspdm's `cxl_idekm.h`, where
CXL's sub-stream 8 has the fixed field 80000000. For NPR and CPL it is inferred from that: no public
test vector was found. The places of T, K, sub-stream, Stream ID and PR_Sent_Counter within the
prefix are this emulator's own, and so is the code of IDE sync: no public source gives them.

A non-posted TLP and a completion say in PR_Sent_Counter how many posted ones were sent since the
last of their kind; before that is more than {MAX_POSTED}, an IDE sync says it. A receiver that has
seen fewer posted TLPs knows that one was overtaken. INTEL-SA-01409 is about what this cannot find.

Not here: aggregation, PCRC, partial header encryption, Selective IDE for configuration requests,
and flow through switches.
"""


_MEASURED = """\
A device shows what it is doing by a measurement whose value is `state: ide`, its type
hardware-configuration: a list of the streams that are Secure, or whose IDE check failed, of all
ports. It is measured whenever it is asked for, so it needs MEAS_FRESH. Where it changes,
the log (MEL) and the event MeasurementChanged say so, and content-changed, where it changed while
it was read; no certificate stands for it, and no session ends because of it. `state: tdisp` lists
the interfaces that are not CONFIG_UNLOCKED. Keys are in neither. A change by control or by a fault
stays until the state next changes.

The raw values, numbers least significant byte first; a digest is of these bytes. The layout is this
emulator's own. A device of which nothing is up has an empty list: `measurements export` says that,
and marks such a value `runtime`, in a CoRIM by the flag is-runtime-meas.
"""

_FIELDS = {
    "magic": "`IDE1` or `TDI1`",
    "count": "how many entries there are",
    "reserved": "zeros",
    "entries": "the entries: by port and Stream ID, or by function",
    "port": "index of the port",
    "stream_id": "Stream ID",
    "function": "FUNCTION_ID",
    "default_stream": "default stream of its lock; 0xff: none",
    "lock_flags": "flags of its lock",
    "flags": ", ".join(f"0x{one.value:02x} {one.name}" for one in StreamFlags)
    + "; K0 and K1: a key of that set is in use",
}
_STATES = {
    StreamEntry: "0 Insecure, 2 Secure, as in the status register",
    InterfaceEntry: "1 CONFIG_LOCKED, 2 RUN, 3 ERROR",
}


def _layout(cls: type[Structure]) -> Iterator[tuple[str, ...]]:
    """A row for each field: offset, name, bytes, meaning."""
    at = 0
    for one in cls.codec(Shape()).fields:
        code = one.kind.fixed(Shape())
        size = 0 if code is None else struct.calcsize(f"<{code}")
        means = _STATES[cls] if one.name == "state" else _FIELDS[one.name]
        yield str(at), one.name, str(size) if size else "the rest", means
        at += size


def _cell(to: KeyState | StreamState | None, *, of: KeyState | StreamState) -> str:
    if to is None:
        return "*refused*" if isinstance(of, KeyState) else "—"
    return "=" if to is of else to.name


def page(note: str, table: Table) -> str:
    """docs/reference/ide.md."""
    key_rows = [
        (state.name, state.value, *(_cell(KEYS[state].get(event), of=state) for event in KeyEvent))
        for state in KeyState
    ]
    stream_rows = [
        (
            event.name,
            event.value,
            *(_cell(STREAMS[state].get(event), of=state) for state in StreamState),
            VOIDING[event].name if event in VOIDING else "—",
        )
        for event in StreamEvent
    ]
    lines = [
        "# IDE",
        "",
        note,
        "What a device with `ide` in its [profile](profile.md) does with IDE_KM, and what its",
        "streams do with TLPs. [How to use it](../how-to/ide.md).",
        "",
        "## IDE_KM",
        "",
        _SAID,
        *table(
            ("KP_ACK status", "name", "of the checks, in this order"),
            [
                (str(int(status)), status.name, _STATUSES[status])
                for status in (
                    KpStatus.INCORRECT_LENGTH,
                    KpStatus.UNSUPPORTED_PORT_INDEX,
                    KpStatus.UNSUPPORTED_VALUE,
                    KpStatus.UNSPECIFIED_FAILURE,
                    KpStatus.SUCCESS,
                )
            ],
        ),
        "## A key",
        "",
        "One for each key set, direction and sub-stream of a stream. = is no change.",
        "",
        *table(("state", "means", *(event.name for event in KeyEvent)), key_rows),
        *(f"- {event.name}: {event.value}" for event in _HAPPENINGS),
        "",
        "## A stream",
        "",
        "Secure as long as it is enabled and each sub-stream has a key in use in both directions.",
        "One that failed must be disabled before it can be Secure again. = is no change, — cannot",
        "happen.",
        "",
        *table(
            ("event", "means", *(f"in {state.name}" for state in StreamState), "its keys"),
            stream_rows,
        ),
        "## In measurements",
        "",
        _MEASURED,
        *(
            line
            for cls, title in (
                (IdeState, "Either value"),
                (StreamEntry, "An entry of `state: ide`"),
                (InterfaceEntry, "An entry of `state: tdisp`"),
            )
            for line in (
                f"{title}:",
                "",
                *table(("offset", "field", "bytes", "meaning"), list(_layout(cls))),
            )
        ),
        "## TLPs",
        "",
        _LINK,
        *table(
            ("sub-stream", "TLPs", "IV of the first TLP"),
            [
                (
                    f"{sub_stream.name} {int(sub_stream)}",
                    words,
                    f"`{initialization_vector(sub_stream, 1).hex()}`",
                )
                for sub_stream, words in (
                    (SubStream.PR, "memory writes, IDE sync"),
                    (SubStream.NPR, "memory reads"),
                    (SubStream.CPL, "completions"),
                )
            ],
        ),
    ]
    return "\n".join(lines).rstrip() + "\n"
