"""What `serve` runs once it knows what: devices here or in workers, their control and carriers."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

from emulator.cli.controlled import Carrier, Controlled, beside, desk_of, now, nowhere
from emulator.cli.fleet import reload_and_tell, reloading
from emulator.cli.mqtt import Mqtt
from emulator.cli.output import WRONG_USE, fail
from emulator.cli.recording import RecordingWanted
from emulator.cli.workers import serve_in_workers
from emulator.control.desk import Desk
from emulator.control.fleet_file import DeskDevices, FleetFile
from emulator.control.hub import Hub
from emulator.control.local import LocalControl
from emulator.control.mqtt.places import FleetPlaces
from emulator.control.port import Control, ControlError
from emulator.control.recordings import Recordings
from emulator.control.workers import Bounds, Workers
from emulator.device import Device
from emulator.endpoint import Endpoint
from emulator.faults import Faults
from emulator.record import RecordedEndpoint
from emulator.serve.fleet import Fleet, Served
from emulator.serve.limits import Admission
from emulator.serve.notify import Notifier, Reload
from emulator.serve.run import call, serve

Counts = Mapping[str, Mapping[str, int]]
"""How often each rule of each device reached in."""

Told = Callable[..., None]
"""Tells that a device is there: the device, `listening` or `connected`, host and port."""


def _counts(devices: Sequence[Device]) -> Counts:
    """How often each rule of each device reached in."""
    return {
        device.name: device.stages.counts for device in devices if isinstance(device.stages, Faults)
    }


def serve_call(
    device: Device, target: tuple[str, int], told: Told, wanted: RecordingWanted, grace: float
) -> Counts:
    """Serve the connection to a requester that listens; how often each rule reached in."""
    recordings = Recordings()
    endpoint = partial(RecordedEndpoint, tape=recordings.tape) if wanted.file else Endpoint
    wanted.start_or_exit(recordings)
    try:
        ready = partial(told, device, "connected")
        asyncio.run(call(device, *target, ready, endpoint=endpoint, grace=grace))
    finally:
        recordings.stop()
    return _counts([device])


@dataclass(frozen=True)
class Serving:
    """All that `serve` was asked for.

    Attributes:
        name: what events and topics call this emulator.
        devices: the devices, none of them served.
        file: the fleet's file they are from; None: from profiles.
        control: the control socket; None: none.
        broker: where events go and commands come from; None: nowhere.
        workers: how many processes share the devices.
        told: tells of each device that listens.
        recording: what is recorded.
        bounds: what they may take.
    """

    name: str
    devices: list[Served]
    file: FleetFile | None
    control: Path | None
    broker: Mqtt | None
    workers: int
    told: Told
    recording: RecordingWanted
    bounds: Bounds

    def run(self) -> Counts:
        """Serve until told to stop; how often each rule reached in. Raises ListenError."""
        if self._shared and self.workers > 1:
            fail("a shared fleet is served by one process each: no --workers", code=WRONG_USE)
        if self._shared and (further := [one for one in self.devices if one.of]):
            # Each device of such a fleet is handed out alone; functions are reset together.
            found = f"{further[0].of} has further functions"
            fail(f"{found}; expected devices of one function in a shared fleet", code=WRONG_USE)
        hub = Hub(self.name, clock=now)
        recordings = Recordings(ended=hub.trouble)
        tapped = (self.recording.file, self.control, self.broker) != (None, None, None)
        endpoint = partial(RecordedEndpoint, tape=recordings.tape) if tapped else Endpoint
        fleet = Fleet(hub, endpoint=endpoint, admission=Admission(self.bounds.connections))
        desk = desk_of(fleet, hub, recordings)
        if self.workers > 1:
            return self._in_workers(desk)
        return self._here(desk)

    @property
    def _shared(self) -> bool:
        """Whether devices are served only as they are handed out."""
        return self.broker is not None and self.broker.shared

    def _ready(self, one: Served) -> None:
        self.told(one.device, "listening", *(one.bound or ("", 0)))
        if one.link_bound is not None:
            self.told(one.device, "link", *one.link_bound)

    def _in_workers(self, desk: Desk) -> Counts:
        team = Workers(self.workers, desk, self.bounds)
        carrier = nowhere if self.broker is None else self.broker.carrier(self.name)
        running = beside(desk, self.control, team, carrier)
        if self.file is not None:
            running = reloading(self.file, desk, team, running, self._ready)
        reload = partial(reload_and_tell, team)
        notifier = Notifier(os.environ)
        return asyncio.run(
            serve_in_workers(
                team, self.devices, self._ready, running, self.recording, notifier, reload
            )
        )

    def _here(self, desk: Desk) -> Counts:
        self.recording.start_or_exit(desk.recordings)
        control: Control = LocalControl(desk)
        try:
            asyncio.run(
                serve(
                    desk.fleet,
                    [] if self._shared else self.devices,
                    self._ready,
                    beside=self._beside(desk),
                    grace=self.bounds.grace,
                    notifier=Notifier(os.environ),
                    reload=self._reload(control),
                )
            )
        finally:
            desk.recordings.stop()
        return _counts([one.device for one in self.devices])

    def _reload(self, control: Control) -> Reload:
        """What SIGHUP begins; where there is nothing to read again, that is logged."""
        if self.file is None or self._shared:
            return partial(control.call, "fleet.reload")
        return partial(reload_and_tell, control)

    def _beside(self, desk: Desk) -> Controlled:
        carrier: Carrier = nowhere
        if self.broker is not None:
            places = None
            if self._shared:
                places = FleetPlaces(desk.fleet, self.devices, clock=now, ready=self._ready)
            carrier = self.broker.carrier(self.name, places)
        running = beside(desk, self.control, None, carrier)
        if self.file is None:
            return running
        if self._shared:
            desk.reload = _not_shared
            return running
        return reloading(self.file, desk, DeskDevices(desk), running, self._ready)


async def _not_shared() -> NoReturn:
    raise ControlError(
        "conflict",
        "fleet.reload: a shared fleet is read once; restart its emulators one after the other",
    )
