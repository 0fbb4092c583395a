"""Devices under control in the test's own event loop."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from unit.serve.loopback import Client, served

from emulator.control import ControlError
from emulator.control.desk import Desk
from emulator.control.hub import Hub
from emulator.control.local import LocalControl
from emulator.control.recordings import Recordings
from emulator.record import RecordedEndpoint
from emulator.serve.fleet import Fleet

NOW = datetime(2026, 11, 23, 12, 0, 0, 5, tzinfo=UTC)


@dataclass
class Lab:
    """A fleet and its control, and the events that were told."""

    control: LocalControl

    @property
    def fleet(self) -> Fleet:
        return self.control.desk.fleet

    async def call(self, operation: str, **arguments: Any) -> Any:
        return await self.control.call(operation, arguments)

    async def refused(self, operation: str, **arguments: Any) -> tuple[str, list[str]]:
        """The code and the problems of a refusal."""
        with pytest.raises(ControlError) as caught:
            await self.control.call(operation, arguments)
        return caught.value.code, caught.value.problems

    @asynccontextmanager
    async def client(self, name: str = "one") -> AsyncIterator[Client]:
        """A raw client attached to a device."""
        _, port = self.fleet.served[name].bound or ("", 0)
        client = await Client.connect(port)
        yield client
        await client.close()


@asynccontextmanager
async def lab(
    names: Sequence[str] = ("one", "two"), profile: str = "nvme-ssd"
) -> AsyncIterator[Lab]:
    """Devices of a profile, listening."""
    hub = Hub("lab", clock=lambda: NOW)
    recordings = Recordings(clock=lambda: 0, ended=hub.trouble)
    fleet = Fleet(hub, endpoint=partial(RecordedEndpoint, tape=recordings.tape))
    made = Lab(LocalControl(Desk(fleet, hub, recordings, clock=lambda: NOW)))
    try:
        for name in names:
            await fleet.start(served(name, profile=profile))
        yield made
    finally:
        recordings.stop()
        await fleet.close()
