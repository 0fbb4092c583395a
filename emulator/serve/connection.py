"""One accepted connection: an asyncio protocol around an `Endpoint`."""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, cast

from emulator.endpoint import Action, Close, Compute, Endpoint, Send
from emulator.serve.limits import Bucket, Intake
from emulator.tcp import quickack, set_nodelay

log = logging.getLogger(__name__)

MAX_HELD = 64
"""Replies held back for a peer before no more requests are taken from it."""
TURN = 0.005
"""Seconds a connection may go on answering before it is another's turn."""


class DeviceConnection(asyncio.Protocol):
    """Carries bytes between a socket and an endpoint, and its actions out in order.

    The endpoint is given one frame at a time, so that no peer has more under way than its limits
    allow, however much it sends at once. What is not taken yet is held here, and nothing is read
    meanwhile.

    Attributes:
        peer: the peer's address.
        number: the connection's number on its device, from 1; 0 before a peer is there.
    """

    def __init__(
        self,
        attach: Callable[[], Endpoint],
        gone: Callable[["DeviceConnection"], None],
        met: Callable[["DeviceConnection"], None] = lambda _: None,
        pool: Executor | None = None,
    ) -> None:
        """`attach` makes the endpoint once a peer is there.

        `met` hears when the peer is there, and `gone` when it has left. What is slow is computed in
        `pool`; without one, in the loop's own.
        """
        self._pool = pool
        self._attach = attach
        self._gone = gone
        self._met = met
        self._loop = asyncio.get_running_loop()
        self._intake = Intake()
        self._held: list[Action] = []  # waiting for their time; everything later waits behind
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._pauses: set[str] = set()
        self._turn: asyncio.Handle | None = None
        self._last = 0
        self._made = False
        self._finishing = self._computing = False
        self._leaving = ""
        self._aborted = False
        self.peer = "?"
        self.number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer is there."""
        self._transport = cast("asyncio.Transport", transport)
        accepted: socket.socket = transport.get_extra_info("socket")
        name = transport.get_extra_info("peername")
        self.peer = f"{name[0]}:{name[1]}" if isinstance(name, tuple) else str(name or "local")
        set_nodelay(accepted)
        self._rearm = quickack(accepted)
        self._rearm()
        self._endpoint = self._attach()
        self.number = self._endpoint.number
        limits = self._endpoint.device.limits
        self._transport.set_write_buffer_limits(high=limits.buffered)
        self._bucket = Bucket(limits.rate) if limits.rate else None
        self._log("connection.up", "connection %d from %s", self.number, self.peer)
        self._made = True
        self._met(self)
        if self._aborted:
            self._transport.abort()
        else:
            self._tick()

    def data_received(self, data: bytes) -> None:
        """The peer sent bytes."""
        if not self._finishing:
            self._intake.add(data)
            if not self._pauses:
                self._work()
        self._rearm()

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer left."""
        for timer in self._timers.values():
            timer.cancel()
        if self._turn is not None:
            self._turn.cancel()
        self._intake.clear()
        self._held.clear()
        self._leaving = ""
        why = f": {exc}" if exc else ""
        self._endpoint.left(f"the peer left{why}")
        self._log(
            "connection.down",
            "connection %d from %s ended%s",
            self.number,
            self.peer,
            why,
        )
        self._gone(self)

    def pause_writing(self) -> None:
        """The peer does not read: take no more requests from it."""
        self._pause("writing")
        unread = self._transport.get_write_buffer_size()
        if unread > self._last:
            self._endpoint.limited("buffered", f"{unread} bytes of replies are unread")

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._resume("writing")

    def abort(self) -> None:
        """End the connection now, or as soon as it is made."""
        self._aborted = True
        if self._made:
            self._transport.abort()

    @property
    def endpoint(self) -> Endpoint:
        """The protocol's end; only once a peer is there."""
        return self._endpoint

    def drop(self, reason: str) -> None:
        """End the connection now, for this reason."""
        if self._made:
            self._endpoint.left(reason)
        self.abort()

    def finish(self, reason: str) -> None:
        """Take nothing more, and end for this reason once every reply under way has left.

        What still comes is read and forgotten: closing a socket with something unread in it would
        take the reply from the peer.
        """
        if not self._made:
            self.abort()
            return
        self._finishing = True
        self._intake.clear()
        self._pauses.clear()
        self._transport.resume_reading()
        self._leaving = reason
        if not self._computing:
            self._leave()

    def _leave(self) -> None:
        """End for the reason there is, behind the replies that wait."""
        self._endpoint.left(self._leaving)
        self._take([Close(self._leaving)])

    def _pause(self, reason: str) -> None:
        """Read no more, and take nothing, until every reason is gone."""
        if self._finishing:
            return
        if not self._pauses:
            self._transport.pause_reading()
        self._pauses.add(reason)

    def _resume(self, reason: str) -> None:
        if reason in self._pauses:
            self._pauses.remove(reason)
            if not self._pauses:
                self._go_on()

    def _go_on(self) -> None:
        """Take what is held, in a turn of its own; read once there is nothing left of it."""
        if self._intake.held:
            if self._turn is None:
                self._turn = self._loop.call_soon(self._take_turn)
        else:
            self._transport.resume_reading()

    def _take_turn(self) -> None:
        self._turn = None
        if not self._pauses:
            self._work()
            if not (self._pauses or self._turn):
                self._go_on()

    def _work(self) -> None:
        """Give the endpoint what has come, a frame at a time, until something stands in the way."""
        intake, endpoint, bucket = self._intake, self._endpoint, self._bucket
        until = 0.0
        while intake.held and not self._pauses:
            if self._transport.is_closing():
                intake.clear()  # nobody reads a reply any more
                break
            now = self._loop.time()
            until = until or now + TURN
            if now > until:
                self._transport.pause_reading()
                self._go_on()
                break
            if bucket is not None and (wait := bucket.wait(now)) > 0:
                self._pause("rate")
                self._timers["rate"] = self._loop.call_later(wait, self._resume, "rate")
                endpoint.limited("rate", f"more than {endpoint.device.limits.rate:g} requests/s")
                break
            data, whole = intake.next()
            if bucket is not None and whole:
                bucket.take(now)
            self._take(endpoint.receive(data, now))
        if intake.held and "held" in self._pauses:
            endpoint.limited("buffered", f"{len(self._held)} replies are held back")
        self._watch()

    def _take(self, actions: list[Action]) -> None:
        """Carry actions out now, or behind those that wait."""
        if actions and isinstance(last := actions[-1], Compute):
            self._compute(last)
            actions = actions[:-1]
        if self._held:
            self._held.extend(actions)
            self._bound_held()
        else:
            self._perform(actions)

    def _perform(self, actions: list[Action]) -> None:
        """Carry actions out in order, up to the first whose time has not come."""
        for index, action in enumerate(actions):
            if index and self._transport.is_closing():
                break  # the peer is gone: asyncio would complain of each piece that follows
            wait = action.not_before - self._loop.time() if action.not_before else 0.0
            if wait > 0:
                self._held = actions[index:]
                self._timers["held"] = self._loop.call_later(wait, self._release)
                self._bound_held()
                return
            match action:
                case Send(data=data):
                    self._last = len(data)
                    self._transport.write(data)
                case Close(reason=reason, reset=reset):
                    self._log(
                        "connection.closed",
                        "connection %d closed: %s",
                        self.number,
                        reason,
                    )
                    if reset:
                        self._reset()
                    else:
                        self._transport.close()
        self._held = []
        self._resume("held")

    def _compute(self, compute: Compute) -> None:
        """Compute beside the loop; until that is done, nothing more is read from the peer."""
        self._pause("computing")
        self._computing = True
        result = self._loop.run_in_executor(self._pool, compute.work.carry_out)
        result.add_done_callback(partial(self._computed, compute.token))

    def _computed(self, token: int, result: "asyncio.Future[object]") -> None:
        """Go on; where the peer has left meanwhile, the endpoint knows nothing of it any more."""
        self._computing = False
        if result.cancelled():
            return  # the pool was shut down
        self._resume("computing")
        self._take(self._endpoint.complete(token, result.result(), self._loop.time()))
        if self._leaving and not self._computing:
            self._leave()
        self._watch()

    def _reset(self) -> None:
        """Close so that the peer sees a reset (TCP), or at least at once (a Unix socket)."""
        accepted: socket.socket = self._transport.get_extra_info("socket")
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _bound_held(self) -> None:
        """A peer that goes on asking while replies are held waits, too."""
        if len(self._held) > MAX_HELD or self._held_bytes() > self._endpoint.device.limits.buffered:
            self._pause("held")
        else:
            self._resume("held")

    def _held_bytes(self) -> int:
        return sum(len(one.data) for one in self._held if isinstance(one, Send))

    def _release(self) -> None:
        """The time of the first held action has come."""
        self._perform(self._held)

    def _watch(self) -> None:
        """Set the endpoint's timer, when it asks for one."""
        when = self._endpoint.timer()
        old = self._timers.get("endpoint")
        if when is None and old is None:
            return
        if old is not None:
            if when is not None and old.when() <= when:
                return  # it is looked at anew then
            old.cancel()
            del self._timers["endpoint"]
        if when is not None:
            self._timers["endpoint"] = self._loop.call_at(when, self._tick)

    def _tick(self) -> None:
        self._timers.pop("endpoint", None)
        self._take(self._endpoint.tick(self._loop.time()))
        self._watch()

    def _log(self, event: str, text: str, *arguments: object) -> None:
        fields: dict[str, Any] = {
            "event": event,
            "device": self._endpoint.device.name,
            "connection": self.number,
            "peer": self.peer,
        }
        log.info(text, *arguments, extra=fields)
