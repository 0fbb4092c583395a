"""Measuring several things by turns, so that a busy machine slows all of them alike."""

import statistics
import time
from collections.abc import Callable

BLOCKS = 12
BLOCK = 100
BLOCK_SECONDS = 0.3
WARM_UP = 3

Subject = Callable[[], float]
"""Does something once, and returns how many seconds of it count."""


def timed(done: Callable[[], object]) -> Subject:
    """All of what `done` takes counts."""

    def subject() -> float:
        began = time.perf_counter()
        done()
        return time.perf_counter() - began

    return subject


def blocks(subjects: dict[str, Subject]) -> dict[str, float]:
    """The median microseconds of each subject, measured in blocks by turns."""
    times: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(BLOCKS):
        for name, subject in subjects.items():
            until = time.perf_counter() + BLOCK_SECONDS
            for count in range(WARM_UP + BLOCK):
                taken = subject()
                if count >= WARM_UP:
                    times[name].append(taken * 1e6)
                    if time.perf_counter() > until:
                        break
    return {name: statistics.median(taken) for name, taken in times.items()}


def alternating(one: Subject, other: Subject) -> float:
    """How many times as long `other` takes as `one`: medians of calls by turns.

    Two servers that differ by little are told apart by this alone: blocks of theirs meet caches and
    clock rates that differ by more.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(BLOCKS * BLOCK):
        for subject, taken in zip((one, other), times, strict=True):
            taken.append(subject())
    return statistics.median(times[1]) / statistics.median(times[0])
