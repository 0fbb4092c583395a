"""The columns of the table of devices: which of them fit, and how their values are written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from emulator.report.top.rates import Row

NARROWEST_NAME = 16
WIDEST_NAME = 32
_GAP = "  "
_SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_WHOLE = 1e5
_RATE = 1e4
_LEAST_RATE = 0.05


def counted(value: float) -> str:
    """A count in at most six characters: 99999, 123.4k."""
    return str(int(value)) if value < _WHOLE else _scaled(value)


def rate(value: float) -> str:
    """A rate in at most six characters: a dash for none, 12.3, 123.4k."""
    if value < _LEAST_RATE:
        return "-"
    return f"{value:.1f}" if value < _RATE else _scaled(value)


def _scaled(value: float) -> str:
    size, unit = next((size, unit) for size, unit in _SCALES if value >= size)
    return f"{value / size:.1f}{unit}"


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        head: what stands above it.
        width: how many columns of the screen it takes.
        cell: what it says of a row.
        right: whether it is aligned to the right.
        style: the style of a cell that says something of this row.
    """

    head: str
    width: int
    cell: Callable[[Row], str]
    right: bool = True
    style: str = ""

    def fit(self, text: str) -> str:
        """The text in the column's width; what does not fit is cut."""
        if cell_len(text) > self.width:
            return set_cell_size(text, self.width - 1) + "…"
        return text.rjust(self.width) if self.right else set_cell_size(text, self.width)


COLUMNS = (
    Column("CONN", 4, lambda row: counted(row.connections)),
    Column("REQ/S", 6, lambda row: rate(row.rates.requests), style="bold"),
    Column("ERR/S", 6, lambda row: rate(row.rates.errors), style="yellow"),
    Column("SILENT/S", 8, lambda row: rate(row.rates.silent), style="yellow"),
    Column("FAULT/S", 7, lambda row: rate(row.rates.fired), style="red"),
    Column("ARMED", 5, lambda row: counted(row.armed)),
    Column("REQUESTS", 8, lambda row: counted(row.counts.requests)),
    Column("ERRORS", 6, lambda row: counted(row.counts.errors)),
    Column("FAULTS", 6, lambda row: counted(row.counts.fired)),
    Column("ADDRESS", 22, lambda row: row.address, right=False, style="dim"),
    Column("PROFILE", 18, lambda row: row.profile, right=False, style="dim"),
)
"""All columns beside the name, in their order on the screen."""

_MATTERS = (
    *("CONN", "REQ/S", "ERR/S", "FAULT/S", "REQUESTS", "ARMED", "SILENT/S"),
    *("ADDRESS", "ERRORS", "FAULTS", "PROFILE"),
)
"""The heads of the columns, what matters most first: they are left out from the end."""


def fitting(width: int, names: Sequence[str]) -> list[Column]:
    """The columns that fit into a width, the name first."""
    longest = max((cell_len(name) for name in names), default=0)
    name = min(max(longest, NARROWEST_NAME), WIDEST_NAME)
    by_head = {column.head: column for column in COLUMNS}
    chosen: set[str] = set()
    used = name
    for head in _MATTERS:
        used += by_head[head].width + len(_GAP)
        if used > width:
            break
        chosen.add(head)
    first = Column("DEVICE", min(name, width), lambda row: row.name, right=False)
    return [first, *(column for column in COLUMNS if column.head in chosen)]


def heading(columns: Sequence[Column]) -> str:
    """The line above the table."""
    return _GAP.join(column.fit(column.head) for column in columns)


def line(columns: Sequence[Column], row: Row, *, style: str = "") -> Text:
    """A row of the table; what says nothing is dim."""
    text = Text(style=style)
    for number, column in enumerate(columns):
        cell = column.cell(row)
        own = "dim" if cell in {"-", "0"} else column.style
        text.append(_GAP if number else "").append(column.fit(cell), own if not style else "")
    return text
