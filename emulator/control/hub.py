"""Where events meet: told once, heard by every subscriber that wants them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from emulator.control.port import ALL, QUEUED, Subscription, Wanted
from emulator.events import Event, Trouble, stamped


class Hub:
    """The events of one emulator.

    Attributes:
        name: what the emulator is called.
        told: how many events there were.
        interest: called when somebody begins or ends to listen.
    """

    def __init__(self, name: str, *, clock: Callable[[], datetime]) -> None:
        """`clock`: tells the time, timezone-aware."""
        self.name = name
        self.told = 0
        self.interest: Callable[[], None] = lambda: None
        self._clock = clock
        self._subscriptions: set[Subscription] = set()

    @property
    def listening(self) -> bool:
        """Whether anybody hears; if not, nothing need be told."""
        return bool(self._subscriptions)

    def tell(self, event: Event) -> None:
        """Tell an event to all who want it. Nobody is waited for."""
        sequence, self.told = self.told, self.told + 1
        if self._subscriptions:
            now = self._clock().astimezone(UTC).isoformat(timespec="microseconds")
            made = stamped(
                event, time=now.replace("+00:00", "Z"), emulator=self.name, sequence=sequence
            )
            for subscription in self._subscriptions:
                subscription.offer(made)

    def trouble(self, what: str) -> None:
        """Tell that something went wrong."""
        self.tell(Trouble(what=what))

    def relay(self, made: dict[str, Any]) -> None:
        """Tell an event that a part of this emulator has told, as its own."""
        sequence, self.told = self.told, self.told + 1
        made |= {"emulator": self.name, "sequence": sequence}
        for subscription in self._subscriptions:
            subscription.offer(made)

    def subscribe(self, wanted: Wanted = ALL, *, limit: int = QUEUED) -> Subscription:
        """Hear of the events to come."""
        subscription = Subscription(wanted, limit=limit, closed=self._left)
        self._subscriptions.add(subscription)
        self.interest()
        return subscription

    def _left(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)
        self.interest()

    def close(self) -> None:
        """Let every subscription end."""
        for subscription in list(self._subscriptions):
            subscription.close()
