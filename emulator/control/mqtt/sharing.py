"""A shared fleet on a real broker: what `handover.Member` decides is carried out here."""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import aiomqtt

from emulator.control.mqtt import statuses
from emulator.control.mqtt.actions import (
    Action,
    Announce,
    Beat,
    Hear,
    Lost,
    Offer,
    Own,
    Start,
    Stop,
)
from emulator.control.mqtt.commands import encoded
from emulator.control.mqtt.handover import Member, Peer
from emulator.control.mqtt.topics import At, Topics
from emulator.control.mqtt.window import Item, Window
from emulator.errors import EmulatorError

log = logging.getLogger(__name__)

_TICK = 0.25
"""Seconds between looks at the clock."""


class Places(Protocol):
    """The devices of a fleet, which can be served here or elsewhere."""

    @property
    def names(self) -> Sequence[str]:
        """All devices of the fleet."""
        ...

    async def start(self, name: str) -> None:
        """Serve a device. Raises EmulatorError or OSError."""
        ...

    async def stop(self, name: str, reason: str) -> None:
        """Serve a device no more."""
        ...


class Shared:
    """This emulator's part in a shared fleet.

    Attributes:
        member: what it knows and decides.
    """

    def __init__(
        self, member: Member, places: Places, topics: Topics, announce: Callable[[], None]
    ) -> None:
        """`announce` publishes the emulator's status."""
        self.member = member
        self._places = places
        self._topics = topics
        self._announce = announce
        self._work: asyncio.Queue[Start | Stop] = asyncio.Queue()
        self._casts: asyncio.Queue[Item] = asyncio.Queue()
        self._left = False
        self._names = {*places.names}
        self._offers = False
        self._ears = asyncio.Event()
        self._clock = asyncio.get_running_loop().time

    def heard(self, at: At, payload: bytes) -> None:
        """A message of the fleet; what is none is passed over."""
        try:
            said = json.loads(payload)
        except (ValueError, RecursionError):
            return
        now = self._clock()
        match at.row.name:
            case "emulator-status" | "alive":
                if peer := statuses.read_peer(said):
                    self._act(self.member.told(peer[0], online=peer[1], now=now))
            case "device-owner":
                if claim := statuses.read_owner(said):
                    self._act(self.member.owned(at.names["device"], claim, now))
            case "offer":
                if term := statuses.read_term(said):
                    self._act(self.member.offered(at.names["device"], term, now))
            case _:
                return

    def elsewhere(self, device: str) -> bool:
        """Whether a device that is not served here is another's, or about to be."""
        claim = self.member.claims.get(device)
        return claim is not None and claim.id != self.member.me.id

    def lost(self) -> None:
        """The connection ended."""
        self.member.disconnected()

    async def session(self, client: aiomqtt.Client) -> None:
        """Take part over this connection, which has the fleet's subscriptions but for offers."""
        self._casts = asyncio.Queue()
        self._offers = False
        self._ears.clear()
        window = Window()
        self._act(self.member.connected(self._clock()))
        async with asyncio.TaskGroup() as group:
            group.create_task(window.session(client))
            group.create_task(self._hear(client))
            while True:
                await window.put(await self._casts.get())

    def look(self) -> None:
        """See whether the fleet has other devices now."""
        names = self._places.names
        if {*names} != self._names:
            self._names = {*names}
            self._act(self.member.fleet(names, self._clock()))

    async def tick(self) -> None:
        """Let time pass, for as long as the emulator runs."""
        while True:
            await asyncio.sleep(_TICK)
            self._act(self.member.tick(self._clock()))

    async def work(self) -> None:
        """Start and stop devices, one after the other, for as long as the emulator runs."""
        while True:
            match await self._work.get():
                case Start(device):
                    await self._start(device)
                case Stop(device):
                    await self._stop(device)

    async def leave(self) -> None:
        """Serve nothing more, so that places are free before anybody hears of it."""
        self._left = True
        for device in self.member.mine:
            await self._places.stop(device, "the emulator ends")

    async def _start(self, device: str) -> None:
        if device not in self.member.mine or self._left:
            return
        try:
            await self._places.start(device)
        except (EmulatorError, OSError) as error:
            log.warning("%s cannot be served here: %s", device, error)
            self._act(self.member.failed(device, self._clock()))

    async def _stop(self, device: str) -> None:
        claim = self.member.claims.get(device)
        whom = claim.emulator if claim else ""
        await self._places.stop(device, f"{whom} serves it now" if whom else "it left the fleet")

    async def _hear(self, client: aiomqtt.Client) -> None:
        """Be one of those who get offers, or not."""
        topic = self._topics.shared("offer")
        hearing = False
        while True:
            await self._ears.wait()
            self._ears.clear()
            if self._offers and not hearing:
                await client.subscribe(topic, qos=1)
            elif hearing and not self._offers:
                await client.unsubscribe(topic)
            hearing = self._offers

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Announce():
                    self._announce()
                case Beat():
                    self._cast("alive", self._self(), emulator=self.member.me.emulator)
                case Hear(offers):
                    self._offers = offers
                    self._ears.set()
                case Offer(device, term, last):
                    self._offer(device, term, last)
                case Own(device, claim):
                    topic = self._topics.of("device-owner", device=device)
                    self._casts.put_nowait(Item(topic, statuses.owner(claim), retain=True))
                case Lost(emulator, number):
                    gone = statuses.emulator_status(Peer(number, emulator, ""), online=False)
                    self._cast("emulator-status", gone, retain=True, emulator=emulator)
                case Start() | Stop():
                    self._work.put_nowait(action)

    def _offer(self, device: str, term: int, last: str | None) -> None:
        """Say first that it is nowhere: whoever takes it says otherwise after that."""
        if last:
            status = statuses.device_status(device, last)
            self._cast("device-status", status, retain=True, device=device)
        self._cast("offer", {"v": statuses.VERSION, "term": term}, device=device)

    def _self(self) -> dict[str, Any]:
        return statuses.emulator_status(self.member.me, online=True, room=self.member.room)

    def _cast(self, row: str, said: Any, *, retain: bool = False, **names: str) -> None:
        self._casts.put_nowait(Item(self._topics.of(row, **names), encoded(said), retain=retain))
