"""An endpoint that records what passes it, and is in all else an `Endpoint`."""

from collections.abc import Iterator

from emulator.device import Device
from emulator.endpoint import (
    Action,
    Answered,
    Compute,
    Diagnosed,
    Ended,
    Endpoint,
    Event,
    Faulted,
    Ignored,
    Limited,
    Observer,
    Send,
    UnderWay,
)
from emulator.errors import FrameError
from emulator.record.packet import LinkType, Packet
from emulator.record.recorder import Recorder
from emulator.record.tape import Tape
from emulator.requester import Direction
from emulator.spdm import codes
from emulator.spdm.stages import Stages
from emulator.transport.spdm_socket import (
    HEADER_SIZE,
    Command,
    Frame,
    FrameReader,
    TransportType,
)
from emulator.vendor import Registry

MCTP_HEADER = bytes((0, 0, 0, 0xC0))
"""What stands before an MCTP message, as spdm-emu writes it: no addresses, a whole message
(`spdm_emu/spdm_emu_common/command.c`)."""

_LINKS: dict[int, tuple[LinkType, bytes]] = {
    TransportType.PCI_DOE: (LinkType.PCI_DOE, b""),
    TransportType.MCTP: (LinkType.MCTP, MCTP_HEADER),
}
_BILLION = 10**9
_COMMENTS = 16
"""Comments kept for a packet that is still to come: a peer can bring about any number."""


class RecordedEndpoint(Endpoint):
    """Records frame by frame, so that each reply stands behind its request.

    A recording may begin and end while the peer is there.
    """

    def __init__(
        self,
        device: Device,
        *,
        tape: Tape,
        vendors: Registry | None = None,
        stages: Stages | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Attach a new peer to `device`, and record it while there is a recorder on `tape`."""
        super().__init__(device, vendors=vendors, stages=stages, observer=self._note)
        self._tape = tape
        self._recorder: Recorder | None = None
        self._device_name = ""
        self._told = observer
        self._asked: Frame | None = None
        self._link = LinkType.PCI_DOE
        self._comments: list[str] = []
        self._ending: str | None = None
        self._put_in(f"connection {self.number} opened")

    def receive(self, data: bytes, now: float) -> list[Action]:
        """Take bytes from the peer."""
        return self._ending_with(super().receive(data, now), now)

    def complete(self, token: int, result: object, now: float) -> list[Action]:
        """Go on with the result of a computation."""
        return self._ending_with(super().complete(token, result, now), now)

    def tick(self, now: float) -> list[Action]:
        """Act on the time."""
        actions = super().tick(now)
        self._end()
        return actions

    def left(self, reason: str) -> None:
        """The peer has left."""
        super().left(reason)
        self._end()

    def _put_in(self, comment: str) -> None:
        """Record from here on what the tape says."""
        self._recorder = self._tape.recorder
        self._comments.clear()
        if self._recorder is not None:
            self._device_name = self._recorder.name(self._device)
            self._comments.append(comment)

    def _note(self, event: Event) -> None:
        """Keep what is remarkable for the packet it belongs to, and pass the event on."""
        if self._recorder is not None:
            self._keep(event)
        if self._told is not None:
            self._told(event)

    def _keep(self, event: Event) -> None:
        if isinstance(event, Ignored):
            silent = "no response"
            self._remark(silent if event.reason == silent else f"{silent}: {event.reason}")
        elif isinstance(event, Answered) and event.error is not None:
            self._remark(f"ERROR {codes.error_name(event.error.code)}: {event.error}")
        elif isinstance(event, Faulted):
            self._remark(f"fault {event.fault}")
        elif isinstance(event, Diagnosed):
            self._remark(f"doctor: {event.diagnosis}")
        elif isinstance(event, Limited):
            self._remark(f"limit {event.limit}: {event.what}")
        elif isinstance(event, Ended):
            self._ending = event.reason

    def _remark(self, comment: str) -> None:
        """Keep a comment for the next packet, unless it has plenty."""
        if len(self._comments) < _COMMENTS:
            self._comments.append(comment)
        elif len(self._comments) == _COMMENTS:
            self._comments.append("and more")

    def _frame(self, frame: Frame, now: float) -> list[Action]:
        """Record a frame, and the replies, where anything is recorded now."""
        if self._tape.recorder is not self._recorder:
            self._put_in(f"connection {self.number} was open before")
        if self._recorder is None:
            return super()._frame(frame, now)
        if frame.command == Command.NORMAL:
            self._write(Direction.REQUEST, frame, self._now())
        self._asked = frame
        return self._answered(super()._frame(frame, now), now)

    def _now(self) -> int:
        return 0 if self._recorder is None else self._recorder.clock()

    def _go_on(self, under_way: UnderWay, result: object, now: float) -> list[Action]:
        """Record the replies that had to be computed."""
        return self._answered(super()._go_on(under_way, result, now), now)

    def _answered(self, actions: list[Action], now: float) -> list[Action]:
        """Record the replies once they are there."""
        asked = self._asked
        if asked is not None and not (actions and isinstance(actions[-1], Compute)):
            self._asked = None
            if asked.command == Command.NORMAL:
                self._replies(asked, actions, now)
        return actions

    def _ending_with(self, actions: list[Action], now: float) -> list[Action]:
        """Record the connection's end, if these actions bring it about."""
        self._end(max((_held(action, now) for action in actions), default=0))
        return actions

    def _replies(self, request: Frame, actions: list[Action], now: float) -> None:
        """Record what answers a request; what is no frame is recorded, too."""
        at = self._now()
        sent = [action for action in actions if isinstance(action, Send)]
        at += max((_held(action, now) for action in sent), default=0)
        stream = b"".join(action.data for action in sent)
        if not stream:
            self._comments.append("nothing was sent")
            self._write(Direction.REPLY, request._replace(payload=b""), at)
        elif not self._reader.framed:
            stream = request._replace(payload=stream).to_bytes()
        header = HEADER_SIZE
        while stream:
            frame = next(_frames(stream), None)
            if frame is None:
                # A frame cut short still has its header; what is left behind a frame has none.
                self._comments.append(f"{len(stream)} bytes that are no whole frame")
                frame, stream = request._replace(payload=stream[header:]), b""
            stream, header = stream[HEADER_SIZE + len(frame.payload) :], 0
            # It is wrapped as the request was, whatever its frame says.
            self._write(Direction.REPLY, frame._replace(transport=request.transport), at)

    def _write(self, direction: Direction, frame: Frame, at: int) -> None:
        """Record a frame with what was noted so far."""
        self._link, header = _LINKS.get(frame.transport, (LinkType.PCI_DOE, b""))
        data = header + frame.payload if frame.payload else b""
        self._packet(at, data, direction)

    def _end(self, held: int = 0) -> None:
        """Record that the connection has ended, once; in so many nanoseconds."""
        if self._ending is None:
            return
        self._comments.append(f"connection {self.number} closed: {self._ending}")
        self._ending = None
        self._packet(self._now() + held, b"", None)

    def _packet(self, at: int, data: bytes, direction: Direction | None) -> None:
        comments = tuple(self._comments)
        self._comments.clear()
        if self._recorder is not None:
            self._recorder.write(
                Packet(at, self._link, data, direction, self._device_name, self.number, comments)
            )


def _held(action: Action, now: float) -> int:
    """How many nanoseconds an action waits for its time."""
    return max(0, int((action.not_before - now) * _BILLION)) if action.not_before else 0


def _frames(data: bytes) -> Iterator[Frame]:
    """The whole frames at the start of `data`."""
    try:
        yield from FrameReader().feed(data)
    except FrameError:
        return
