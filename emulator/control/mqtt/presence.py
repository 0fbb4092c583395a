"""Each device's own connection to the broker, for the sake of its last will.

MQTT has one last will a connection. So that the broker itself says of each device that it is lost,
each has a connection, which carries its retained status and nothing else.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import aiomqtt

from emulator.control.mqtt.backoff import Backoff
from emulator.control.mqtt.link import Dialer, Will, keep, until_lost
from emulator.control.mqtt.retained import Retained
from emulator.entropy import Entropy


@dataclass
class _Presence:
    retained: Retained
    task: asyncio.Task[None]


class Presences:
    """The connections of all devices."""

    def __init__(
        self, dialer: Dialer, entropy: Entropy, *, prefix: str, gate: asyncio.Event
    ) -> None:
        """`prefix`: of the clients' ids; `gate`: set while the broker is there."""
        self._dialer = dialer
        self._entropy = entropy
        self._prefix = prefix
        self._gate = gate
        self._present: dict[str, _Presence] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def set(self, device: str, topic: str, online: bytes, offline: bytes) -> None:
        """Let a device's status be `online`, and its last will `offline`."""
        present = self._present.get(device)
        if present is None:
            retained = Retained()
            # Whoever else has a connection for this device is pushed out, and its last will comes
            # before this one's status.
            identifier = f"{self._prefix}:{device}"
            will = Will(topic, offline, qos=1, retain=True)
            task = asyncio.create_task(
                keep(
                    _connect(self._dialer, identifier, will),
                    _session(retained),
                    Backoff(self._entropy.fork(device), longest=self._dialer.broker.longest_wait),
                    what=f"mqtt {identifier}",
                    gate=self._gate,
                    level=logging.DEBUG,
                )
            )
            present = self._present[device] = _Presence(retained, task)
        present.retained.set(topic, online)

    def drop(self, device: str, topic: str, offline: bytes) -> None:
        """Say goodbye for a device, unless `offline` is empty, and end its connection in peace."""
        present = self._present.pop(device, None)
        if present is not None:
            task = asyncio.create_task(self._close(present, topic, offline))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def closed(self) -> None:
        """Wait until every goodbye has been said."""
        await asyncio.gather(*self._closing)

    async def abort(self) -> None:
        """End what is left, with or without a goodbye."""
        tasks = [*self._closing, *(present.task for present in self._present.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _close(self, present: _Presence, topic: str, offline: bytes) -> None:
        try:
            if offline and self._gate.is_set():
                present.retained.set(topic, offline)
                await present.retained.settled()
        finally:
            present.task.cancel()
            await asyncio.gather(present.task, return_exceptions=True)


def _connect(dialer: Dialer, identifier: str, will: Will) -> Callable[[], aiomqtt.Client]:
    return lambda: dialer.client(identifier, will)


def _session(retained: Retained) -> Callable[[aiomqtt.Client], asyncio.Future[None]]:
    async def session(client: aiomqtt.Client) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(retained.session(client))
            group.create_task(until_lost(client))

    return lambda client: asyncio.ensure_future(session(client))
