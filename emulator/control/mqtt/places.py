"""The devices of a shared fleet, as one process serves them."""

import errno
from collections.abc import Callable, Sequence
from datetime import datetime

from emulator.serve.fleet import Fleet, Served

HERE = "127.0.0.1"
"""Where a device listens whose own place is taken; the system chooses the port."""

_TAKEN = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)


class FleetPlaces:
    """Starts and stops devices of a fleet by name.

    A device that comes again is made anew: as one that was switched on, it knows nothing of what it
    went through elsewhere. It listens at its own address where that is free, else where the system
    finds a port; its retained status tells.
    """

    def __init__(
        self,
        fleet: Fleet,
        devices: Sequence[Served],
        *,
        clock: Callable[[], datetime],
        ready: Callable[[Served], None],
    ) -> None:
        """`devices`: all of the fleet, none of them served; `ready` hears of each that listens."""
        self._fleet = fleet
        self._devices = {served.name: served for served in devices}
        self._unused = dict(self._devices)
        self._places = {served.name: (served.host, served.port) for served in devices}
        self._clock = clock
        self._ready = ready

    @property
    def names(self) -> Sequence[str]:
        """All devices of the fleet."""
        return [*self._devices]

    async def start(self, name: str) -> None:
        """Serve a device. Raises EmulatorError or OSError."""
        served = self._unused.pop(name, None) or self._again(name)
        try:
            await self._fleet.start(served)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            served.host, served.port = HERE, 0
            await self._fleet.start(served)
        self._ready(served)

    def _again(self, name: str) -> Served:
        first = self._devices[name]
        # Its source of randomness only forks, by labels: what is made of it again, is the same.
        entropy = first.device.entropy
        device = first.recipe.build(first.loaded, entropy=entropy, at=self._clock())
        return Served(first.recipe, first.loaded, device, *self._places[name])

    async def stop(self, name: str, reason: str) -> None:
        """Serve a device no more, if it is served."""
        if name in self._fleet.served:
            await self._fleet.stop(name, reason)
