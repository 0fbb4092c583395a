"""One attached peer: bytes in, actions out.

Pure: `now` is an argument, and what is to be sent, when, and whether to close comes back as
actions for a shell (`serve/`) to carry out. Order of events for one request: frame → unwrapped →
responder (its stages) → wrapped → frame stage → delivery stage → commit → Send.

Where the responder meets slow work, `Compute` comes back, and what the peer sends waits until the
shell has told the result by `Endpoint.complete`.
"""

from dataclasses import dataclass, replace

from emulator.device import Device
from emulator.endpoint.actions import Action, Close, Compute, Send, deliver
from emulator.endpoint.events import (
    Answered,
    Diagnosed,
    Ended,
    Event,
    Faulted,
    Ignored,
    Limited,
    Observer,
    Received,
)
from emulator.errors import FrameError, FrameTooLarge, NoSession, UnexpectedRequest
from emulator.responder import Doctor, Reply, SessionResponder
from emulator.spdm.connection import Connection
from emulator.spdm.doctor import Diagnosis
from emulator.spdm.questions import EndpointInfoQuestion, NewKeyQuestion
from emulator.spdm.stages import Delivery, Fired, Stages
from emulator.spdm.work import Path, Work, go_on
from emulator.transport.binding import Binding, BindingError, Kind
from emulator.transport.bindings import BY_NUMBERS
from emulator.transport.spdm_socket import OUT_OF_BAND, SERVER_HELLO, Command, Frame
from emulator.transport.stream import AnyReader
from emulator.vendor import Registry

STALL = 30.0
"""Seconds a peer may ask nothing once a fault has left it without a reply, or its stream out of
step."""


