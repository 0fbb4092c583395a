"""Each device's own connection to the broker, for the sake of its last will.

MQTT has one last will a connection. So that the broker itself says of each device that it is lost,
each has a connection, which carries its retained status and nothing else. All of them live in a
thread with an event loop of its own, and come one after the other: a broker that goes ends a
thousand of them at once, and devices would wait for that to be dealt with.
"""

import asyncio
import logging
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import aiomqtt

from emulator.control.mqtt.backoff import Backoff
from emulator.control.mqtt.link import Dialer, Will, keep, until_lost
from emulator.control.mqtt.retained import Retained
from emulator.entropy import Entropy

log = logging.getLogger(__name__)

PACE = 0.004
"""Seconds between attempts to connect: a thousand devices are there again four seconds after the
broker, and nothing else has to wait for the processor meanwhile."""

_CONNECTING = 2
"""Threads in which connections are made, which blocks them."""


@dataclass(frozen=True)
class Presence:
    """What is said of a device.

    Attributes:
        device: its name.
        topic: of its status.
        online: its status while it is there.
        offline: its status, and last will, once it is not.
    """

    device: str
    topic: str
    online: bytes
    offline: bytes


class Presences:
    """The connections of all devices."""

    def __init__(self, dialer: Dialer, entropy: Entropy, *, prefix: str) -> None:
        """`prefix`: of the clients' ids."""
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(ThreadPoolExecutor(_CONNECTING, "mqtt"))
        self._loop.set_exception_handler(_passing_over)
        self._keeper = _Keeper(dialer, entropy, prefix)
        self._thread = threading.Thread(target=self._loop.run_forever, name="mqtt", daemon=True)
        self._thread.start()

    def broker_is(self, *, there: bool) -> None:
        """Whether it is worth while to connect."""
        self._loop.call_soon_threadsafe(self._keeper.broker_is, there)

    def set(self, presence: Presence) -> None:
        """A device is there."""
        self._loop.call_soon_threadsafe(self._keeper.set, presence)

    def drop(self, device: str, *, goodbye: bool) -> None:
        """End a device's connection in peace; with `goodbye`, once its status says so."""
        self._loop.call_soon_threadsafe(self._keeper.drop, device, goodbye)

    async def closed(self) -> None:
        """Wait until every goodbye has been said."""
        await self._over_there(self._keeper.closed())

    async def stop(self) -> None:
        """End what is left, with or without a goodbye."""
        await self._over_there(self._keeper.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()

    async def _over_there(self, what: Coroutine[Any, Any, None]) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(what, self._loop))


def _passing_over(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A socket may be closed before aiomqtt's thread has it watched: its connection has ended."""
    if isinstance(context.get("exception"), OSError | ValueError):
        log.debug("mqtt: %s", context["message"], exc_info=context["exception"])
    else:
        loop.default_exception_handler(context)


@dataclass
class _Kept:
    presence: Presence
    retained: Retained
    task: asyncio.Task[None]


class _Keeper:
    """What lives in the thread."""

    def __init__(self, dialer: Dialer, entropy: Entropy, prefix: str) -> None:
        self._dialer = dialer
        self._entropy = entropy
        self._prefix = prefix
        self._gate = asyncio.Event()
        self._turn = asyncio.Lock()
        self._kept: dict[str, _Kept] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def broker_is(self, there: bool) -> None:  # noqa: FBT001 - called by the loop
        if there:
            self._gate.set()
        else:
            self._gate.clear()

    def set(self, presence: Presence) -> None:
        kept = self._kept.get(presence.device)
        if kept is None:
            retained = Retained()
            task = asyncio.create_task(self._keep(presence, retained))
            kept = self._kept[presence.device] = _Kept(presence, retained, task)
        kept.presence = presence
        kept.retained.set(presence.topic, presence.online)

    def drop(self, device: str, goodbye: bool) -> None:  # noqa: FBT001 - called by the loop
        kept = self._kept.pop(device, None)
        if kept is not None:
            task = asyncio.create_task(self._close(kept, goodbye=goodbye))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def closed(self) -> None:
        await asyncio.gather(*self._closing)

    async def stop(self) -> None:
        tasks = [*self._closing, *(kept.task for kept in self._kept.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, presence: Presence, retained: Retained) -> None:
        # Whoever else has a connection for this device is pushed out, and its last will comes
        # before this one's status.
        identifier = f"{self._prefix}:{presence.device}"
        will = Will(presence.topic, presence.offline, qos=1, retain=True)

        async def session(client: aiomqtt.Client) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(retained.session(client))
                group.create_task(until_lost(client))

        await keep(
            lambda: self._dialer.client(identifier, will),
            session,
            Backoff(self._entropy.fork(presence.device), longest=self._dialer.broker.longest_wait),
            what=f"mqtt {identifier}",
            ready=self._ready,
            level=logging.DEBUG,
        )

    async def _ready(self) -> None:
        """Wait for the broker, and for those whose turn is before."""
        async with self._turn:
            await asyncio.sleep(PACE)
            await self._gate.wait()

    async def _close(self, kept: _Kept, *, goodbye: bool) -> None:
        try:
            if goodbye and self._gate.is_set():
                kept.retained.set(kept.presence.topic, kept.presence.offline)
                await kept.retained.settled()
        finally:
            kept.task.cancel()
            await asyncio.gather(kept.task, return_exceptions=True)
