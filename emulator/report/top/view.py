"""Which devices are shown, in which order, and the keys that change that."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from emulator.report.top.rates import Row

SORTS: dict[str, Callable[[Row], tuple[float, ...]]] = {
    "requests": lambda row: (row.rates.requests, row.counts.requests),
    "errors": lambda row: (row.rates.errors + row.rates.silent, row.counts.errors),
    "faults": lambda row: (row.rates.fired, row.counts.fired, row.armed),
    "connections": lambda row: (row.connections, row.rates.requests),
    "name": lambda _: (),
}
"""By what devices can be sorted, most first; those that are equal go by their names."""

_ENTER = frozenset("\r\n")
_ERASE = frozenset("\x7f\b")
_ESCAPE = "\x1b"
_LONGEST_FILTER = 40


@dataclass
class View:
    """What a person has chosen to see.

    Attributes:
        sort: by what devices are sorted, of SORTS.
        filter: part of a device's name, or a pattern; empty: all devices.
        editing: the filter is being typed.
    """

    sort: str = "requests"
    filter: str = ""
    editing: bool = False

    def press(self, key: str) -> bool:
        """Heed a key; False: it is the one that ends it all."""
        if self.editing:
            self._type(key)
        elif key == "q":
            return False
        elif key == "s":
            names = list(SORTS)
            self.sort = names[(names.index(self.sort) + 1) % len(names)]
        elif key == "f":
            self.editing = True
        elif key == _ESCAPE:
            self.filter = ""
        return True

    def _type(self, key: str) -> None:
        if key in _ENTER:
            self.editing = False
        elif key == _ESCAPE:
            self.editing, self.filter = False, ""
        elif key in _ERASE:
            self.filter = self.filter[:-1]
        elif key.isprintable() and len(self.filter) < _LONGEST_FILTER:
            self.filter += key

    def covers(self, name: str) -> bool:
        """Whether the device of this name is shown."""
        if any(one in self.filter for one in "*?["):
            return fnmatchcase(name.casefold(), self.filter.casefold())
        return self.filter.casefold() in name.casefold()

    def chosen(self, rows: Iterable[Row]) -> list[Row]:
        """The rows to show, in their order."""
        value = SORTS[self.sort]
        wanted = (row for row in rows if self.covers(row.name))
        named = sorted(wanted, key=lambda row: _natural(row.name))
        return sorted(named, key=value, reverse=True)


def _natural(name: str) -> list[tuple[int, str]]:
    """What names are sorted by, their numbers as numbers: nvme-2 before nvme-10."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(one), "") if number % 2 else (0, one) for number, one in enumerate(parts)]
