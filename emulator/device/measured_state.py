"""Measurements of what a device is doing: its IDE streams and TDISP interfaces.

A list of what is up, or has failed; a device at rest has an empty one. It tells identities and
states, never keys. The layouts are this emulator's own, as no standard has one.
"""

from collections.abc import Iterable
from enum import IntFlag, StrEnum
from typing import Any

from emulator.device.ide import Ide
from emulator.device.tdi import Interface, Interfaces, LockFlags, TdiState
from emulator.errors import WireError
from emulator.link import PLACES, KeySet, KeyState, Stream, StreamState
from emulator.wire import (
    AUTO,
    U8,
    U16,
    U32,
    Bytes,
    Reserved,
    Shape,
    Structure,
    Table,
    encode,
    parse,
    structure,
    wire,
)

NO_STREAM = 0xFF
"""The stream of an interface that is bound to none."""

_PLAIN = Shape()


class StateOf(StrEnum):
    """What a measurement shows the state of."""

    IDE = "ide"
    TDISP = "tdisp"


class StreamFlags(IntFlag):
    """What is so about a stream."""

    K0 = 0x01
    K1 = 0x02
    SELECTIVE = 0x10
    CHECK_FAILED = 0x80


@structure
class StreamEntry(Structure):
    """An IDE stream: where it is, its state as the status register has it, and flags."""

    port: int = wire(U8())
    stream_id: int = wire(U8())
    state: int = wire(U8())
    flags: StreamFlags = wire(U8(StreamFlags))

    def __str__(self) -> str:
        """For a person."""
        names = {one.value: one.name.capitalize() for one in StreamState}
        held = " and ".join(
            one.name or "" for one in (StreamFlags.K0, StreamFlags.K1) if one & self.flags
        )
        told = [names.get(self.state, f"in state {self.state}")]
        told += [f"under {held}"] if held else []
        told += ["IDE check failed"] if StreamFlags.CHECK_FAILED & self.flags else []
        return f"port {self.port} stream {self.stream_id} {', '.join(told)}"

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        flags = [one.name for one in StreamFlags if one in self.flags]
        return {"port": self.port, "stream": self.stream_id, "state": self.state, "flags": flags}


@structure
class InterfaceEntry(Structure):
    """A TEE device interface: its FUNCTION_ID, its state, its default stream and its lock."""

    function: int = wire(U32())
    state: int = wire(U8())
    default_stream: int = wire(U8(), default=NO_STREAM)
    lock_flags: LockFlags = wire(U16(LockFlags))

    def __str__(self) -> str:
        """For a person."""
        names = {one.value: one.name for one in TdiState}
        bound = "" if self.default_stream == NO_STREAM else f" with stream {self.default_stream}"
        return f"function {self.function:#06x} {names.get(self.state, self.state)}{bound}"

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        flags = [one.name for one in LockFlags if one in self.lock_flags]
        stream = None if self.default_stream == NO_STREAM else self.default_stream
        return {
            "function": self.function,
            "state": self.state,
            "stream": stream,
            "lock_flags": flags,
        }


@structure
class IdeState(Structure):
    """The raw value of `state: ide`: streams that are Secure, or failed; by port and Stream ID."""

    magic: bytes = wire(Bytes(4), default=b"IDE1")
    count: int = wire(U16(), default=AUTO, counts="entries")
    reserved: bytes = wire(Reserved(2), default=bytes(2))
    entries: tuple[StreamEntry, ...] = wire(Table(StreamEntry, "count"), default=())


@structure
class TdispState(Structure):
    """The raw value of `state: tdisp`: interfaces that are not unlocked, by their FUNCTION_ID."""

    magic: bytes = wire(Bytes(4), default=b"TDI1")
    count: int = wire(U16(), default=AUTO, counts="entries")
    reserved: bytes = wire(Reserved(2), default=bytes(2))
    entries: tuple[InterfaceEntry, ...] = wire(Table(InterfaceEntry, "count"), default=())


HEADER_SIZE = 8
"""Bytes of either value before its entries."""

ENTRY_SIZES = {StateOf.IDE: 4, StateOf.TDISP: 8}
"""Bytes of an entry."""

_LAYOUTS: dict[bytes, type[IdeState | TdispState]] = {b"IDE1": IdeState, b"TDI1": TdispState}


def stream_entry(port: int, stream: Stream) -> StreamEntry:
    """What is measured of a stream of this port, whichever end of the link has it."""
    flags = StreamFlags(0)
    for place in PLACES:
        if stream.key_state(place) is KeyState.IN_USE:
            flags |= StreamFlags.K1 if place.key_set is KeySet.K1 else StreamFlags.K0
    if stream.selective:
        flags |= StreamFlags.SELECTIVE
    if stream.failed:
        flags |= StreamFlags.CHECK_FAILED
    return StreamEntry(port=port, stream_id=stream.id, state=stream.state.value, flags=flags)


def interface_entry(one: Interface) -> InterfaceEntry:
    """What is measured of an interface."""
    lock = one.lock
    return InterfaceEntry(
        function=one.function,
        state=one.state,
        default_stream=NO_STREAM if lock is None or lock.stream is None else lock.stream,
        lock_flags=LockFlags(0) if lock is None else lock.flags,
    )


def ide_value(entries: Iterable[StreamEntry] = ()) -> bytes:
    """The raw value of `state: ide` with these entries, in any order."""
    ordered = sorted(entries, key=lambda one: (one.port, one.stream_id))
    return encode(IdeState(entries=tuple(ordered)), _PLAIN)


def tdisp_value(entries: Iterable[InterfaceEntry] = ()) -> bytes:
    """The raw value of `state: tdisp` with these entries, in any order."""
    ordered = sorted(entries, key=lambda one: one.function)
    return encode(TdispState(entries=tuple(ordered)), _PLAIN)


def at_rest(of: StateOf) -> bytes:
    """The raw value of a device of which nothing is up."""
    return ide_value() if of is StateOf.IDE else tdisp_value()


def measure_state(of: StateOf, ide: Ide | None, interfaces: Interfaces | None) -> bytes:
    """The raw value as a device is now."""
    if of is StateOf.IDE:
        ports = () if ide is None else ide.ports
        return ide_value(
            stream_entry(index, stream)
            for index, port in enumerate(ports)
            for stream in port.streams
            if stream.secure or stream.failed
        )
    found = () if interfaces is None else interfaces.by_function.values()
    return tdisp_value(
        interface_entry(one) for one in found if one.state is not TdiState.CONFIG_UNLOCKED
    )


def read_state(value: bytes) -> IdeState | TdispState | None:
    """What a raw value says; None where it is neither."""
    layout = _LAYOUTS.get(value[:4])
    if layout is None:
        return None
    try:
        return parse(layout, value, _PLAIN)[0]
    except WireError:
        return None


def state_text(state: IdeState | TdispState) -> str:
    """A value in one line for a person."""
    what = "IDE" if isinstance(state, IdeState) else "TDISP"
    return f"{what}: {'; '.join(map(str, state.entries)) or 'nothing is up'}"


def state_json(state: IdeState | TdispState) -> dict[str, Any]:
    """A value for a script."""
    key = "streams" if isinstance(state, IdeState) else "interfaces"
    return {key: [one.to_json() for one in state.entries]}
