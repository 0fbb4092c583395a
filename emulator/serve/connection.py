"""One accepted connection: an asyncio protocol around an `Endpoint`."""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import cast

from emulator.endpoint import Action, Close, Compute, Endpoint, Send
from emulator.tcp import quickack, set_nodelay

log = logging.getLogger(__name__)

MAX_HELD = 64
"""Replies held back for a peer before no more requests are taken from it."""


class DeviceConnection(asyncio.Protocol):
    """Carries bytes between a socket and an endpoint, and its actions out in order.

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

        `met` hears when the peer is there, and `gone` when it has left. What is slow is computed
        in `pool`; without one, in the loop's own.
        """
        self._pool = pool
        self._attach = attach
        self._gone = gone
        self._met = met
        self._loop = asyncio.get_running_loop()
        self._held: list[Action] = []  # waiting for their time; everything later waits behind
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._pauses: set[str] = set()
        self._made = False
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
        log.info("connection %d from %s", self.number, self.peer)
        self._made = True
        self._met(self)
        if self._aborted:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """The peer sent bytes."""
        self._take(self._endpoint.receive(data, self._loop.time()))
        self._rearm()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer left."""
        for timer in self._timers.values():
            timer.cancel()
        self._held.clear()
        why = f": {exc}" if exc else ""
        self._endpoint.left(f"the peer left{why}")
        log.info("connection %d from %s ended%s", self._endpoint.number, self.peer, why)
        self._gone(self)

    def pause_writing(self) -> None:
        """The peer does not read: take no more requests from it."""
        self._pause("writing")

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

    def _pause(self, reason: str) -> None:
        """Read no more until every reason is gone."""
        if not self._pauses:
            self._transport.pause_reading()
        self._pauses.add(reason)

    def _resume(self, reason: str) -> None:
        if reason in self._pauses:
            self._pauses.remove(reason)
            if not self._pauses:
                self._transport.resume_reading()

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
            wait = action.not_before - self._loop.time() if action.not_before else 0.0
            if wait > 0:
                self._held = actions[index:]
                self._timers["held"] = self._loop.call_later(wait, self._release)
                self._bound_held()
                return
            match action:
                case Send(data=data):
                    self._transport.write(data)
                case Close(reason=reason, reset=reset):
                    log.info("connection %d closed: %s", self._endpoint.number, reason)
                    if reset:
                        self._reset()
                    else:
                        self._transport.close()
        self._held = []
        self._resume("held")

    def _compute(self, compute: Compute) -> None:
        """Compute beside the loop; until that is done, nothing more is read from the peer."""
        self._pause("computing")
        result = self._loop.run_in_executor(self._pool, compute.work.carry_out)
        result.add_done_callback(partial(self._computed, compute.token))

    def _computed(self, token: int, result: "asyncio.Future[object]") -> None:
        """Go on; where the peer has left meanwhile, the endpoint knows nothing of it any more."""
        if result.cancelled():
            return  # the pool was shut down
        self._resume("computing")
        self._take(self._endpoint.complete(token, result.result(), self._loop.time()))
        self._watch()

    def _reset(self) -> None:
        """Close so that the peer sees a reset (TCP), or at least at once (a Unix socket)."""
        accepted: socket.socket = self._transport.get_extra_info("socket")
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _bound_held(self) -> None:
        """A peer that goes on asking while replies are held waits, too."""
        if len(self._held) > MAX_HELD:
            self._pause("held")
        else:
            self._resume("held")

    def _release(self) -> None:
        """The time of the first held action has come."""
        self._perform(self._held)

    def _watch(self) -> None:
        """Set the endpoint's timer, when it asks for one."""
        when = self._endpoint.timer()
        if when is None and "endpoint" not in self._timers:
            return
        old = self._timers.pop("endpoint", None)
        if old is not None:
            old.cancel()
        if when is not None:
            self._timers["endpoint"] = self._loop.call_at(when, self._tick)

    def _tick(self) -> None:
        self._take(self._endpoint.tick(self._loop.time()))
        self._watch()
