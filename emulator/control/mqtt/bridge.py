"""An emulator on an MQTT broker: its events out, its status kept, commands in.

One connection, made again whenever it is lost. Nothing here is ever waited for by a device: events
come through a subscription that drops what does not fit, and counts it.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiomqtt
from paho.mqtt.subscribeoptions import SubscribeOptions

from emulator import __version__, events
from emulator.control.mqtt import commands, statuses
from emulator.control.mqtt.backoff import Backoff
from emulator.control.mqtt.commands import Command, encoded
from emulator.control.mqtt.handover import Member, Peer
from emulator.control.mqtt.link import Dialer, Will, keep
from emulator.control.mqtt.presence import Presences
from emulator.control.mqtt.retained import Retained
from emulator.control.mqtt.sharing import Places, Shared
from emulator.control.mqtt.topics import At, Topics
from emulator.control.mqtt.window import Item, Window
from emulator.control.port import Control, ControlError, Wanted
from emulator.entropy import Entropy, System, new_seed

log = logging.getLogger(__name__)

WAITING = 256
"""Commands that wait for those before them; further ones are refused."""

ANSWERS = 256
"""Answers that wait for the broker."""

FAREWELL = 3.0
"""Seconds for what is still to be said at the end."""

_REPORTS = 0.5
"""Seconds between looks at what was dropped."""

_GATHER = 0.05
"""Seconds in which changes of devices gather to one."""

_OF_DEVICES = Wanted(kinds=("device.up", "device.down", "device.changed", "fleet.reloaded"))
_NO_RETAINED = 2  # MQTT 5.0, 3.8.3.1: Retain Handling


class Bridge:
    """Carries control of an emulator over MQTT.

    Attributes:
        events: the events on their way; it counts those acknowledged.
        connected: set while the broker is there.
    """

    def __init__(
        self,
        control: Control,
        dialer: Dialer,
        *,
        fleet: str,
        emulator: str,
        clock: Callable[[], datetime],
        places: Places | None = None,
        entropy: Entropy | None = None,
    ) -> None:
        """Make it; `run` runs it.

        Args:
            control: the devices.
            dialer: the broker.
            fleet: the fleet's name, in every topic.
            emulator: this emulator's name, its own in the fleet.
            clock: tells the time, timezone-aware.
            places: the devices of the fleet if it is shared, and the broker says so.
            entropy: jitter; not of the run's seed, as two emulators may have the same.
        """
        self.events = Window()
        self.connected = asyncio.Event()
        broker = dialer.broker
        entropy = entropy or System()
        self._control, self._dialer, self._clock = control, dialer, clock
        self._emulator = emulator
        self._topics = Topics(broker.prefix, fleet)
        room = broker.share.room if broker.share else None
        self._me = Peer(new_seed(), emulator, _stamp(clock()), room)
        self._client_id = broker.client_id or f"spdm:{broker.prefix}:{fleet}:{emulator}"
        self._backoff = Backoff(entropy.fork(emulator), longest=broker.longest_wait)
        self._subscription = control.subscribe(
            Wanted(kinds=tuple(broker.events)), limit=broker.queue
        )
        self._answers = Window(ANSWERS)
        self._retained = Retained()
        self._commands: asyncio.Queue[Command] = asyncio.Queue(WAITING)
        self._devices: dict[str, Any] = {}
        self._reported = 0
        self._sequence = 0
        self._presences: Presences | None = None
        if broker.last_will == "device":
            prefix = broker.client_id or f"spdm:{broker.prefix}:{fleet}"
            self._presences = Presences(
                dialer, entropy, prefix=f"{prefix}:device", gate=self.connected
            )
        self._shared: Shared | None = None
        if broker.share is not None and places is not None:
            member = Member(
                self._me, places.names, grace=broker.share.grace, keepalive=broker.keepalive
            )
            self._shared = Shared(member, places, self._topics, self._announce)

    @property
    def dropped(self) -> int:
        """How many events did not fit."""
        return self._subscription.dropped

    async def run(self) -> None:
        """Keep the broker told, for ever."""
        self._announce()
        gone = statuses.emulator_status(self._me, online=False)
        will = Will(self._status_topic, encoded(gone), qos=1, retain=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publish_events())
            group.create_task(self._report_drops())
            group.create_task(self._watch_devices())
            group.create_task(self._carry_out())
            if self._shared is not None:
                group.create_task(self._shared.tick())
                group.create_task(self._shared.work())
            await keep(
                lambda: self._dialer.client(self._client_id, will),
                self._session,
                self._backoff,
                what="mqtt {}:{}".format(*self._dialer.broker.address),
                lost=self._lost,
            )

    async def farewell(self) -> None:
        """Say what is still to be said, and that the emulator and its devices are gone."""
        self._subscription.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL if self.connected.is_set() else 0):
                await self._subscription_empty()
                await self.events.empty()
                await self._answers.empty()
                self._tell_devices({})
                if self._presences is not None:
                    await self._presences.finished()
                gone = statuses.emulator_status(self._me, online=False)
                self._retained.set(self._status_topic, encoded(gone))
                await self._retained.settled()
        left = len(self.events) + len(self._subscription.take())
        if left or self.dropped > self._reported:
            log.warning("mqtt: %d events were not published", left + self.dropped - self._reported)
