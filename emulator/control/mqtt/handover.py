"""Who serves which device of a fleet that several emulators share. Pure: messages in, actions out.

The oldest emulator that lives, as each sees it, offers devices that nobody has. An offer goes
through a shared subscription, so that one emulator with room gets it; that one claims the device.
A claim is a retained message with a term, one more than the last; of two claims the one of the
higher term holds, and of two of one term the one of the greater id, whatever the order they are
heard in. Whoever sees that its claim does not hold lets the device go; who sees a lesser claim than
its own says its own again, so that what the broker retains is what holds.

Nobody ever stops a device because the broker is away: two emulators that lost sight of each other
may serve the same device until they meet again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

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

SETTLE = 0.5
"""Seconds after connecting until what the broker retained has been heard."""

AGAIN = 2.0
"""Seconds before a device is offered again."""

BARRED = 30.0
"""Seconds for which an emulator takes no device that it could not start."""

MISSED = 2.5
"""Keepalives without a sign of life after which an emulator is lost, whatever the broker says."""

NOBODY = ""


@dataclass(frozen=True, order=True)
class Claim:
    """That a device is an emulator's.

    Attributes:
        term: how often the device was given away.
        id: the emulator's process; empty: it has been let go.
        emulator: its name.
    """

    term: int
    id: str
    emulator: str = field(compare=False)


@dataclass(frozen=True)
class Peer:
    """An emulator as it tells of itself.

    Attributes:
        id: of the process; a name that comes back comes with another one.
        emulator: its name.
        since: when it began, as text that sorts by time.
        room: how many devices more it takes; None: any number.
    """

    id: str
    emulator: str
    since: str
    room: int | None = None


class Member:
    """One emulator's view of the fleet.

    Attributes:
        me: how it tells of itself.
        mine: the devices it serves.
        claims: the claim that holds for each device, as far as it knows.
        peers: the others it believes alive, by id.
    """

    def __init__(
        self, me: Peer, devices: Iterable[str], *, grace: float, absence: float, keepalive: float
    ) -> None:
        """Make it.

        Args:
            me: itself; its room is all it has.
            devices: those of the fleet.
            grace: seconds after the broker is there before a device without a claim is offered.
            absence: the same for one that an emulator has claimed which is not seen: as long as
                emulators may take to be back after a broker.
            keepalive: seconds between signs of life.
        """
        self.me = me
        self.mine: set[str] = set()
        self.claims: dict[str, Claim] = {}
        self.peers: dict[str, Peer] = {}
        self._devices = dict.fromkeys(devices)
        self._grace, self._absence, self._keepalive = grace, absence, keepalive
        self._connected: float | None = None
        self._beaten = 0.0
        self._asserted = False
        self._hearing = False
        self._heard: dict[str, float] = {}  # when each peer was last
        self._gone: set[str] = set()  # ids that are known to be lost
        self._retained: dict[str, Claim] = {}  # what the broker has said since it is there
        self._pending: set[str] = set()  # claimed, and not yet heard of it
        self._offered: dict[str, float] = {}
        self._barred: dict[str, float] = {}

    @property
    def room(self) -> int | None:
        """How many devices more it takes; None: any number."""
        if self.me.room is None:
            return None
        return max(0, self.me.room - len(self.mine | self._pending))

    @property
    def leads(self) -> bool:
        """Whether it is the oldest of those it sees."""
        mine = (self.me.since, self.me.id)
        return all(mine < (peer.since, peer.id) for peer in self.peers.values())

    def connected(self, now: float) -> list[Action]:
        """The broker is there; what it retained follows."""
        self._connected = now
        self._beaten = now
        self._asserted = self._hearing = False
        self.peers.clear()
        self._heard.clear()
        self._retained.clear()
        self._offered.clear()
        return [Announce(), *self._ears()]

    def disconnected(self) -> None:
        """The broker is away. Devices go on."""
        self._connected = None
        self._pending.clear()

    def told(self, peer: Peer, *, online: bool, now: float) -> list[Action]:
        """An emulator's status, or its sign of life."""
        if peer.id == self.me.id:
            return [] if online or self._connected is None else [Announce()]
        if not online:
            self._lose(peer.id)
        else:
            self._gone.discard(peer.id)
            for other in [one for one in self.peers.values() if one.emulator == peer.emulator]:
                if other.id != peer.id:
                    self._lose(other.id)  # it has come back as another process
            self.peers[peer.id] = peer
            self._heard[peer.id] = now
        return self._lead(now)

    def owned(self, device: str, claim: Claim, now: float) -> list[Action]:
        """A claim was published, or the broker retained it."""
        if device not in self._devices:
            return []
        self._retained[device] = claim
        best = self.claims.get(device)
        if best is not None and claim < best:
            # Late, or from somebody who does not know better.
            return [Own(device, best)] if best.id == self.me.id and self._asserted else []
        self.claims[device] = claim
        self._offered.pop(device, None)
        if claim.id == self.me.id:
            self._pending.discard(device)
            return self._take(device, now)
        actions = self._let_go(device)
        return actions if claim.id in self.peers else actions + self._lead(now)

    def offered(self, device: str, term: int, now: float) -> list[Action]:
        """An offer came to this emulator alone."""
        best = self.claims.get(device)
        stale = best is not None and term <= best.term
        if stale or not self._takes(device, now):
            return []
        claim = Claim(term, self.me.id, self.me.emulator)
        self.claims[device] = claim
        self._pending.add(device)
        return [Own(device, claim), Announce(), *self._ears()]

    def failed(self, device: str, now: float) -> list[Action]:
        """A device could not be started: somebody else is to have it."""
        self._barred[device] = now + BARRED
        if device not in self.mine:
            return []
        self.mine.remove(device)
        claim = Claim(self.claims[device].term + 1, NOBODY, "")
        self.claims[device] = claim
        return [Own(device, claim), Announce(), *self._ears()]

    def fleet(self, devices: Iterable[str], now: float) -> list[Action]:
        """The fleet has these devices now."""
        self._devices = dict.fromkeys(devices)
        actions: list[Action] = []
        for device in [one for one in self.claims if one not in self._devices]:
            del self.claims[device]
            actions += self._let_go(device)
        return actions + self._lead(now)

    def tick(self, now: float) -> list[Action]:
        """Time has passed."""
        if self._connected is None:
            return []
        actions: list[Action] = []
        if now >= self._beaten + self._keepalive:
            self._beaten = now
            actions.append(Beat())
        for peer in [one for one in self.peers.values() if self._silent(one, now)]:
            self._lose(peer.id)
            if self.leads:
                actions.append(Lost(peer.emulator, peer.id))
        if not self._asserted and now >= self._connected + SETTLE:
            self._asserted = True
            actions += self._assert(now)
        return actions + self._lead(now)

    def _assert(self, now: float) -> list[Action]:
        """Say what it has, where the broker has not; and let go what it cannot have."""
        actions: list[Action] = []
        for device, claim in list(self.claims.items()):
            if claim.id != self.me.id:
                continue
            if self._retained.get(device) != claim:
                actions.append(Own(device, claim))
                if device not in self.mine:
                    self._pending.add(device)
            elif device not in self.mine:
                actions += self._take(device, now)
        return actions

    def _silent(self, peer: Peer, now: float) -> bool:
        return now > self._heard[peer.id] + MISSED * self._keepalive

    def _lose(self, peer: str) -> None:
        self._gone.add(peer)
        self.peers.pop(peer, None)
        self._heard.pop(peer, None)

    def _takes(self, device: str, now: float) -> bool:
        known = device in self._devices and device not in self.mine | self._pending
        return known and self.room != 0 and self._barred.get(device, now) <= now

    def _take(self, device: str, now: float) -> list[Action]:
        """Start what is its own by a claim that the broker has."""
        if device in self.mine:
            return []
        if self._takes(device, now):
            self.mine.add(device)
            return [Start(device), Announce(), *self._ears()]
        self.claims[device] = free = Claim(self.claims[device].term + 1, NOBODY, "")
        return [Own(device, free)]

    def _let_go(self, device: str) -> list[Action]:
        """It is another's now."""
        self._pending.discard(device)
        if device not in self.mine:
            return self._ears()
        self.mine.remove(device)
        return [Stop(device), Announce(), *self._ears()]

    def _ears(self) -> list[Action]:
        """Hear offers while there is room for devices."""
        wanted = self._connected is not None and self.room != 0
        if wanted == self._hearing:
            return []
        self._hearing = wanted
        return [Hear(wanted)]

    def _lead(self, now: float) -> list[Action]:
        """Offer what nobody has, as far as there is room for it."""
        if self._connected is None or now < self._connected + SETTLE or not self.leads:
            return []
        rooms = [self.room, *(peer.room for peer in self.peers.values())]
        room = None if None in rooms else sum(one or 0 for one in rooms)
        actions: list[Action] = []
        for device in self._devices:
            if room is not None and len(actions) >= room:
                break
            claim = self.claims.get(device)
            if self._waits(device, claim, now):
                continue
            self._offered[device] = now
            actions.append(
                Offer(device, claim.term + 1 if claim else 1, claim.emulator if claim else None)
            )
        return actions

    def _waits(self, device: str, claim: Claim | None, now: float) -> bool:
        """Whether a device is not to be offered now."""
        if now < self._offered.get(device, -AGAIN) + AGAIN:
            return True
        if claim is not None:
            if claim.id in self.peers:
                return True
            if claim.id == self.me.id:
                return device in self.mine or device in self._pending
            if claim.id in self._gone or claim.id == NOBODY:
                return False
        return now < (self._connected or 0.0) + (self._absence if claim else self._grace)
