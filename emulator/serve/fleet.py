"""The devices of one process, while they are served: added, changed and taken away live."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

from emulator import events
from emulator.device import Device
from emulator.endpoint import Endpoint, Event, Observer
from emulator.errors import EmulatorError, StateError
from emulator.profile.load import LoadedProfile
from emulator.profile.recipe import Recipe
from emulator.serve.connection import DeviceConnection
from emulator.serve.events import log_events
from emulator.serve.limits import Admission
from emulator.serve.link import LinkListener
from emulator.serve.listener import Listener
from emulator.serve.shutdown import Grace
from emulator.serve.telling import Hearer, Tally, Teller
from emulator.state import StateFolder, folder_of
from emulator.tcp import UNIX, address
from emulator.vendor import Registry

_STAYS = frozenset(
    (
        "name",
        "entropy",
        "stages",
        "connections",
        "resets",
        "loss",
        "limited",
        "watchers",
        "cached",
        "parked",
        "functions",
    )
)
"""What of a device is no part of its personality."""


class FleetError(EmulatorError):
    """A device cannot be served as asked."""


@dataclass
class Served:
    """One device that is served.

    Attributes:
        recipe: what it was made from.
        loaded: the profile as it was loaded; shared by the devices that have the same.
        device: the device that new connections are attached to.
        host: the address it is to listen on, or `unix:PATH`.
        port: the port; 0: the system chooses.
        listener: what accepts its connections; None until it listens.
        state: the folder that its state is kept in; None: it is kept nowhere.
        folder: that folder while it is this process's.
        bound: the address and port it listens on; None until it does.
        tally: what it has done.
        link: what accepts peers of its link; None: it has no socket.
        link_bound: the address and port of that; None until it listens.
        of: the device whose further function it is; empty: it is a device itself.
        observe: makes one more observer for each of its connections, by its number.
    """

    recipe: Recipe
    loaded: LoadedProfile
    device: Device
    host: str = "127.0.0.1"
    port: int = 0
    listener: Listener | None = None
    bound: tuple[str, int] | None = None
    tally: Tally = field(default_factory=Tally)
    state: Path | None = None
    folder: StateFolder | None = None
    link: LinkListener | None = None
    link_bound: tuple[str, int] | None = None
    of: str = ""
    observe: Callable[[int], Observer] | None = None

    @property
    def physical(self) -> str:
        """The name of the physical device, which its functions have in common."""
        return self.of or self.name

    @property
    def name(self) -> str:
        """What the device is called."""
        return self.device.name

    @property
    def at(self) -> str:
        """Where it listens: HOST:PORT, or unix:PATH; empty until it does."""
        if self.bound is None:
            return ""
        host, port = self.bound
        return host if host.startswith(UNIX) else address(host, port)

    @property
    def lives(self) -> list[Device]:
        """The device, and those it took the place of that still have a peer, latest first."""
        former = {id(one): one for one in (c.endpoint.device for c in self.connections()[::-1])}
        former.pop(id(self.device), None)
        return [self.device, *former.values()]

    def apply(self, change: Callable[[Device], object]) -> None:
        """Change the device, and without telling it again those whose place it took.

        They still have peers, to whom all of them are the one device that was attached to.
        """
        change(self.device)
        for former in self.lives[1:]:
            watchers, former.watchers = former.watchers, []
            change(former)
            former.watchers = watchers

    def connections(self) -> list[DeviceConnection]:
        """The connections that are open, in the order they came."""
        made = self.listener.connections if self.listener is not None else ()
        return sorted((one for one in made if one.number), key=lambda one: one.number)


class _Deaf:
    """Hears nothing."""

    listening = False

    def tell(self, event: events.Event) -> None:
        """Nobody hears it."""


class Fleet:
    """Devices by their names, each on a listener of its own.

    Attributes:
        hearer: who is told what happens.
        admission: counts the connections of all devices.
        served: the devices by name.
        since: when the fleet was made.
    """

    def __init__(
        self,
        hearer: Hearer | None = None,
        *,
        endpoint: Callable[..., Endpoint] = Endpoint,
        vendors: Registry | None = None,
        observe: Callable[[int], Observer] | None = None,
        admission: Admission | None = None,
    ) -> None:
        """Make a fleet without devices.

        Args:
            hearer: who is told what happens; nobody, if None.
            endpoint: makes the endpoint of each connection.
            vendors: the vendor-defined protocols that the devices speak.
            observe: makes one more observer for each connection, by its number.
            admission: bounds the connections of all devices together; None: by the descriptors.
        """
        self.hearer: Hearer = hearer or _Deaf()
        self.served: dict[str, Served] = {}
        self.since = datetime.now(UTC)
        self._divided: set[str] = set()  # physical devices with several functions
        self._endpoint = endpoint
        self._vendors = vendors
        self._observe = observe
        self.admission = Admission() if admission is None else admission
        # One for all devices: what is slow shares the processors, whoever asked for it.
        self._pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="compute")

    def __iter__(self) -> Iterator[Served]:
        return iter(list(self.served.values()))

    def __len__(self) -> int:
        return len(self.served)

    async def start(self, served: Served) -> None:
        """Serve a device.

        Raises FleetError for a name there is, or a state that cannot be kept, OSError for its
        address.
        """
        name = served.name
        if name in self.served:
            raise FleetError(f"two devices are called {name}; each needs a name of its own")
        _open_state(served)
        self.served[name] = served
        teller = Teller(name, self.hearer, served.tally)
        listener = Listener(
            served.device,
            vendors=self._vendors,
            observe=_all(log_events(served.device), teller.observe, self._observe, served.observe),
            endpoint=self._endpoint,
            pool=self._pool,
            met=lambda connection: teller.met(connection.number, connection.peer),
            admission=self.admission,
        )
        try:
            served.bound = await listener.start(served.host, served.port)
            await self._start_link(served)
        except OSError:
            del self.served[name]
            await listener.stop()
            _close_state(served)
            raise
        served.device.watchers.append(teller.changed)
        served.listener = listener
        if served.of:
            self._divided.add(served.of)
        self._gather(served)
        teller.tell(events.DeviceUp(device=name, address=served.at, profile=served.recipe.profile))

    async def _start_link(self, served: Served) -> None:
        """Listen for the other end of the device's link, where its profile wants that."""
        told = served.loaded.profile.ide
        if told is None or told.socket is None:
            return
        at = told.socket
        served.link = LinkListener(lambda: served.device.ide)
        host = at.host if at.path is None else UNIX + at.path
        served.link_bound = await served.link.start(host, at.port)

    async def stop(self, name: str, reason: str, grace: Grace | None = None) -> None:
        """Serve a device no more, and end its connections. Raises KeyError.

        `grace`: time for the replies under way to leave.
        """
        served = self.served.pop(name)
        served.device.functions = []
        self._gather(served)
        if served.link is not None:
            await served.link.stop()
        if served.listener is not None:
            if grace is None:
                for connection in served.connections():
                    connection.drop(reason)
            await served.listener.stop(grace, reason)
        _close_state(served)
        if self.hearer.listening:
            self.hearer.tell(events.DeviceDown(device=name, reason=reason))

    async def close(self, reason: str = "the emulator ends", grace: Grace | None = None) -> None:
        """Serve nothing more, ever; `grace` as in `stop`, for all devices at once."""
        await asyncio.gather(*(self.stop(name, reason, grace) for name in list(self.served)))
        self._pool.shutdown(cancel_futures=True)

    def replace(
        self, served: Served, recipe: Recipe, loaded: LoadedProfile, device: Device
    ) -> None:
        """Attach the connections to come to another device in place of this one."""
        old = served.device
        device.connections, device.resets = old.connections, old.resets
        device.watchers = old.watchers
        _hand_over(old, device)
        served.recipe, served.loaded, served.device = recipe, loaded, device
        if served.listener is not None:
            served.listener.device = device
        old.functions = []
        self._gather(served)

    def functions_of(self, chosen: Sequence[Served]) -> list[Served]:
        """These, with all functions of the devices that some are functions of."""
        wanted = {served.physical for served in chosen} & self._divided
        names = {served.name for served in chosen}
        return [one for one in self if one.name in names or one.physical in wanted]

    def _gather(self, served: Served) -> None:
        """Let the functions of a device know each other."""
        if served.physical not in self._divided:
            return
        functions = [one.device for one in self if one.physical == served.physical]
        for one in functions:
            one.functions = functions if len(functions) > 1 else []

    def reflash(
        self, served: Served, recipe: Recipe, loaded: LoadedProfile, device: Device
    ) -> None:
        """Give the device itself the personality of another, and reset it.

        Open connections stay, and forget what they agreed, as behind a device that got another
        firmware.
        """
        _hand_over(served.device, device)

        def become(live: Device) -> None:
            for one in fields(Device):
                if one.name not in _STAYS:
                    setattr(live, one.name, getattr(device, one.name))
            live.reset()

        served.recipe, served.loaded = recipe, loaded
        served.apply(become)


