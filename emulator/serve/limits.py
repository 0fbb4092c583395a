"""What keeps peers within their limits: pure parts for the shell."""

import contextlib
import resource

from emulator.transport.stream import Cutter

BACKLOG = 128
"""Connections the system may keep until they are accepted, and that are accepted in one go."""
_OTHERS = 64
"""Descriptors for everything that is no connection."""


class Bucket:
    """So many requests a second, and as many at once; the times are of any steady clock."""

    def __init__(self, rate: float) -> None:
        """`rate`: requests a second, above 0."""
        self._interval = 1 / rate
        self._ahead = max(0.0, 1 - self._interval)
        self._next = 0.0

    def wait(self, now: float) -> float:
        """Seconds until a request may be taken; 0: at once."""
        return max(0.0, self._next - self._ahead - now)

    def take(self, now: float) -> None:
        """Count a request."""
        self._next = max(self._next, now) + self._interval


class Intake:
    """What a peer sent and its endpoint was not given yet: less than is read at once."""

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self._cutter = Cutter()

    @property
    def held(self) -> int:
        """Bytes that wait."""
        return len(self._data) - self._at

    def add(self, data: bytes) -> None:
        """Take what was read."""
        self._data = self._data[self._at :] + data if self.held else data
        self._at = 0

    def next(self) -> tuple[bytes, bool]:
        """What is there of the next frame, and whether that is to its end."""
        start = self._at
        self._at, whole = self._cutter.cut(self._data, start)
        data = self._data[start : self._at]
        if not self.held:
            self.clear()
        return data, whole

    def clear(self) -> None:
        """Forget what waits."""
        self._data, self._at = b"", 0


class Seldom:
    """Lets through the first of many alike, then one an interval."""

    def __init__(self, interval: float) -> None:
        """`interval`: seconds between two."""
        self._interval = interval
        self._next = 0.0
        self._withheld = 0

    def due(self, now: float) -> int:
        """How many this one stands for; 0 where it is withheld."""
        self._withheld += 1
        if now < self._next:
            return 0
        self._next = now + self._interval
        found, self._withheld = self._withheld, 0
        return found


class Admission:
    """How many connections a process has, over all its devices.

    Attributes:
        most: how many it takes.
        open: how many there are.
    """

    def __init__(self, most: int | None = None) -> None:
        """`most`: None for as many as there are descriptors for."""
        self.most = descriptors() if most is None else most
        self.open = 0

    def enter(self) -> bool:
        """Count one more connection, if there is room for it."""
        if self.open >= self.most:
            return False
        self.open += 1
        return True

    def leave(self) -> None:
        """Count one less."""
        self.open -= 1


def raise_descriptor_limit() -> None:
    """Allow as many open sockets as the system lets us: silent peers are cheap to keep."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def descriptors() -> int:
    """How many connections the limit of descriptors lets a process have.

    Those to be refused need one, too, and as many as wait may be accepted in one go.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(soft // 2, soft - BACKLOG - _OTHERS)
