"""One end of a link: a port with IDE, its registers, and the TLPs that go in and out.

The same class is the device's port and the root port. What a TLP belongs to when it is sent: the
first enabled selective stream that has its address or its destination in an association, or is
the default; else the enabled link stream of its traffic class (always 0 here); else none, and it
goes as it is. What to make of a TLP that came unprotected is left to whoever owns the memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from emulator.link.keys import SubStream
from emulator.link.registers import (
    DEFAULT_STREAM,
    ENABLE,
    INTEGRITY_FAIL,
    LINK_WRITABLE,
    SELECTIVE_WRITABLE,
    ide_capability,
    read_addresses,
    read_rid,
    stream_id,
    traffic_class,
)
from emulator.link.states import StreamEvent
from emulator.link.stream import PREFIX_SIZE, CheckFailed, Prefix, Stream
from emulator.link.tlp import Tlp, TlpKind, decode_tlp, encode_tlp, header_size

_FIXED = 2  # the capability and the control register, before those of streams
_REGISTER_MASK = 0xFFFFFFFF


class Verdict(Enum):
    """What became of a TLP that came."""

    PROTECTED = "it is what the other end sent next"
    UNPROTECTED = "it has no IDE prefix"
    CHECK_FAILED = "IDE check failed: its stream is Insecure now"
    DROPPED = "its stream is Insecure"
    MISROUTED = "there is no such stream"


@dataclass(frozen=True, slots=True)
class Received:
    """A TLP that came.

    Attributes:
        verdict: what became of it.
        tlp: the TLP; None where it is dropped.
        stream: the stream it is of, or None.
        trusted: its T bit.
        reason: why it is dropped.
    """

    verdict: Verdict
    tlp: Tlp | None = None
    stream: Stream | None = None
    trusted: bool = False
    reason: str = ""


@dataclass(eq=False)
class End:
    """A port.

    Attributes:
        name: what events call it.
        requester: its Requester ID: bus, device and function.
        link: its link streams.
        selective: its selective streams.
    """

    name: str
    requester: int = 0
    link: tuple[Stream, ...] = ()
    selective: tuple[Stream, ...] = ()
    _owners: dict[int, tuple[Stream, int]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Find the stream that each register belongs to."""
        at = _FIXED
        for stream in self.streams:
            for offset in range(len(_registers_of(stream))):
                self._owners[at] = (stream, offset)
                at += 1

    @property
    def streams(self) -> tuple[Stream, ...]:
        """All of its streams."""
        return (*self.link, *self.selective)

    def stream(self, number: int) -> Stream | None:
        """The stream of this Stream ID; an enabled one goes first."""
        found = [stream for stream in self.streams if stream.id == number]
        return next((stream for stream in found if stream.enabled), found[0] if found else None)

    def registers(self, *, insecure: bool = False) -> tuple[int, ...]:
        """The register block, as QUERY_RESP tells it; `insecure`: with all streams Insecure."""
        head = (ide_capability(len(self.link), len(self.selective)), 0)
        block = [*head, *(one for stream in self.streams for one in _registers_of(stream))]
        if insecure:
            for index, (stream, offset) in self._owners.items():
                if offset == (2 if stream.selective else 1):
                    block[index] &= INTEGRITY_FAIL
        return tuple(block)

    def write(self, index: int, value: int) -> None:
        """Write a register, by its place in the block; what is read-only stays as it is.

        While a stream is enabled, its control register takes the enable bit alone. Raises
        IndexError for a register there is not.
        """
        value &= _REGISTER_MASK
        if index in range(_FIXED):
            return
        if index not in self._owners:
            last = _FIXED + len(self._owners) - 1
            raise IndexError(f"register {index} where the block has 0 to {last}")
        stream, offset = self._owners[index]
        if stream.selective:
            offset -= 1
        if offset < 0:
            return
        if offset == 0:
            _write_control(stream, value)
        elif offset == 1:
            if value & INTEGRITY_FAIL:
                stream.forgive()
        elif offset in {2, 3}:
            first, second = stream.rid
            stream.rid = (value, second) if offset == 2 else (first, value)  # noqa: PLR2004
        else:
            block, part = divmod(offset - 4, 3)
            held = list(stream.addresses[block])
            held[part] = value
            stream.addresses[block] = (held[0], held[1], held[2])

    def reset(self) -> None:
        """All streams are Insecure and without keys."""
        for stream in self.streams:
            stream.event(StreamEvent.RESET)

    def stream_for(self, tlp: Tlp) -> Stream | None:
        """The stream a TLP belongs to when it is sent; None: it goes unprotected."""
        for stream in self.selective:
            if stream.enabled and (stream.control & DEFAULT_STREAM or _associated(stream, tlp)):
                return stream
        for stream in self.link:
            if stream.enabled and traffic_class(stream.control) == 0:
                return stream
        return None

    def send(self, tlp: Tlp, *, trusted: bool = False) -> tuple[bytes, ...]:
        """The bytes that go onto the link, in order; mostly one TLP.

        Raises LinkError where the TLP's stream is Insecure: it does not go in the clear then.
        """
        stream = self.stream_for(tlp)
        if stream is None:
            header, data = encode_tlp(tlp)
            return (header + data,)
        before: Iterator[Tlp] = iter(())
        if tlp.kind.sub_stream is SubStream.PR and stream.secure and stream.must_sync():
            before = iter((stream.sync(self.requester),))
        return (*map(stream.seal, before), stream.seal(tlp, trusted=trusted))

    def receive(self, raw: bytes) -> Received:
        """Take a TLP. Raises LinkError for bytes that are none, or are not known here."""
        prefix = Prefix.read(raw)
        if prefix is None:
            size = header_size(raw)
            return Received(Verdict.UNPROTECTED, decode_tlp(raw[:size], raw[size:]))
        body = raw[PREFIX_SIZE:]
        size = header_size(body)
        stream = self.stream(prefix.stream)
        if stream is None:
            reason = f"stream {prefix.stream}, which {self.name} does not have"
            return Received(Verdict.MISROUTED, reason=reason)
        if not stream.secure:
            return Received(Verdict.DROPPED, None, stream, reason=f"stream {stream.id} is Insecure")
        try:
            tlp = stream.open(prefix, body[:size], body[size:])
        except CheckFailed as error:
            return Received(Verdict.CHECK_FAILED, None, stream, reason=str(error))
        return Received(Verdict.PROTECTED, tlp, stream, prefix.trusted)


def _registers_of(stream: Stream) -> tuple[int, ...]:
    """A stream's register block."""
    if not stream.selective:
        return (stream.control, stream.status)
    head = (len(stream.addresses), stream.control, stream.status, *stream.rid)
    return head + tuple(one for block in stream.addresses for one in block)


def _write_control(stream: Stream, value: int) -> None:
    writable = SELECTIVE_WRITABLE if stream.selective else LINK_WRITABLE
    if not stream.enabled:
        if stream_id(value) != stream.id:
            stream.event(StreamEvent.RESET)  # the keys were another stream's
        stream.control = value & writable & ~ENABLE
    stream.enable(on=bool(value & ENABLE))


def _associated(stream: Stream, tlp: Tlp) -> bool:
    """Whether a TLP's destination is in an association of the stream."""
    if tlp.kind is TlpKind.COMPLETION:
        rid = read_rid(*stream.rid)
        return rid is not None and rid.base <= tlp.requester <= rid.limit
    ranges = (read_addresses(*block) for block in stream.addresses)
    return any(one is not None and one.base <= tlp.address <= one.limit for one in ranges)
