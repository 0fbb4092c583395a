"""One IDE stream at one end of a link: its keys, its counters, and the TLPs they protect.

A TLP's header stays readable and is authenticated, its payload is encrypted. Each direction of each
sub-stream has a key and an invocation counter of its own, so what is lost, repeated or changed
shows as a MAC that does not verify. Order between the sub-streams is what counters of posted TLPs
are for: a non-posted TLP or a completion says how many posted ones went before it since the last of
its kind, and a receiver that has seen fewer knows that a posted one was overtaken. (Source of this:
the formal model that Intel published with INTEL-SA-01409, which also says what it cannot find.)

The prefix carries what IDE's does (T, K, M and P, sub-stream, Stream ID, PR_Sent_Counter). Its type
is IDE's (1 0010b); the places of the other fields in it are this emulator's, as are the places of
the bytes that the MAC covers: prefix and header, as associated data.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from emulator.crypto.gcm import ShortTagGcm
from emulator.errors import LinkError
from emulator.link.keys import (
    KEY_SIZE,
    LAST_INVOCATION,
    PLACES,
    Direction,
    KeySet,
    Place,
    SubStream,
    initialization_vector,
)
from emulator.link.registers import ENABLE, INTEGRITY_FAIL, stream_id
from emulator.link.states import (
    KEYS,
    STREAMS,
    VOIDING,
    KeyEvent,
    KeyState,
    StreamEvent,
    StreamState,
)
from emulator.link.tlp import Tlp, TlpKind, decode_tlp, encode_tlp

MAC_SIZE = 12
PREFIX_SIZE = 4
PREFIX = 0x92
"""The first byte of an IDE prefix: format 100b, type 1 0010b."""

MAX_POSTED = 0xFF
"""PR_Sent_Counter has eight bits: before it overflows, an IDE sync is sent."""

_K, _T, _M = 0x80, 0x40, 0x20
_SUB_STREAM_MASK = 0x07
_COUNTED = (SubStream.NPR, SubStream.CPL)
_TAKEN = (KeyState.IN_USE, KeyState.RETIRING)


class Prefix(NamedTuple):
    """What an IDE prefix says.

    Attributes:
        key_set: K: the key set.
        trusted: T: the TLP is of a trusted execution environment.
        sub_stream: the number of the sub-stream, whether there is one or not.
        stream: Stream ID.
        posted: PR_Sent_Counter.
        raw: its bytes as they came.
    """

    key_set: KeySet
    trusted: bool
    sub_stream: int
    stream: int
    posted: int
    raw: bytes = b""

    def to_bytes(self) -> bytes:
        """The bytes that are sent for it."""
        flags = _M | (_K if self.key_set else 0) | (_T if self.trusted else 0) | self.sub_stream
        return bytes((PREFIX, flags, self.stream, self.posted))

    @classmethod
    def read(cls, raw: bytes) -> "Prefix | None":
        """The prefix that begins `raw`; None where there is none."""
        if len(raw) < PREFIX_SIZE or raw[0] != PREFIX:
            return None
        flags = raw[1]
        key_set = KeySet.K1 if flags & _K else KeySet.K0
        sub_stream = flags & _SUB_STREAM_MASK
        return cls(key_set, bool(flags & _T), sub_stream, raw[2], raw[3], raw[:PREFIX_SIZE])


class CheckFailed(Exception):
    """A TLP of the stream is not what the other end sent next."""


@dataclass(slots=True)
class _Key:
    """What is in one place.

    Attributes:
        state: where it stands.
        cipher: the key itself; None as soon as it cannot be used again.
        invocation: the invocation field of the next TLP.
    """

    state: KeyState = KeyState.EMPTY
    cipher: ShortTagGcm | None = None
    invocation: int = 0


@dataclass(eq=False)
class Stream:
    """A stream at one end.

    Attributes:
        selective: it is a selective stream; otherwise a link stream.
        control: its control register.
        state: Insecure or Secure.
        failed: the integrity-check-fail bit of its status register.
        blocked: it failed, and was not disabled since.
        rid: RID association registers 1 and 2, of a selective stream.
        addresses: address association registers 1 to 3 of each block.
        changed: hear that its state is another, and why.
        moved: hear that its state, or the keys in use, may be others.
    """

    selective: bool
    control: int
    state: StreamState = StreamState.INSECURE
    failed: bool = False
    blocked: bool = False
    rid: tuple[int, int] = (0, 0)
    addresses: list[tuple[int, int, int]] = field(default_factory=list)
    changed: list[Callable[["Stream", StreamEvent], None]] = field(default_factory=list)
    moved: list[Callable[[], None]] = field(default_factory=list)
    _keys: dict[Place, _Key] = field(default_factory=lambda: {one: _Key() for one in PLACES})
    _sent: dict[SubStream, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))
    _received: dict[SubStream, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))

    @property
    def id(self) -> int:
        """Its Stream ID."""
        return stream_id(self.control)

    @property
    def enabled(self) -> bool:
        """Its enable bit."""
        return bool(self.control & ENABLE)

    @property
    def secure(self) -> bool:
        """Whether it is Secure."""
        return self.state is StreamState.SECURE

    @property
    def status(self) -> int:
        """Its status register."""
        return self.state.value | (INTEGRITY_FAIL if self.failed else 0)

    def key_state(self, place: Place) -> KeyState:
        """Where the key of a place stands."""
        return self._keys[place].state

    @property
    def keyed(self) -> bool:
        """Whether any key is not EMPTY."""
        return any(key.state is not KeyState.EMPTY for key in self._keys.values())

    def allows(self, place: Place, event: KeyEvent) -> bool:
        """Whether `event` may happen to the key of a place."""
        return event in KEYS[self._keys[place].state]

    def program(self, place: Place, key: bytes, invocation: int) -> None:
        """KEY_PROG: put a key into its place; the invocation field of its first TLP comes with it.

        Raises LinkError for a key in use, and for one of another size.
        """
        if len(key) != KEY_SIZE:
            raise LinkError(f"{len(key)} bytes of key where {KEY_SIZE} belong")
        self._key_event(place, KeyEvent.KEY_PROG)
        held = self._keys[place]
        held.cipher, held.invocation = ShortTagGcm(key, MAC_SIZE), invocation

    def go(self, place: Place) -> None:
        """K_SET_GO: use a key. Raises LinkError where none is programmed.

        What is sent is under it from now on; what comes is, once the other end uses it.
        """
        fresh = self._keys[place].state is KeyState.PROGRAMMED
        self._key_event(place, KeyEvent.K_SET_GO)
        if fresh:
            sending = place.direction is Direction.TX
            self._key_event(place.other_set, KeyEvent.SUPERSEDED if sending else KeyEvent.RELIEVED)
        self._settle()

    def stop(self, place: Place) -> None:
        """K_SET_STOP: forget a key. Raises LinkError where there is none."""
        self._key_event(place, KeyEvent.K_SET_STOP)
        self._settle()

    def enable(self, *, on: bool) -> None:
        """Write the enable bit. Without it, the stream forgets that it failed."""
        self.control = self.control | ENABLE if on else self.control & ~ENABLE
        self.blocked = self.blocked and on
        self._settle()

    def event(self, event: StreamEvent) -> None:
        """Something happens to the stream. Raises LinkError for what cannot happen to it."""
        to = STREAMS[self.state].get(event)
        if to is None:
            raise LinkError(f"stream {self.id}: {event.name} in {self.state.name}")
        self.failed = (self.failed or event is StreamEvent.CHECK_FAILED) and (
            event is not StreamEvent.RESET
        )
        failure = event in {StreamEvent.CHECK_FAILED, StreamEvent.EXHAUSTED}
        self.blocked = (self.blocked or failure) and event is not StreamEvent.RESET
        if event in VOIDING:
            for place in PLACES:
                if self.allows(place, VOIDING[event]):
                    self._key_event(place, VOIDING[event])
        if to is not self.state:
            self.state = to
            if self.secure:
                for counters in (self._sent, self._received):
                    counters.update(dict.fromkeys(_COUNTED, 0))
            for hear in tuple(self.changed):
                hear(self, event)
        self._tell_moved()

    def forgive(self) -> None:
        """Clear the integrity-check-fail bit of the status register."""
        self.failed = False
        self._tell_moved()

    def _tell_moved(self) -> None:
        for hear in tuple(self.moved):
            hear()

    def must_sync(self) -> bool:
        """Whether the next posted TLP needs an IDE sync before it."""
        return max(self._sent.values()) >= MAX_POSTED

    def sync(self, requester: int) -> Tlp:
        """An IDE sync, which says both counters."""
        counters = (self._sent[SubStream.NPR], self._sent[SubStream.CPL])
        return Tlp(kind=TlpKind.SYNC, requester=requester, counters=counters)

    def seal(self, tlp: Tlp, *, trusted: bool = False) -> bytes:
        """The bytes of a protected TLP. Raises LinkError where the stream cannot send it."""
        if not self.secure:
            raise LinkError(f"stream {self.id} is Insecure: no {tlp} is sent")
        sub_stream = tlp.kind.sub_stream
        key_set = self._in_use(Direction.TX, sub_stream)
        held = self._keys[Place(key_set, Direction.TX, sub_stream)]
        header, data = encode_tlp(tlp)
        if held.invocation > LAST_INVOCATION or held.cipher is None:
            self.event(StreamEvent.EXHAUSTED)
            raise LinkError(
                f"stream {self.id}: the invocation field of {sub_stream.name} is at its end"
            )
        posted = self._sent.get(sub_stream, 0)
        prefix = Prefix(key_set, trusted, sub_stream, self.id, posted).to_bytes()
        iv = initialization_vector(sub_stream, held.invocation)
        sealed, mac = held.cipher.seal(iv, prefix + header, data)
        held.invocation += 1
        if tlp.kind is TlpKind.SYNC:
            self._sent.update(dict.fromkeys(_COUNTED, 0))
        elif sub_stream is SubStream.PR:
            for counted in _COUNTED:
                self._sent[counted] += 1
        else:
            self._sent[sub_stream] = 0
        return prefix + header + sealed + mac

    def open(self, prefix: Prefix, header: bytes, rest: bytes) -> Tlp:
        """The TLP of a header and what follows it, where it is what the other end sent next.

        Raises CheckFailed; the stream is Insecure then.
        """
        try:
            return self._open(prefix, header, rest)
        except CheckFailed:
            self.event(StreamEvent.CHECK_FAILED)
            raise

    def _open(self, prefix: Prefix, header: bytes, rest: bytes) -> Tlp:
        if prefix.sub_stream > max(SubStream):
            raise CheckFailed(f"sub-stream {prefix.sub_stream}, which there is not")
        place = Place(prefix.key_set, Direction.RX, SubStream(prefix.sub_stream))
        held = self._keys[place]
        if held.state not in _TAKEN or held.cipher is None:
            raise CheckFailed(f"it is under {place}, which is {held.state.name}")
        if held.invocation > LAST_INVOCATION:
            raise CheckFailed(f"the invocation field of {place} is at its end")
        iv = initialization_vector(place.sub_stream, held.invocation)
        body, mac = rest[:-MAC_SIZE], rest[-MAC_SIZE:]
        data = held.cipher.open(iv, prefix.raw + header, body, mac)
        if data is None:
            raise CheckFailed(f"no MAC of {place} number {held.invocation}")
        try:
            tlp = decode_tlp(header, data)
        except LinkError as error:
            raise CheckFailed(str(error)) from error
        if tlp.kind.sub_stream is not place.sub_stream:
            raise CheckFailed(f"a {tlp} in the sub-stream {place.sub_stream.name}")
        held.invocation += 1
        if held.state is KeyState.IN_USE:
            self._key_event(place.other_set, KeyEvent.SUPERSEDED)
        self._count(tlp, prefix.posted)
        return tlp

    def _count(self, tlp: Tlp, posted: int) -> None:
        """Keep the counters of posted TLPs. Raises CheckFailed where one is overtaken."""
        received = self._received
        if tlp.kind is TlpKind.SYNC:
            told = dict(zip(_COUNTED, tlp.counters, strict=True))
        elif tlp.kind.sub_stream is SubStream.PR:
            told = dict.fromkeys(_COUNTED, -1)
        else:
            told = {tlp.kind.sub_stream: posted}
        for counted, count in told.items():
            received[counted] -= count
            if received[counted] < 0:
                raise CheckFailed(f"a {tlp} overtook {-received[counted]} posted TLP(s)")
            if received[counted] > MAX_POSTED:
                raise CheckFailed(f"more than {MAX_POSTED} posted TLPs without an IDE sync")

    def _in_use(self, direction: Direction, sub_stream: SubStream) -> KeySet:
        """The key set in use. Raises LinkError where there is none."""
        for key_set in KeySet:
            if self._keys[Place(key_set, direction, sub_stream)].state is KeyState.IN_USE:
                return key_set
        raise LinkError(f"stream {self.id} has no {direction.name} key of {sub_stream.name} in use")

    def _key_event(self, place: Place, event: KeyEvent) -> None:
        held = self._keys[place]
        to = KEYS[held.state].get(event)
        if to is None:
            raise LinkError(
                f"stream {self.id}, {place}: {event.value} where it is {held.state.name}"
            )
        held.state = to
        if to in {KeyState.EMPTY, KeyState.VOID}:
            held.cipher = None

    def _settle(self) -> None:
        """Become Secure once all is there, and Insecure once something is missing."""
        complete = self.enabled and not self.blocked
        for direction in Direction:
            for sub_stream in SubStream:
                places = (Place(key_set, direction, sub_stream) for key_set in KeySet)
                in_use = any(self._keys[one].state is KeyState.IN_USE for one in places)
                complete = complete and in_use
        self.event(StreamEvent.COMPLETE if complete else StreamEvent.INCOMPLETE)
