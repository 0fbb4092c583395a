"""A fleet that members share over a simulated broker: virtual time, late and lost messages."""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Protocol

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
from emulator.control.mqtt.handover import Claim, Member, Peer
from emulator.entropy import Seeded

LATEST = 0.05
"""Seconds a message may take to the broker, and again to a member."""

SLOWEST = 3.0
"""Seconds until everybody is back after a restarted broker."""

KEEPALIVE = 2.0
GRACE = 2.0
ABSENCE = 5.0
TICK = 0.25

Status = tuple[Peer, bool]
Payload = Status | Claim | int


@dataclass
class Emulator:
    """A member with its connection to the broker."""

    member: Member
    starts: Callable[[str], bool]
    alive: bool = True
    online: bool = False
    session: int = 0  # what was on its way in an earlier one is lost
    hears_offers: bool = False
    arrived: dict[str, float] = field(default_factory=dict)  # the last message of each topic
    running: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.member.me.emulator


class Chance(Protocol):
    """Where a simulation's numbers come from, such as hypothesis' `randoms`."""

    def uniform(self, a: float, b: float) -> float:
        """A number from `a` to `b`."""
        ...


class Dice:
    """The same numbers in every run."""

    def __init__(self, seed: int) -> None:
        self._entropy = Seeded(seed)

    def uniform(self, a: float, b: float) -> float:
        """A number from `a` to `b`."""
        drawn = int.from_bytes(self._entropy.bytes(4, label="dice"), "big")
        return a + (b - a) * drawn / (1 << 32)


