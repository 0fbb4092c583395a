"""Computations too slow to be made where they are met.

What has to wait for one is a path: a generator that yields the work and is given its result. Who
drives it says where the work is done; `finish` does it at once.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from emulator.errors import Unspecified

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Work:
    """One computation. It may be made in another thread: all it needs was taken before.

    Attributes:
        label: what it is, for people.
        run: makes it.
    """

    label: str
    run: Callable[[], object]

    def carry_out(self) -> object:
        """The result, or the exception there was instead of one: a thread must not lose it."""
        try:
            return self.run()
        except Exception as error:  # noqa: BLE001 - whatever it is, a path goes on from it
            return error


Path = Generator[Work, Any, _T]
"""Goes on by the result of each piece of work it yields, and comes to a `T`."""


def go_on(path: Path[_T], work: Work | None = None, result: object = None) -> Work:
    """Give a path the result of `work`, or the exception, or begin it; its next work.

    Raises StopIteration with what the path comes to. To the path, an exception is Unspecified.
    """
    if work is not None and isinstance(result, Exception):
        return path.throw(Unspecified(f"{work.label} failed: {result}"))
    return path.send(result)


def finish(path: _T | Path[_T]) -> _T:
    """What a path comes to, its work done where it is met; what is there already, as it is."""
    if not isinstance(path, Generator):
        return path
    try:
        work = go_on(path)
        while True:
            work = go_on(path, work, work.carry_out())
    except StopIteration as done:
        result: _T = done.value
        return result