@dataclass(slots=True)
class UnderWay:
    """An exchange whose answer is being computed.

    Attributes:
        binding: how its request was wrapped.
        path: what leads to the reply.
        work: what is computed now; None: the path has not begun.
        token: tells this computation from all others of the connection.
    """

    binding: Binding
    path: Path[Reply]
    work: Work | None = None
    token: int = 0


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
        self._armed = device.stages
        if stages is None and device.stages is not None:
            stages = device.stages.attach(self.number)
        if stages is not None:
            stages.fired = self._fired
        self.responder = SessionResponder(
            device, entropy, number=self.number, vendors=vendors, stages=stages
        )
        if device.parked is not None:
            self.responder.connection, device.parked = device.parked, None
        self._device = device
        self._doctor = Doctor(device)
        self._parked = False
        self._stages = stages
        self._observer = observer
        self._reader = AnyReader(max_payload=device.limits.frame)
        self._limited: set[str] = set()
        self._stalled_at: float | None = None
        self._idle_at: float | None = None
        self._owed_at: float | None = None
        self._astray = False
        self._closed = False
        self._under_way: UnderWay | None = None
        self._computed = 0
        self._unread = b""

    def receive(self, data: bytes, now: float) -> list[Action]:
        """Take bytes from the peer; nothing they contain raises."""
        if self._closed:
            return []
        if self._under_way is not None:
            self._unread += data
            return []
        return self._take(data, now)

    def complete(self, token: int, result: object, now: float) -> list[Action]:
        """Go on with the result of a computation, or with the exception it raised.

        Where its exchange is over, because the peer has left, nothing comes of it.
        """
        under_way = self._under_way
        if under_way is None or under_way.token != token:
            return []
        self._under_way = None
        actions = self._go_on(under_way, result, now)
        if not self._closed and self._under_way is None:
            data, self._unread = self._unread, b""
            self._stalled_at = None  # what is unfinished by now, nobody read
            actions += self._take(data, now)
        return actions

    def _take(self, data: bytes, now: float) -> list[Action]:
        actions: list[Action] = []
        frames = 0
        try:
            for frame in self._reader.feed(data):
                frames += 1
                actions += self._frame(frame, now)
                if self._closed or self._under_way is not None:
                    return actions  # the reader keeps what else there is
        except FrameError as error:
            if isinstance(error, FrameTooLarge):
                self.limited("frame", str(error))
            actions.append(self._close(str(error)))
            return actions
        limits = self._device.limits
        if not self._reader.pending:
            self._stalled_at = None
        elif limits.stall and (self._stalled_at is None or frames):
            # From a frame's first bytes on: what trickles in later buys no more time.
            self._stalled_at = now + limits.stall
        if limits.idle:
            # While a reply is held back it is not the peer that is silent.
            self._idle_at = max(now, actions[-1].not_before if actions else 0.0) + limits.idle
        return actions

    def timer(self) -> float | None:
        """When `tick` is to be called next, or None: no peer is late while it is computed for."""
        if self._under_way is not None:
            return None
        heartbeat = self.responder.deadline()
        if self._stalled_at is None and self._owed_at is None and heartbeat is None:
            return self._idle_at
        set_to = (self._stalled_at, self._owed_at, self._idle_at, heartbeat)
        return min(at for at in set_to if at is not None)

    def tick(self, now: float) -> list[Action]:
        """Act on the time: a frame left unfinished, by either end, ends the connection.

        The shell calls it once when the peer has come, too: so one that never asks is idle. A
        heartbeat that was missed ends its session.
        """
        if self._under_way is not None:
            return []
        limits = self._device.limits
        if self._stalled_at is not None and now >= self._stalled_at:
            pending = self._reader.pending
            why = f"a frame of {pending} bytes so far was not finished in {limits.stall:g} s"
            self.limited("stall", why)
            return [self._close(why)]
        if self._owed_at is not None and now >= self._owed_at:
            return [self._close(f"after a fault the peer asked nothing for {STALL:g} s")]
        for session in self.responder.expire(now):
            self._observe(Ignored(f"session {session.id:08x} is over: its heartbeat was missed"))
        if self._idle_at is not None and now >= self._idle_at:
            why = f"the peer asked nothing for {limits.idle:g} s"
            self.limited("idle", why)
            return [self._close(why)]
        if self._idle_at is None and limits.idle and not self._closed:
            self._idle_at = now + limits.idle
        return []

    def limited(self, limit: str, what: str) -> None:
        """Count that the peer ran into a limit, and tell it the first time."""
        self._device.limited[limit] += 1
        if limit not in self._limited:
            self._limited.add(limit)
            self._observe(Limited(limit, what))

    @property
    def device(self) -> Device:
        """The device it is attached to."""
        return self._device

    def left(self, reason: str) -> None:
        """The peer has left: nothing more comes from it."""
        if not self._closed:
            self._close(reason)

    def _observe(self, event: Event) -> None:
        if self._observer is not None:
            self._observer(event)

    def _diagnosed(self, diagnosis: Diagnosis | None, session: int | None = None) -> None:
        if diagnosis is not None:
            self._observe(Diagnosed(diagnosis, session))

    def _fired(self, fault: Fired) -> None:
        self._observe(Faulted(fault))

    def _close(self, reason: str, when: float = 0.0, *, reset: bool = False) -> Close:
        self._closed = True
        self._stalled_at = self._owed_at = self._idle_at = None
        if self._under_way is not None:
            self._under_way.path.close()
            self._under_way = None
        if not self._parked:
            self.responder.connection.end_sessions()
        self._observe(Ended(reason))
        return Close(reason, when, reset)

    def _send(self, command: int, transport: int, payload: bytes = b"") -> list[Action]:
        """Send a frame. A stream of TCP messages alone has nothing to send for an empty one."""
        data = self._reader.pack(Frame(command, transport, payload))
        return [Send(data)] if data else []

    def _ignore(self, binding: Binding, reason: str) -> list[Action]:
        """No response: an empty frame, which keeps QEMU's stream in step.

        Its command is never 0: QEMU does not survive that.
        """
        self._observe(Ignored(reason))
        return self._send(Command.NORMAL, binding.transport)

    def _frame(self, frame: Frame, now: float) -> list[Action]:
        command, transport, payload = frame
        self._owed_at = now + STALL if self._astray else None
        binding = BY_NUMBERS.get((command, transport))
        if binding is not None:
            return self._payload(binding, payload, now)
        if command == Command.TEST:
            return self._send(command, transport, SERVER_HELLO)
        if command == Command.CONTINUE:
            # The next connection goes on from where this one stands.
            self._device.park(self.responder.connection)
            self._parked = True
            return self._send(command, transport)
        if command in OUT_OF_BAND:
            self._asked_out_of_band(command, payload)
            return self._send(command, transport)
        if command == Command.SHUTDOWN:
            # DMTF's requester waits for the echo; QEMU does not, and may already have opened its
            # next connection beside this one.
            echo = self._send(command, transport)
            return [*echo, self._close("the peer shut the connection down")]
        self._observe(Ignored(f"command 0x{command:x} on transport {transport}"))
        return self._send(Command.UNKNOWN, transport)

    def _asked_out_of_band(self, command: int, payload: bytes) -> None:
        """Let the device ask something: for a new key, or what the requester is.

        The former in the session that `payload` names; the other command names none (spdm-emu
        `spdm_emu/spdm_requester_emu/spdm_requester_session.c`), so it is the one that was opened
        last, or outside of sessions where that is over.
        """
        connection = self.responder.connection
        session = connection.sessions.get(int.from_bytes(payload, "little"))
        if command == Command.OOB_ENCAP_KEY_UPDATE and session is not None:
            session.context.asking = session.context.asking.also(NewKeyQuestion())
        elif command == Command.OOB_ENCAP_ENDPOINT_INFO:
            latest = connection.sessions.get(connection.latest)
            context = connection if latest is None else latest.context
            context.asking = context.asking.also(EndpointInfoQuestion())

    def _payload(self, binding: Binding, payload: bytes, now: float) -> list[Action]:
        """Answer what a transport carries; what is none of it gets no response."""
        try:
            kind, data, refused = binding.unwrap(payload)
        except BindingError as error:
            return self._ignore(binding, str(error))
        if kind is Kind.MESSAGE:
            return self._spdm(binding, data, now)
        if kind is Kind.SECURED:
            return self._secured(binding, data, now)
        if refused:
            self._observe(Ignored(refused))
        return self._send(Command.NORMAL, binding.transport, data)

    def _spdm(self, binding: Binding, raw: bytes, now: float) -> list[Action]:
        """Answer an SPDM message."""
        self._attend()
        if self._observer is not None:
            self._observer(Received(raw))
        answer = self.responder.respond(
            raw, slack=binding.padding, largest=binding.largest, now=now, transport=binding.name
        )
        return self._answer(binding, answer, now)

    def _secured(self, binding: Binding, record: bytes, now: float) -> list[Action]:
        """Answer what is in a session's record; a record of none gets no response."""
        self._attend()
        form = binding.records
        if form is None:
            return self._ignore(binding, f"a record over {binding.name}, which has none")
        try:
            opened = self.responder.open(record, form=form, now=now)
        except NoSession as error:
            told = self.responder.unknown(record)
            if told is None:
                self._diagnosed(self._doctor.stray(record, self.responder.connection))
                return self._ignore(binding, str(error))
            self._observe(Answered(told, UnexpectedRequest(str(error))))
            return self._send(Command.NORMAL, binding.transport, binding.wrap(told))
        if opened.error is None:
            self._observe(Received(opened.message, opened.session.id))
        answer = self.responder.respond_inside(
            opened, form=form, largest=binding.largest, now=now, transport=binding.name
        )
        return self._answer(binding, answer, now)

    def _attend(self) -> None:
        """A peer asks: what was parked is taken back, and other faults are taken up."""
        if self._parked:
            self._take_back()
        if self._armed is not self._device.stages:
            self._rearm()

    def _answer(self, binding: Binding, answer: Reply | Path[Reply], now: float) -> list[Action]:
        """Send the answer, or compute what leads to it."""
        if isinstance(answer, Reply):
            return self._reply(binding, answer, now)
        return self._go_on(UnderWay(binding, answer), None, now)

    def _go_on(self, under_way: UnderWay, result: object, now: float) -> list[Action]:
        """The rest of an exchange, or its next computation."""
        try:
            under_way.work = go_on(under_way.path, under_way.work, result)
        except StopIteration as done:
            return self._reply(under_way.binding, done.value, now)
        self._computed += 1
        under_way.token = self._computed
        self._under_way = under_way
        return [Compute(under_way.token, under_way.work)]

    def _reply(self, binding: Binding, reply: Reply, now: float) -> list[Action]:
        """Send the answer to an SPDM message."""
        if reply.error is not None:
            # Before the session is over, and its secrets with it.
            connection = self.responder.connection
            self._diagnosed(
                self._doctor.look(reply.error, connection, binding.largest), reply.session
            )
        data = reply.data
        if data is None:
            payload = b""
        elif reply.seal is None:
            record = None
            if reply.at is not None:
                record = self.responder.astray(reply, binding.records, data)
            payload = binding.wrap(data) if record is None else binding.wrap_record(record)
        else:
            record = reply.seal(data)
            if record is None:
                payload = b""
            else:
                payload = binding.wrap_record(record) if reply.secured else binding.wrap(record)
        frame = self._reader.pack(Frame(Command.NORMAL, binding.transport, payload))
        if self._stages is None or reply.at is None:
            reply.commit()
            delay = self._device.timing.delay
            when = now + delay if delay else 0.0
            actions: list[Action] = [Send(frame, when)] if frame else []
            delivery = None
        else:
            at = reply.at if self._reader.framed else replace(reply.at, framed=False)
            bent = self._stages.frame(at, frame)
            pieces = (bent,) if bent else ()
            delivery = self._stages.delivery(at, Delivery(pieces, delay=self._device.timing.delay))
            reply.commit()
            actions = deliver(delivery, now)
            self._bound_silence(frame, delivery, now)
        if self._observer is not None:
            silent = data is None or not payload
            why = "no response" if reply.error is None else f"no response: {reply.error}"
            told = Answered(data or b"", reply.error, reply.session)
            self._observer(Ignored(why) if silent else told)
        if reply.error is not None and reply.error.limit:
            self.limited(reply.error.limit, str(reply.error))
        if delivery is not None and delivery.close:
            how = "resets" if delivery.reset else "closes"
            when = now + delivery.lasts + delivery.linger
            actions.append(self._close(f"a fault {how} the connection", when, reset=delivery.reset))
        return actions

    def _bound_silence(self, frame: bytes, delivery: Delivery, now: float) -> None:
        """See to it that no peer waits for ever for the rest of what a fault left of `frame`.

        QEMU stands still as long as it waits. A stream that is out of step stays so: the peer may
        begin to wait with any reply.
        """
        sent = b"".join(delivery.pieces)
        if sent != frame:
            self._astray = self._astray or bool(sent and not self._reader.whole(sent))
        if self._astray or not (sent or sent == frame):
            self._owed_at = now + delivery.lasts + STALL

    def _rearm(self) -> None:
        """The device has got other faults while the peer was there."""
        self._armed = self._device.stages
        armed = self._armed
        self._stages = None if armed is None else armed.attach(self.number, self._stages)
        if self._stages is not None:
            self._stages.fired = self._fired
        self.responder.rearm(self._stages)

    def _take_back(self) -> None:
        """What was left to the next connection is this one's, unless that one has come already."""
        self._parked = False
        if self._device.parked is self.responder.connection:
            self._device.parked = None
        else:
            self.responder.connection = Connection()


def carried_out(endpoint: Endpoint, actions: list[Action], now: float) -> list[Action]:
    """`actions` with all that is to be computed carried out: for callers without an event loop."""
    done = list(actions)
    while done and isinstance(last := done[-1], Compute):
        done[-1:] = endpoint.complete(last.token, last.work.carry_out(), now)
    return done
