"""The events that wait in a session until its requester lets the device tell them.

A full queue forgets what waits and tells EventLost in its place: the last event that was
acknowledged, and the last that was lost (libspdm `include/industry_standard/spdm.h`,
`spdm_dmtf_event_type_event_lost_t`).
"""

from dataclasses import dataclass

from emulator.spdm.messages.events import EventType

_NUMBER = 4


@dataclass(frozen=True, slots=True)
class Notice:
    """One event: its number in the session, from 1, its type, and what it tells."""

    number: int
    kind: EventType
    detail: bytes


class Notices:
    """What is subscribed to in one session, and what waits to be told."""

    def __init__(self, limit: int) -> None:
        """Hold at most `limit` events; none is wanted yet."""
        self.wanted: frozenset[EventType] = frozenset()
        self.waiting: tuple[Notice, ...] = ()
        self._limit = limit
        self._last = 0
        self._acknowledged = 0

    def subscribe(self, wanted: frozenset[EventType]) -> None:
        """Want these types from now on; what waits is told still, unless none is wanted."""
        self.wanted = wanted
        if not wanted:
            self.waiting = ()

    def add(self, kind: EventType, detail: bytes) -> None:
        """Something happened; it waits, if it is wanted."""
        if kind not in self.wanted:
            return
        if len(self.waiting) >= self._limit:
            self._last += 1  # the number of the one that is lost with those that wait
            lost = self._acknowledged.to_bytes(_NUMBER, "little")
            lost += self._last.to_bytes(_NUMBER, "little")
            self.waiting = ()
            kind, detail = EventType.EVENT_LOST, lost
        self._last += 1
        self.waiting = (*self.waiting, Notice(self._last, kind, detail))

    def acknowledge(self, number: int) -> None:
        """Every event up to `number` was told."""
        self._acknowledged = max(self._acknowledged, number)
        self.waiting = tuple(one for one in self.waiting if one.number > number)
