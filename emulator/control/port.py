"""What every carrier of control is given: operations to call and events to hear.

The operations of one process (`local.py`), of several (`workers/`) and of a process at the other
end of a socket (`client.py`) are all called the same way, so that whatever carries them (the
socket, MQTT, a test) knows nothing of where the devices are.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, Protocol, Self

from emulator.errors import EmulatorError

Code = Literal["unknown-operation", "invalid", "not-found", "conflict", "failed"]

QUEUED = 1024
"""Events that wait for a subscriber before the next ones are dropped."""


class ControlError(EmulatorError):
    """An operation was refused, or failed.

    Attributes:
        code: `unknown-operation`; `invalid`: its arguments are wrong; `not-found`: what they name
            is not there; `conflict`: it cannot be done as things stand; `failed`: it went wrong.
        problems: what is wrong, a line each.
    """

    def __init__(self, code: Code, problems: Sequence[str] | str) -> None:
        self.code: Code = code
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("; ".join(self.problems))

    def as_json(self) -> dict[str, Any]:
        """The error as carriers tell it."""
        return {"code": self.code, "message": str(self), "problems": self.problems}


@dataclass(frozen=True)
class Wanted:
    """Which events a subscriber wants: of these devices and kinds, as names or patterns.

    Events that are of no device come with every device pattern.
    """

    devices: tuple[str, ...] = ("*",)
    kinds: tuple[str, ...] = ("*",)

    def covers(self, event: Mapping[str, Any]) -> bool:
        """Whether `event` is wanted."""
        device = event.get("device")
        return matches(event["event"], self.kinds) and (
            device is None or matches(device, self.devices)
        )


ALL = Wanted()
"""Every event."""


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether `name` is one of the names, or fits one of the patterns (`*`, `?`, `[…]`)."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


class Subscription:
    """Events on their way to one subscriber, oldest first; iterate to wait for them.

    Whoever tells them never waits: what does not fit is dropped, and counted. Iteration ends once
    it is closed and empty.

    Attributes:
        wanted: which events it takes.
        dropped: how many of them did not fit.
    """

    def __init__(
        self,
        wanted: Wanted = ALL,
        *,
        limit: int = QUEUED,
        closed: Callable[["Subscription"], None] = lambda _: None,
    ) -> None:
        """`limit`: how many events may wait; `closed` is called once it is closed."""
        self.wanted = wanted
        self.dropped = 0
        self._limit = limit
        self._events: deque[dict[str, Any]] = deque()
        self._some = asyncio.Event()
        self._closed = closed
        self._over = False

    def offer(self, event: dict[str, Any]) -> None:
        """Take an event if it is wanted, or count it as dropped."""
        if self._over or not self.wanted.covers(event):
            return
        if len(self._events) >= self._limit:
            self.dropped += 1
            return
        self._events.append(event)
        self._some.set()

    def take(self) -> list[dict[str, Any]]:
        """All that is waiting, at once."""
        events = list(self._events)
        self._events.clear()
        if not self._over:
            self._some.clear()
        return events

    async def wait(self) -> None:
        """Wait until there is something to take, or it is closed."""
        await self._some.wait()

    def close(self) -> None:
        """Take no more events."""
        if not self._over:
            self._over = True
            self._some.set()
            self._closed(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> dict[str, Any]:
        await self._some.wait()
        if not self._events:
            raise StopAsyncIteration
        event = self._events.popleft()
        if not self._events and not self._over:
            self._some.clear()
        return event


class Control(Protocol):
    """Devices that can be asked and told things while they are served."""

    async def call(self, operation: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Carry out an operation; its result is made of JSON's types. Raises ControlError."""
        ...

    def subscribe(self, wanted: Wanted = ALL, *, limit: int = QUEUED) -> Subscription:
        """Hear of the events to come."""
        ...