class World:
    """The broker, its clients and a clock.

    Messages of one topic from one client keep their order, as MQTT has it; others do not.
    """

    def __init__(self, chance: Chance, devices: Iterable[str]) -> None:
        self.now = 0.0
        self.devices = list(devices)
        self.emulators: list[Emulator] = []
        self._chance = chance
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._retained: dict[str, Payload] = {}
        self._up = True
        self._next_taker = 0

    def join(
        self, name: str, *, room: int | None = None, starts: Callable[[str], bool] = lambda _: True
    ) -> Emulator:
        """An emulator starts, and connects."""
        me = Peer(f"{name}-{next(self._number)}", name, f"{self.now:012.3f}", room)
        member = Member(me, self.devices, grace=GRACE, absence=ABSENCE, keepalive=KEEPALIVE)
        emulator = Emulator(member, starts)
        self.emulators.append(emulator)
        self._connect(emulator)
        self._later(TICK, lambda: self._tick(emulator))
        return emulator

    def kill(self, emulator: Emulator) -> None:
        """An emulator ends without a word; the broker tells its last will."""
        emulator.alive = False
        emulator.running.clear()
        self._drop(emulator)

    def cut(self, emulator: Emulator, seconds: float) -> None:
        """An emulator and the broker lose each other for a while."""
        self._drop(emulator)
        emulator.member.disconnected()
        self._later(seconds, lambda: self._connect(emulator))

    def restart(self, seconds: float, *, forgets: bool) -> None:
        """The broker is killed, and comes back; it tells no last wills."""
        self._up = False
        if forgets:
            self._retained.clear()
        for one in self.living:
            one.online, one.hears_offers = False, False
            one.session += 1
            one.member.disconnected()

        def back() -> None:
            self._up = True
            for one in self.living:
                self._later(self._chance.uniform(0, SLOWEST), partial(self._connect, one))

        self._later(seconds, back)

    @property
    def living(self) -> list[Emulator]:
        return [one for one in self.emulators if one.alive]

    def owners(self, device: str) -> list[str]:
        """The living emulators that serve it."""
        return [one.name for one in self.living if device in one.running]

    def owner(self, device: str) -> str:
        """Whom the broker has retained as its owner."""
        claim = self._retained[f"owner/{device}"]
        assert isinstance(claim, Claim)
        return claim.emulator

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        while self._events and self._events[0][0] <= until:
            self.now, _, act = heapq.heappop(self._events)
            act()
        self.now = until

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._number), act))

    def _connect(self, emulator: Emulator) -> None:
        if not (emulator.alive and self._up) or emulator.online:
            return
        emulator.online = True
        emulator.session += 1
        emulator.arrived.clear()
        for topic, payload in self._retained.items():
            self._deliver(emulator, topic, payload)
        self._act(emulator, emulator.member.connected(self.now))

    def _drop(self, emulator: Emulator) -> None:
        if emulator.online:
            emulator.online, emulator.hears_offers = False, False
            emulator.session += 1
            self._arrive(f"status/{emulator.name}", (emulator.member.me, False), retain=True)

    def _tick(self, emulator: Emulator) -> None:
        if emulator.alive:
            self._act(emulator, emulator.member.tick(self.now))
            self._later(TICK, lambda: self._tick(emulator))

    def _publish(
        self, emulator: Emulator, topic: str, payload: Payload, *, retain: bool = True
    ) -> None:
        def arrive() -> None:
            if emulator.session == session and emulator.online:
                self._arrive(topic, payload, retain=retain)

        session = emulator.session
        self._later(self._when(emulator, f"to {topic}"), arrive)

    def _when(self, emulator: Emulator, way: str) -> float:
        """How long a message takes: not to be there before the last one of its topic."""
        at = max(self.now + self._chance.uniform(0, LATEST), emulator.arrived.get(way, 0.0))
        emulator.arrived[way] = at
        return at - self.now

    def _arrive(self, topic: str, payload: Payload, *, retain: bool) -> None:
        if not self._up:
            return
        if retain:
            self._retained[topic] = payload
        hearers = [one for one in self.living if one.online]
        if topic.startswith("offer/"):
            hearers = [one for one in hearers if one.hears_offers]
            self._next_taker += 1
            hearers = hearers[self._next_taker % len(hearers) :][:1] if hearers else []
        for one in hearers:
            self._deliver(one, topic, payload)

    def _deliver(self, emulator: Emulator, topic: str, payload: Payload) -> None:
        def arrive() -> None:
            if emulator.alive and emulator.online and emulator.session == session:
                self._hear(emulator, topic, payload)

        session = emulator.session
        self._later(self._when(emulator, f"from {topic}"), arrive)

    def _hear(self, emulator: Emulator, topic: str, payload: Payload) -> None:
        member, name = emulator.member, topic.partition("/")[2]
        if isinstance(payload, Claim):
            actions = member.owned(name, payload, self.now)
        elif isinstance(payload, int):
            actions = member.offered(name, payload, self.now)
        else:
            peer, online = payload
            actions = member.told(peer, online=online, now=self.now)
        self._act(emulator, actions)

    def _act(self, emulator: Emulator, actions: list[Action]) -> None:
        me, room = emulator.member.me, emulator.member.room
        told = Peer(me.id, me.emulator, me.since, room)
        for action in actions:
            match action:
                case Announce():
                    self._publish(emulator, f"status/{me.emulator}", (told, True))
                case Beat():
                    self._publish(emulator, f"alive/{me.emulator}", (told, True), retain=False)
                case Lost(name, number):
                    lost = (Peer(number, name, ""), False)
                    self._publish(emulator, f"status/{name}", lost)
                case Hear(offers):
                    emulator.hears_offers = offers
                case Offer(device, term):
                    self._publish(emulator, f"offer/{device}", term, retain=False)
                case Own(device, claim):
                    self._publish(emulator, f"owner/{device}", claim)
                case Start(device):
                    self._start(emulator, device)
                case Stop(device):
                    emulator.running.discard(device)

    def _start(self, emulator: Emulator, device: str) -> None:
        if emulator.starts(device):
            emulator.running.add(device)
        else:
            self._act(emulator, emulator.member.failed(device, self.now))
