"""One attached peer: bytes in, actions out.

Pure: `now` is an argument, and what is to be sent, when, and whether to close comes back as
actions for a shell (`serve/`) to carry out. Order of events for one request: frame → data object →
responder (request, message, sign, signed stages) → data object → frame stage → commit → delivery
stage → Send.
"""

from collections.abc import Callable
from dataclasses import dataclass

from emulator.device import Device
from emulator.errors import FrameError, SpdmError
from emulator.responder import Responder
from emulator.spdm.stages import Delivery, Stages
from emulator.transport import doe
from emulator.transport.spdm_socket import (
    SERVER_HELLO,
    Command,
    Frame,
    FrameReader,
    TransportType,
)
from emulator.vendor import Registry

STALL = 30.0
"""Seconds a peer may leave a frame unfinished before it is disconnected."""


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes in one piece, not before the given time (the clock `now` comes from)."""

    data: bytes
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection once everything before is written."""

    reason: str
    not_before: float = 0.0


Action = Send | Close


@dataclass(frozen=True, slots=True)
class Received:
    """An SPDM request arrived."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """An SPDM reply leaves; `error` says why the request was refused."""

    raw: bytes
    error: SpdmError | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something got no response, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection ends, and why: by this end, or because the peer left."""

    reason: str


Event = Received | Answered | Ignored | Ended
Observer = Callable[[Event], None]


class Endpoint:
    """The device's end of one connection."""

    def __init__(
        self,
        device: Device,
        *,
        vendors: Registry | None = None,
        stages: Stages | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Attach a new peer to `device`."""
        self.number, entropy = device.attach()
        self.responder = Responder(
            device, entropy, number=self.number, vendors=vendors, stages=stages
        )
        self._delay = device.timing.delay
        self._stages = stages
        self._observer = observer
        self._reader = FrameReader()
        self._stalled_at: float | None = None
        self._closed = False

    def receive(self, data: bytes, now: float) -> list[Action]:
        """Take bytes from the peer; nothing they contain raises."""
        if self._closed:
            return []
        actions: list[Action] = []
        frames = 0
        try:
            for frame in self._reader.feed(data):
                frames += 1
                actions.extend(self._frame(frame, now))
                if actions and isinstance(actions[-1], Close):
                    return actions
        except FrameError as error:
            actions.append(self._close(str(error)))
            return actions
        if not self._reader.pending:
            self._stalled_at = None
        elif self._stalled_at is None or frames:
            # From a frame's first bytes on: what trickles in later buys no more time.
            self._stalled_at = now + STALL
        return actions

    def timer(self) -> float | None:
        """When `tick` is to be called next, or None."""
        return self._stalled_at

    def tick(self, now: float) -> list[Action]:
        """Act on the time: a peer that left a frame unfinished is disconnected."""
        if self._closed or self._stalled_at is None or now < self._stalled_at:
            return []
        pending = self._reader.pending
        return [self._close(f"a frame of {pending} bytes so far was not finished in {STALL:g} s")]

    def left(self, reason: str) -> None:
        """The peer has left: nothing more comes from it."""
        if not self._closed:
            self._close(reason)

    def _observe(self, event: Event) -> None:
        if self._observer is not None:
            self._observer(event)

    def _close(self, reason: str, when: float = 0.0) -> Close:
        self._closed = True
        self._stalled_at = None
        self._observe(Ended(reason))
        return Close(reason, when)

    def _ignore(self, reason: str) -> list[Action]:
        """No response, which keeps QEMU's stream in step."""
        self._observe(Ignored(reason))
        return [Send(_normal(b""))]

    def _frame(self, frame: Frame, now: float) -> list[Action]:
        command, transport = frame.command, frame.transport
        if command == Command.NORMAL and transport == TransportType.PCI_DOE:
            return self._data_object(frame.payload, now)
        if command == Command.TEST:
            return [Send(Frame(Command.TEST, transport, SERVER_HELLO).to_bytes())]
        if command == Command.CONTINUE:
            return [Send(Frame(Command.CONTINUE, transport).to_bytes())]
        if command == Command.SHUTDOWN:
            # DMTF's requester waits for the echo; QEMU does not, and may already have opened its
            # next connection beside this one.
            echo = Send(Frame(Command.SHUTDOWN, transport).to_bytes())
            return [echo, self._close("the peer shut the connection down")]
        self._observe(Ignored(f"command 0x{command:x} on transport {transport}"))
        return [Send(Frame(Command.UNKNOWN, transport).to_bytes())]

    def _data_object(self, payload: bytes, now: float) -> list[Action]:
        """Answer a DOE object; what is none, or asks for what is not there, gets no response."""
        try:
            request = doe.parse(payload)
        except doe.DataObjectError as error:
            return self._ignore(f"malformed data object: {error}")
        if request.vendor != doe.VENDOR_PCISIG:
            return self._ignore(f"data object of vendor 0x{request.vendor:04x}")
        if request.kind == doe.DataObjectType.CMA_SPDM:
            return self._spdm(request.payload, now)
        if request.kind == doe.DataObjectType.DISCOVERY:
            return [Send(_normal(doe.discovery_response(request.payload)))]
        if request.kind == doe.DataObjectType.SECURED_CMA_SPDM:
            return self._ignore("secured message without a session")
        return self._ignore(f"data object of type {request.kind}")

    def _spdm(self, raw: bytes, now: float) -> list[Action]:
        """Answer an SPDM message."""
        if self._observer is not None:
            self._observer(Received(raw))
        reply = self.responder.respond(raw)
        data = reply.data
        frame = _normal(b"" if data is None else doe.spdm_object(data))
        if self._stages is None:
            reply.commit()
            actions: list[Action] = [Send(frame, now + self._delay if self._delay else 0.0)]
        else:
            situation = self.responder.situation(raw)
            frame = self._stages.frame(situation, frame)
            reply.commit()
            delivery = self._stages.delivery(situation, Delivery((frame,), delay=self._delay))
            actions = self._deliver(delivery, now)
        if self._observer is not None:
            self._observer(Ignored("no response") if data is None else Answered(data, reply.error))
        return actions

    def _deliver(self, delivery: Delivery, now: float) -> list[Action]:
        when = now + delivery.delay if delivery.delay else 0.0
        actions: list[Action] = [Send(piece, when) for piece in delivery.pieces]
        if delivery.close:
            actions.append(self._close("a fault closes the connection", when))
        return actions


def _normal(payload: bytes) -> bytes:
    """The frame of a DOE reply; an empty payload says 'no response'.

    The command is never 0: QEMU does not survive that.
    """
    return Frame(Command.NORMAL, TransportType.PCI_DOE, payload).to_bytes()
