"""Drawing lines on a terminal: what a console can show, and where lines are broken."""

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from emulator.report.conversation import Told
from emulator.requester import Direction

_MESSAGE_WIDTH = 23
_SIZE_WIDTH = 5
_INDENT = 6
_LEAST_COLUMNS = 16

_ARROWS = {Direction.REQUEST: "→", Direction.REPLY: "←"}
_PLAIN_ARROWS = {Direction.REQUEST: "->", Direction.REPLY: "<-"}


class Drawing:
    """Draws lines on one console.

    Attributes:
        console: the console.
        rich: whether it is a terminal that shows Unicode.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        utf = console.encoding.lower().replace("-", "").startswith("utf8")
        self.rich = utf and console.is_terminal

    def head(self, told: Told) -> str:
        """What a message's line begins with: its way, name and size."""
        arrow = (_ARROWS if self.rich else _PLAIN_ARROWS)[told.direction]
        return f"{arrow} {told.name:<{_MESSAGE_WIDTH}}{told.size:{_SIZE_WIDTH}} B"

    def indented(self, line: str) -> None:
        """Draw a line that belongs to the one above."""
        self.put(" " * _INDENT, line, shade="dim")

    def row(self, head: str, body: str, *, whole: bool) -> None:
        """Draw a row of a table that belongs to the line above; cut to one line if not `whole`."""
        start = " " * _INDENT + head
        left = self.console.width - cell_len(start)
        if left < _LEAST_COLUMNS:  # no room for a table
            self.indented(head + body)
            return
        text = Text(self.plain(body))
        if not whole and text.cell_len > left:
            mark = self.plain("…")
            text.truncate(left - len(mark))
            text.append(mark)
        self.put(start, text.plain, shade="dim")

    def put(self, head: str, body: str, *, style: str = "", shade: str = "") -> None:
        """Draw a head in `style`, and the body in `shade` in the columns that are left."""
        # Appended, as a text's own style would spread to all that follows.
        start = Text().append(self.plain(head), style)
        for number, line in enumerate(self.wrapped(body, start.cell_len, shade)):
            before = Text(" " * start.cell_len) if number else start
            told = before.copy().append_text(line)
            told.rstrip()
            self.console.print(told)

    def wrapped(self, body: str, taken: int, shade: str = "", width: int = 0) -> list[Text]:
        """The body in lines that fit beside `taken` columns of `width`, or of the console."""
        # Wrapped here, not by the console: one that is piped to does not wrap at all.
        left = max(1, (width or self.console.width) - taken)
        text = Text(self.plain(body), shade)
        return list(text.wrap(self.console, left, overflow="fold")) or [Text()]

    def plain(self, text: str) -> str:
        """Text as this console can show it."""
        if self.rich:
            return text
        return text.replace("…", "...").encode("ascii", "backslashreplace").decode()
