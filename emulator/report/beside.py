"""Drawing two conversations: in two columns where there is room, one above the other elsewhere."""

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from emulator.report.conversation import Told
from emulator.report.difference import FieldDifference, Row
from emulator.report.drawing import Drawing

WIDE = 100
"""Columns from which on two conversations stand side by side."""

_GAP = " | "
_INDENT = 6
_ABSENT = "(absent)"


class Beside:
    """Draws rows on one console."""

    def __init__(self, console: Console) -> None:
        self._drawing = Drawing(console)
        self._column = (console.width - len(_GAP)) // 2 if console.width >= WIDE else 0

    def draw(self, left: str, right: str, rows: Sequence[Row]) -> None:
        """Draw two conversations under their titles, and count what differs."""
        if self._column:
            self._columns(f"  {left}", f"  {right}", "bold")
        else:
            self._drawing.put("- ", left, style="bold")
            self._drawing.put("+ ", right, style="bold")
        for row in rows:
            self._row(row)
            for field in row.fields:
                self._field(field)
        self._drawing.put("", _summary(rows), style="")

    def _row(self, row: Row) -> None:
        left, right = self._head(row.left, row.right), self._head(row.right, row.left)
        style = "" if row.same else "yellow"
        if self._column:
            mark = "  " if row.same else "! "
            self._columns(left and mark + left, right and mark + right, style, _INDENT)
        elif row.left is not None and row.right is not None:
            self._drawing.put("  " if row.same else "! ", left, shade=style)
        else:
            self._drawing.put("- " if left else "+ ", left or right, shade=style)

    def _head(self, told: Told | None, other: Told | None) -> str:
        """A message's line; one that stands alone also says what it is about."""
        if told is None:
            return ""
        head = self._drawing.head(told)
        return f"{head}  {told.meaning}".rstrip() if other is None else head

    def _field(self, field: FieldDifference) -> None:
        where = "" if field.at is None else f" from byte {field.at} on"
        name = f"{field.name}{where}: "
        left, right = (_ABSENT if value is None else value for value in (field.left, field.right))
        if self._column:
            indent = " " * _INDENT
            self._columns(indent + name + left, indent + name + right, "", _INDENT + 2)
        else:
            self._drawing.put(" " * _INDENT + "- ", name + left, shade="dim")
            self._drawing.put(" " * _INDENT + "+ ", name + right, shade="dim")

    def _columns(self, left: str, right: str, style: str, hanging: int = 0) -> None:
        """Draw one line of each side, broken where its column ends."""
        sides = [self._cell(text, style, hanging) for text in (left, right)]
        for one, two in zip_longest(*sides, fillvalue=Text()):
            line = one.copy()
            line.pad_right(self._column - one.cell_len)
            line.append(_GAP).append_text(two)
            line.rstrip()
            self._drawing.console.print(line)

    def _cell(self, text: str, style: str, hanging: int) -> list[Text]:
        """The text in lines of the column's width, those after the first further in."""
        body = text.lstrip()
        start = len(text) - len(body)
        if cell_len(text) <= self._column:
            hanging = 0
        first, *rest = self._drawing.wrapped(body, max(start, hanging), style, self._column)
        further = [Text(" " * hanging).append_text(line) for line in rest]
        return [Text(" " * start).append_text(first), *further]


def _summary(rows: Sequence[Row]) -> str:
    if all(row.same for row in rows):
        return f"the same in all {len(rows)} messages"
    only_left = sum(row.right is None for row in rows)
    only_right = sum(row.left is None for row in rows)
    differing = sum(bool(row.fields) for row in rows)
    return (
        f"of {len(rows)} messages {differing} differ, {only_left} are only in the first, "
        f"{only_right} only in the second"
    )
