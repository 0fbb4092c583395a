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
from emulator.control.mqtt.presence import Presence, Presences
from emulator.control.mqtt.retained import Retained
from emulator.control.mqtt.sharing import Places, Shared
from emulator.control.mqtt.topics import At, Topics
from emulator.control.mqtt.window import Item, Window
from emulator.control.port import Control, ControlError, Wanted, matches
from emulator.entropy import Entropy, System, new_seed

log = logging.getLogger(__name__)

WAITING = 256
"""Commands that wait for those before them; further ones are refused."""

REFUSED = 256
"""Refused commands that wait to be answered; further ones are passed over."""

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
        self._commands: asyncio.Queue[Command] = asyncio.Queue(WAITING + REFUSED)
        self._devices: dict[str, Any] = {}
        self._reported = 0
        self._sequence = 0
        self._leaving = False
        self._pump: asyncio.Task[None] | None = None
        self._presences: Presences | None = None
        if broker.last_will == "device":
            prefix = broker.client_id or f"spdm:{broker.prefix}:{fleet}"
            self._presences = Presences(dialer, entropy, prefix=f"{prefix}:device")
        self._shared: Shared | None = None
        if broker.share is not None and places is not None:
            member = Member(
                self._me,
                places.names,
                grace=broker.share.grace,
                absence=broker.share.grace + broker.longest_wait,
                keepalive=broker.keepalive,
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
            self._pump = group.create_task(self._publish_events())
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
        if self._shared is not None:
            await self._shared.leave()
        self._subscription.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL if self.connected.is_set() else 0):
                if self._pump is not None:
                    await self._pump
                await self._report()
                await self.events.empty()
                await self._answers.empty()
                self._tell_devices({})
                if self._presences is not None:
                    await self._presences.closed()
                self._leaving = True
                gone = statuses.emulator_status(self._me, online=False)
                self._retained.set(self._status_topic, encoded(gone))
                await self._retained.settled()
        lost = len(self.events) + len(self._subscription.take()) + self.dropped - self._reported
        if lost:
            log.warning("mqtt: %d events were not published", lost)
        if self._presences is not None:
            await self._presences.stop()

    @property
    def _status_topic(self) -> str:
        return self._topics.of("emulator-status", emulator=self._emulator)

    def _announce(self, *, again: bool = False) -> None:
        """Let the broker retain how this emulator is."""
        if self._leaving:
            return
        room = self._shared.member.room if self._shared else None
        status = statuses.emulator_status(
            self._me,
            online=True,
            room=room,
            version=__version__,
            devices=len(self._devices),
            dropped=self.dropped,
        )
        self._retained.set(self._status_topic, encoded(status), again=again)

    async def _session(self, client: aiomqtt.Client) -> None:
        options = SubscribeOptions(qos=1, retainHandling=_NO_RETAINED)
        heard = [
            (self._topics.of("emulator-command", emulator=self._emulator), options),
            (self._topics.all_of("device-command"), options),
            (self._topics.of("fleet-command"), options),
            (self._status_topic, SubscribeOptions(qos=1)),
        ]
        if self._shared is not None:
            rows = ("emulator-status", "alive", "device-owner")
            heard[-1:] = [(self._topics.all_of(row), SubscribeOptions(qos=1)) for row in rows]
        await client.subscribe(heard)
        self._broker_is(there=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._retained.session(client))
            group.create_task(self.events.session(client))
            group.create_task(self._answers.session(client))
            if self._shared is not None:
                group.create_task(self._shared.session(client))
            async for message in client.messages:
                self._heard(message)

    def _broker_is(self, *, there: bool) -> None:
        if there:
            self.connected.set()
        else:
            self.connected.clear()
        if self._presences is not None:
            self._presences.broker_is(there=there)

    def _lost(self) -> None:
        self._broker_is(there=False)
        if self._shared is not None:
            self._shared.lost()

    def _heard(self, message: aiomqtt.Message) -> None:
        """Take a message: nothing in it raises."""
        at = self._topics.parse(str(message.topic))
        payload = message.payload
        if at is None:
            return
        if at.row.name.endswith("-command"):
            device = at.names.get("device")
            if device is None or device in self._devices:
                self._commanded(at, message)
            return
        if at.row.name == "emulator-status" and at.names["emulator"] == self._emulator:
            # The last will of a connection that has been replaced may come late.
            self._announce(again=self._says_gone(payload))
        if self._shared is not None:
            self._shared.heard(at, payload)

    @staticmethod
    def _says_gone(payload: bytes) -> bool:
        try:
            said = json.loads(payload)
        except (ValueError, RecursionError):
            return True
        return not (isinstance(said, dict) and said.get("online") is True)

    def _commanded(self, at: At, message: aiomqtt.Message) -> None:
        properties = message.properties
        command = commands.read(
            at,
            message.payload,
            response_topic=getattr(properties, "ResponseTopic", None),
            correlation=getattr(properties, "CorrelationData", None),
        )
        if self._commands.qsize() >= WAITING:
            busy = f"{WAITING} commands wait already; expected this one again later"
            command = Command(command.route, problem=ControlError("conflict", busy))
        try:
            self._commands.put_nowait(command)
        except asyncio.QueueFull:
            log.warning("mqtt: a command was passed over: %d wait already", WAITING + REFUSED)

    async def _carry_out(self) -> None:
        """Carry commands out, one after the other, and answer them."""
        while True:
            command = await self._commands.get()
            result: Any = command.problem
            if command.problem is None:
                try:
                    result = await self._call(command)
                except ControlError as error:
                    result = error
            if isinstance(result, ControlError):
                log.info("mqtt: %s: %s", command.operation or "command", result)
            item = commands.answer(command, self._emulator, result)
            if item is not None:
                await self._answers.put(item)

    async def _call(self, command: Command) -> Any:
        """Raises ControlError."""
        allowed = self._dialer.broker.commands
        if not matches(command.operation, allowed):
            may = f"expected one of {', '.join(allowed)}" if allowed else "none is"
            raise ControlError("invalid", f"op: {command.operation} may not be called here; {may}")
        return await self._control.call(command.operation, command.arguments)

    async def _publish_events(self) -> None:
        """Take events as fast as the broker does, until there are no more."""
        async for event in self._subscription:
            self._sequence = event["sequence"]
            await self.events.put(self._item(event))

    async def _report_drops(self) -> None:
        """Tell how many events are lost, while there is a broker to tell it to."""
        while True:
            await self.connected.wait()
            await self._report()
            await asyncio.sleep(_REPORTS)

    async def _report(self) -> None:
        count = self.dropped - self._reported
        if count:
            self._reported += count
            event = events.stamped(
                events.Dropped(count=count, total=self._reported),
                time=_stamp(self._clock()),
                emulator=self._emulator,
                sequence=self._sequence,
            )
            await self.events.put(self._item(event))
            self._announce()

    def _item(self, event: dict[str, Any]) -> Item:
        device, kind = event.get("device"), event["event"]
        if device is None:
            topic = self._topics.of("emulator-event", emulator=self._emulator, kind=kind)
        else:
            topic = self._topics.of("device-event", device=device, kind=kind)
        return Item(topic, encoded(event))

    async def _watch_devices(self) -> None:
        """Keep the retained status of each device as it is."""
        with self._control.subscribe(_OF_DEVICES, limit=1) as changes:
            while True:
                self._tell_devices(await self._control.call("devices.list"))
                if self._shared is not None:
                    self._shared.look()
                await changes.wait()
                await asyncio.sleep(_GATHER)
                changes.take()

    def _tell_devices(self, devices: dict[str, Any]) -> None:
        for name in self._devices.keys() - devices.keys():
            self._tell_gone(name)
        self._devices = devices
        for name, about in devices.items():
            online = encoded(statuses.device_status(name, self._emulator, about))
            offline = encoded(statuses.device_status(name, self._emulator))
            topic = self._topics.of("device-status", device=name)
            if self._presences is None:
                self._retained.set(topic, online)
            else:
                self._presences.set(Presence(name, topic, online, offline))
        self._announce()

    def _tell_gone(self, device: str) -> None:
        """A device is served no more; what is another's by now is the other's to tell of."""
        topic = self._topics.of("device-status", device=device)
        offline = encoded(statuses.device_status(device, self._emulator))
        others = self._shared is not None and self._shared.elsewhere(device)
        if self._presences is not None:
            self._presences.drop(device, goodbye=not others)
        elif others:
            self._retained.forget(topic)
        else:
            self._retained.set(topic, offline)


@asynccontextmanager
async def bridged(bridge: Bridge) -> AsyncIterator[Bridge]:
    """Run a bridge beside something else; what goes wrong with it is logged, and ends it alone."""
    task = asyncio.create_task(bridge.run())
    task.add_done_callback(_ended)
    try:
        yield bridge
    finally:
        await bridge.farewell()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("mqtt: the bridge has ended: %s", error, exc_info=error)


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