def _open_state(served: Served) -> None:
    """Let the device go on from its state, where one is kept of it. Raises FleetError."""
    if served.state is None or served.device.provisioning is None:
        return
    try:
        served.folder = StateFolder(folder_of(served.state, served.name))
        served.folder.attach(served.device)
    except StateError as error:
        _close_state(served)
        raise FleetError(f"{served.name}: {error}") from error


@contextmanager
def keep_state(served: Served) -> Iterator[None]:
    """Keep the state of a device that no fleet serves. Raises FleetError."""
    _open_state(served)
    try:
        yield
    finally:
        _close_state(served)


def _close_state(served: Served) -> None:
    if served.folder is not None:
        served.folder.close()
        served.folder = None
    if served.device.provisioning is not None:
        served.device.provisioning.keep = None


def _hand_over(old: Device, new: Device) -> None:
    """What was provisioned of a device stays when it gets another personality."""
    if old.provisioning is not None and new.provisioning is not None:
        new.provisioning.take_over(old.provisioning)
        new.provision(new.provisioning.state)


def _all(*makers: Callable[[int], Observer] | None) -> Callable[[int], Observer]:
    """What makes observers that hear after each other."""
    made = [maker for maker in makers if maker is not None]

    def observe(number: int) -> Observer:
        observers = [maker(number) for maker in made]

        def hear(event: Event) -> None:
            for observer in observers:
                observer(event)

        return hear

    return observe
