"""Stage frame: how a reply is wrapped.

An effect changes the one thing it is named after. Where it changes the length of the payload, the
frame's own size follows, unless `frame-size` has made it wrong before. Effects on data objects do
nothing on another transport; those on the frame nothing where TCP messages go alone, without one.
"""

from typing import Annotated, NamedTuple

from pydantic import Field, model_validator

from emulator.faults.effect import Effect, Hit, Stage, effect
from emulator.faults.effects.raw import MAX_BYTES
from emulator.forms import U8, U16, U32, Hex, refusal
from emulator.forms.numbers import Named
from emulator.transport import doe
from emulator.transport.bindings import BY_NAME
from emulator.transport.doe import DOE, DWORD
from emulator.transport.spdm_socket import HEADER_SIZE, Command, Frame, TransportType

_U32_MAX = 0xFFFF_FFFF
_SIZE_AT = 8
"""Where a frame's header has the size of the payload: its last four bytes."""
_OBJECT_LENGTHS = 1 << 18
"""How many lengths a data object's header can state."""


class _Parts(NamedTuple):
    """What goes out: the frame's header, empty where there is no frame, and the payload."""

    header: bytes
    payload: bytes

    @property
    def size(self) -> int:
        """The payload's size, as the header has it."""
        return int.from_bytes(self.header[_SIZE_AT:], "big")

    def sized(self, size: int) -> bytes:
        """The frame with this size in its header."""
        return self.header[:_SIZE_AT] + size.to_bytes(4, "big") + self.payload

    def carrying(self, payload: bytes) -> bytes:
        """The frame with this payload, its size right if it was."""
        right = bool(self.header) and self.size == len(self.payload)
        made = _Parts(self.header, payload)
        return made.sized(len(payload)) if right else self.header + payload


def _apart(hit: Hit, data: bytes) -> _Parts:
    """A frame taken apart; one that is cut within its header has no header any more."""
    framed = hit.situation.framed and len(data) >= HEADER_SIZE
    return _Parts(data[:HEADER_SIZE], data[HEADER_SIZE:]) if framed else _Parts(b"", data)


