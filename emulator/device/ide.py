"""What a device has of IDE: its ports, and which session its streams belong to.

The streams belong to the session that programmed the first key, until it is over or no key is left:
what another session asks of them is refused. Source: tee-io-validator
`doc/ide_test/IdeKmTestCase/5.SpdmSession.md`; Intel's TDX Connect TEE-IO Device Guide, table 4-6.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

from emulator.device.changes import StreamChange, Watcher
from emulator.link import End, Place, Stream, StreamEvent
from emulator.link.traffic import Memory
from emulator.spdm.session import Session


class OnRefusal(Enum):
    """What answers an object of IDE_KM that is refused and has no status to say so."""

    SILENT = "silent"
    ERROR = "error"


class OnSessionEnd(Enum):
    """What becomes of streams whose session is over.

    Both are in the standards, as the TDX Connect TEE-IO Device Guide gives them in its table 4-4:
    by IDE (IDE ECN 6.99.3) streams stay until QUERY or KEY_PROG comes in another session, which
    takes their keys away first; by TDISP 1.0 (11.4.5) they are Insecure at once.
    """

    KEEP = "keep"
    INSECURE = "insecure"


@dataclass(eq=False)
class Ide:
    """The IDE of a device.

    Attributes:
        ports: its ports by their index.
        bus: the bus of its function.
        devfn: the device and function number of its function.
        segment: the segment of its function.
        memory: what TLPs reach behind the ports.
        on_refusal: what answers what is refused.
        on_session_end: what a session's end does to streams.
        owner: the session that the streams belong to, or None.
        orphaned: there are keys of a session that is over.
        watcher: hears when a stream becomes Secure or Insecure: the device, which tells its own.
        moved: hears when streams, or their keys in use, may be others: the device, which measures.
    """

    ports: tuple[End, ...]
    bus: int = 0
    devfn: int = 0
    segment: int = 0
    memory: Memory = field(default_factory=Memory)
    on_refusal: OnRefusal = OnRefusal.SILENT
    on_session_end: OnSessionEnd = OnSessionEnd.KEEP
    owner: Session | None = None
    orphaned: bool = False
    watcher: Watcher | None = None
    moved: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        """Watch the streams."""
        for index, port in enumerate(self.ports):
            for stream in port.streams:
                stream.changed.append(partial(self._stream_changed, index))
                stream.moved.append(self._stream_moved)

    @property
    def max_port(self) -> int:
        """The highest index of a port."""
        return len(self.ports) - 1

    def port(self, index: int) -> End | None:
        """The port of an index, or None."""
        return self.ports[index] if index < len(self.ports) else None

    def streams(self) -> Iterator[Stream]:
        """The streams of all ports."""
        for port in self.ports:
            yield from port.streams

    def foreign(self, session: Session) -> bool:
        """Whether the streams belong to another session than this one."""
        return self.owner is not None and self.owner is not session

    def take_over(self) -> None:
        """Take away the keys of a session that is over, as another one asks for the streams."""
        if self.orphaned:
            self.orphaned = False
            self._all(StreamEvent.TAKEN_OVER)

    def program(
        self, session: Session, stream: Stream, place: Place, key: bytes, invocation: int
    ) -> None:
        """Put a key into its place for a session, whose streams they are from now on."""
        self.take_over()
        stream.program(place, key, invocation)
        if self.owner is None:
            self.owner = session
            session.heirs.append(self._session_over)

    def stop(self, stream: Stream, place: Place) -> None:
        """Forget a key; with the last one the streams belong to nobody."""
        stream.stop(place)
        if not any(one.keyed for one in self.streams()):
            self.owner = None

    def reset(self) -> None:
        """All streams are Insecure, without keys, and nobody's; the memory is empty."""
        self.owner, self.orphaned = None, False
        self.memory.clear()
        for port in self.ports:
            port.reset()

    def _stream_changed(self, port: int, stream: Stream, why: StreamEvent) -> None:
        if self.watcher is not None:
            self.watcher(StreamChange(port, stream.id, stream.secure, why.value))

    def _stream_moved(self) -> None:
        if self.moved is not None:
            self.moved()

    def _session_over(self, session: Session) -> None:
        if session is not self.owner:
            return
        self.owner = None
        if self.on_session_end is OnSessionEnd.INSECURE:
            self._all(StreamEvent.SESSION_OVER)
        else:
            self.orphaned = True

    def _all(self, event: StreamEvent) -> None:
        for stream in self.streams():
            stream.event(event)
