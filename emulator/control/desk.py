"""What operations work on: the devices of this process, and what goes with them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from emulator.control.hub import Hub
from emulator.control.port import ControlError, matches
from emulator.control.recordings import Recordings
from emulator.forms.words import shown, suggestion
from emulator.serve.fleet import Fleet, Served

Reload = Callable[[], Awaitable[Mapping[str, list[str]]]]
"""Reads the fleet's file again and applies it: the devices added, removed, changed, unchanged."""

_LISTED = 8


class Desk:
    """The devices of a process, who is told of them, and what records them.

    Attributes:
        fleet: the devices.
        hub: where their events are told.
        recordings: what records them.
        clock: tells the time, timezone-aware.
        reload: reads the fleet's file again; None: there is none.
        stop: ends the emulator; None: nothing may.
    """

    def __init__(
        self,
        fleet: Fleet,
        hub: Hub,
        recordings: Recordings,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.fleet = fleet
        self.hub = hub
        self.recordings = recordings
        self.clock = clock
        self.reload: Reload | None = None
        self.stop: Callable[[], None] | None = None

    def devices(self, patterns: Sequence[str]) -> list[Served]:
        """The devices of these names and patterns. Raises ControlError where one fits none."""
        check_patterns(patterns, list(self.fleet.served))
        return [one for one in self.fleet if matches(one.name, patterns)]


def check_patterns(patterns: Sequence[str], names: Sequence[str]) -> None:
    """Raise ControlError where one of the patterns fits none of the names of devices."""
    for pattern in patterns:
        # "*" is every device there is, be it none.
        if pattern != "*" and not any(matches(name, (pattern,)) for name in names):
            hint = suggestion(pattern, names)
            there = ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
            raise ControlError(
                "not-found",
                f"devices: found {shown(pattern)}; expected a device of"
                f" {there or 'none, as there is none'}{hint}",
            )
