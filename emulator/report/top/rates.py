"""What devices do a second: the difference of two looks at what they have counted."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

NO_CHANGE = 1e-6
"""Seconds between two looks below which nothing can be said of a rate."""


@dataclass(frozen=True)
class Sample:
    """One look at an emulator.

    Attributes:
        at: when, in seconds of a clock that only goes forward.
        info: what `emulator.info` said.
        devices: what `devices.list` said.
    """

    at: float
    info: Mapping[str, Any]
    devices: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Rates:
    """What was done, or is done a second.

    Attributes:
        requests: requests that came.
        errors: how many of them were refused.
        silent: how many had no response.
        fired: how often a fault reached in.
    """

    requests: float = 0
    errors: float = 0
    silent: float = 0
    fired: float = 0

    def __add__(self, other: "Rates") -> "Rates":
        return Rates(
            self.requests + other.requests,
            self.errors + other.errors,
            self.silent + other.silent,
            self.fired + other.fired,
        )

    def as_json(self) -> dict[str, float]:
        """The numbers by their names, to a tenth."""
        return {name: round(value, 1) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Row:
    """A device, or several together.

    Attributes:
        name: the device's name.
        address: where it listens.
        profile: what it was made from.
        connections: how many connections are open.
        armed: how many fault rules are armed.
        counts: what it has done so far.
        rates: what it does a second.
    """

    name: str
    address: str = ""
    profile: str = ""
    connections: int = 0
    armed: int = 0
    counts: Rates = Rates()
    rates: Rates = Rates()


def rows(before: Sample | None, after: Sample) -> list[Row]:
    """The devices there are, with what each did a second between two looks.

    A device that is new, or has counted from zero again, did all it has counted in between. Without
    an earlier look nothing is known to be done.
    """
    return [_row(name, before, after) for name in after.devices]


def total(name: str, several: Iterable[Row]) -> Row:
    """Several devices together, under a name."""
    connections = armed = 0
    counts = rates = Rates()
    for one in several:
        connections += one.connections
        armed += one.armed
        counts += one.counts
        rates += one.rates
    return Row(name, connections=connections, armed=armed, counts=counts, rates=rates)


def _row(name: str, before: Sample | None, after: Sample) -> Row:
    now = after.devices[name]
    counts = _counts(now)
    rates = Rates()
    if before is not None and after.at - before.at > NO_CHANGE:
        rates = _each_second(_counts(before.devices.get(name, {})), counts, after.at - before.at)
    return Row(
        name=name,
        address=now.get("address", ""),
        profile=now.get("profile", ""),
        connections=now.get("connections", 0),
        armed=now.get("faults", 0),
        counts=counts,
        rates=rates,
    )


def _counts(device: Mapping[str, Any]) -> Rates:
    return Rates(*(device.get(name, 0) for name in ("requests", "errors", "silent", "fired")))


def _each_second(was: Rates, now: Rates, seconds: float) -> Rates:
    start = Rates() if now.requests < was.requests else was
    return Rates(
        *(
            max(0, later - earlier) / seconds
            for earlier, later in zip(asdict(start).values(), asdict(now).values(), strict=True)
        )
    )