class Number(Effect):
    """A number that is set, or counted on from what it would be: `to` or `by`, not both."""

    to: U32 | None = Field(default=None, description="The number in its place.")
    by: Annotated[int, Field(ge=-MAX_BYTES, le=MAX_BYTES)] | None = Field(
        default=None, description="How much more; negative: less. Nothing said: 1."
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> "Number":
        if self.to is not None and self.by is not None:
            raise refusal("one of to and by", "both")
        return self

    def changed(self, number: int, numbers: int) -> int:
        """The number in place of `number`; counting goes round at `numbers`."""
        if self.to is not None:
            return self.to
        return (number + (1 if self.by is None else self.by)) % numbers


class _OnObject(Effect):
    """Works on a DOE data object; on what is none it does nothing."""

    def on_bytes(self, hit: Hit, data: bytes) -> bytes:
        """The frame with its data object changed."""
        parts = _apart(hit, data)
        if hit.situation.transport != DOE.name or len(parts.payload) < doe.HEADER_SIZE:
            return data
        return parts.carrying(self.on_object(hit, parts.payload))

    def on_object(self, hit: Hit, data: bytes) -> bytes:
        """The data object in place of `data`, which has its header at least."""
        raise NotImplementedError


def _with_length(data: bytes, length: int) -> bytes:
    """The data object with this length in its header."""
    return data[:DWORD] + length.to_bytes(DWORD, "little") + data[doe.HEADER_SIZE :]


@effect("doe-length", Stage.FRAME)
class DoeLength(Number, _OnObject):
    """Another length in the data object's header, in DWORDs; the bits above 18 are reserved."""

    def on_object(self, hit: Hit, data: bytes) -> bytes:
        """The object with this length."""
        length = int.from_bytes(data[DWORD : doe.HEADER_SIZE], "little")
        changed = self.changed(length, _OBJECT_LENGTHS)
        if changed != length:
            hit.note(f"DOE length {changed} instead of {length}")
        return _with_length(data, changed)


@effect("doe-vendor", Stage.FRAME)
class DoeVendor(_OnObject):
    """Another vendor id in the data object's header."""

    to: U16 = Field(default=doe.NO_VENDOR, description="The vendor id; 1, the PCI-SIG, is right.")

    def on_object(self, hit: Hit, data: bytes) -> bytes:
        """The object of this vendor."""
        made = self.to.to_bytes(2, "little") + data[2:]
        if made != data:
            hit.note(f"DOE vendor 0x{self.to:04x}")
        return made


@effect("doe-type", Stage.FRAME)
class DoeType(_OnObject):
    """Another type in the data object's header; left out, that of a secured message."""

    to: U8 = Field(
        default=doe.DataObjectType.SECURED_CMA_SPDM.value,
        description="The type; 1, CMA/SPDM, is right.",
    )

    def on_object(self, hit: Hit, data: bytes) -> bytes:
        """The object of this type."""
        made = data[:2] + bytes((self.to,)) + data[3:]
        if made != data:
            hit.note(f"DOE type {self.to}")
        return made


@effect("doe-padding", Stage.FRAME)
class DoePadding(_OnObject):
    """More bytes behind the message in the data object, whose length counts them, rounded up.

    A count that is no multiple of four makes a payload that is none: QEMU rounds that up with stale
    bytes.
    """

    count: int = Field(default=DWORD, ge=1, le=MAX_BYTES, description="How many bytes.")
    hex: Hex = Field(
        default="00", description="What they are, repeated as often as needed; empty: zeros."
    )

    def on_object(self, hit: Hit, data: bytes) -> bytes:
        """The object with these bytes at its end."""
        made = data + _repeated(self.hex, self.count)
        hit.note(f"{self.count} bytes of padding")
        return _with_length(made, -(-len(made) // DWORD) % _OBJECT_LENGTHS)


def _repeated(pattern: str, count: int) -> bytes:
    """So many bytes of a pattern over and over; zeros where it has none."""
    one = bytes.fromhex(pattern) or bytes(1)
    return (one * (count // len(one) + 1))[:count]


@effect("no-response", Stage.FRAME)
class NoResponse(Effect):
    """A frame of size 0, with command NORMAL: 'no response', which keeps QEMU's stream in step."""

    def on_bytes(self, hit: Hit, data: bytes) -> bytes:
        """The empty frame; where there are no frames, what was there."""
        if not hit.situation.framed:
            return data
        hit.note("no response")
        return no_response(hit)


def no_response(hit: Hit) -> bytes:
    """'No response' on the transport of the request, in its frame."""
    binding = BY_NAME.get(hit.situation.transport, DOE)
    return Frame(Command.NORMAL, binding.transport).to_bytes()


@effect("oversize", Stage.FRAME)
class Oversize(Effect):
    """A payload of this size: bytes behind the message, with every length counting them.

    QEMU takes 4608 bytes. Of a larger payload it leaves the rest, and takes that for the next
    frame's header: it is out of step for good, and **aborts by an assertion where those bytes look
    like a frame of command 0**, as zeros do.
    """

    size: int = Field(
        default=4612, ge=1, le=MAX_BYTES, description="Bytes of the payload, all headers included."
    )
    hex: Hex = Field(
        default="ff", description="What fills it, repeated as often as needed; empty: zeros."
    )

    def on_bytes(self, hit: Hit, data: bytes) -> bytes:
        """The frame with that payload, or as it is where it is that large already."""
        parts, binding = _apart(hit, data), BY_NAME.get(hit.situation.transport, DOE)
        missing = self.size - len(parts.payload)
        head = len(binding.wrap(b""))
        if missing <= 0 or len(parts.payload) < head:
            return data
        hit.note(f"{self.size} bytes instead of {len(parts.payload)}")
        filled = parts.payload + _repeated(self.hex, missing)
        if binding is DOE:
            return parts.carrying(_with_length(filled, -(-self.size // DWORD) % _OBJECT_LENGTHS))
        return parts.carrying(binding.wrap(filled[head:]))


class _OnHeader(Effect):
    """Works on a frame's header; where there is none it does nothing."""

    def on_bytes(self, hit: Hit, data: bytes) -> bytes:
        """The frame with its header changed."""
        parts = _apart(hit, data)
        return self.on_header(hit, parts) if parts.header else data

    def on_header(self, hit: Hit, parts: _Parts) -> bytes:
        """The frame in place of `parts`."""
        raise NotImplementedError


@effect("frame-command", Stage.FRAME)
class FrameCommand(_OnHeader):
    """Another command in the frame's header.

    **Command 0 ends QEMU by an assertion**; any other it takes for NORMAL.
    """

    to: Annotated[int, Named(Command, _U32_MAX)] = Field(
        default=Command.UNKNOWN.value, description="The command, by name or number."
    )

    def on_header(self, hit: Hit, parts: _Parts) -> bytes:
        """The frame with this command."""
        header = self.to.to_bytes(4, "big") + parts.header[4:]
        if header != parts.header:
            hit.note(f"frame command 0x{self.to:x}")
        return header + parts.payload


@effect("frame-transport", Stage.FRAME)
class FrameTransport(_OnHeader):
    """Another transport type in the frame's header; left out, one that nobody knows."""

    to: Annotated[int, Named(TransportType, _U32_MAX)] = Field(
        default=0xFF, description="The transport type, by name or number."
    )

    def on_header(self, hit: Hit, parts: _Parts) -> bytes:
        """The frame with this transport type."""
        header = parts.header[:4] + self.to.to_bytes(4, "big") + parts.header[8:]
        if header != parts.header:
            hit.note(f"frame transport {self.to}")
        return header + parts.payload


@effect("frame-size", Stage.FRAME)
class FrameSize(Number, _OnHeader):
    """Another size of the payload in the frame's header, in bytes.

    A smaller one leaves bytes that the peer takes for the next frame; for a larger one it waits,
    and QEMU stands still as long. Once the peer has asked nothing for 30 s the connection ends.
    """

    def on_header(self, hit: Hit, parts: _Parts) -> bytes:
        """The frame with this size."""
        size = self.changed(parts.size, _U32_MAX + 1)
        if size != parts.size:
            hit.note(f"frame size {size} instead of {parts.size}")
        return parts.sized(size)
