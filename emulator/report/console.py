"""Drawing a verdict and a conversation on a terminal.

On a terminal that shows Unicode there are marks, arrows and colours; anywhere else the output is
plain ASCII, so it survives pipes, logs and old locales. Nothing is wider than the console.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from emulator.report.conversation import Conversation
from emulator.requester import Direction, Step, Verdict
from emulator.wire import render

_NAME_WIDTH = 26
_MESSAGE_WIDTH = 23
_SIZE_WIDTH = 7
_INDENT = 6

_STYLES: Mapping[bool | None, str] = {True: "green", False: "bold red", None: "dim"}
_MARKS: Mapping[bool | None, str] = {True: "✓", False: "✗", None: "-"}
_PLAIN_MARKS: Mapping[bool | None, str] = {True: "ok", False: "FAIL", None: "--"}
_ARROWS = {Direction.REQUEST: "→", Direction.REPLY: "←"}
_PLAIN_ARROWS = {Direction.REQUEST: "->", Direction.REPLY: "<-"}


class ConsoleReport:
    """Draws on one console; it is also an observer of conversations."""

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        """With `verbose` every message is followed by its fields."""
        self._console = console
        self._verbose = verbose
        self._conversation = Conversation()
        utf = console.encoding.lower().replace("-", "").startswith("utf8")
        self._rich = utf and console.is_terminal

    def __call__(self, direction: Direction, raw: bytes) -> None:
        """Draw one SPDM message as it passes."""
        told = self._conversation.tell(direction, raw)
        arrow = (_ARROWS if self._rich else _PLAIN_ARROWS)[direction]
        style = "cyan" if direction is Direction.REQUEST else ""
        row = self._grid(3, _MESSAGE_WIDTH, _SIZE_WIDTH)
        row.add_row(
            self._text(arrow, style),
            self._text(told.name, style),
            Text(f"{told.size} B", justify="right"),
            self._text(told.meaning),
        )
        self._console.print(row)
        if self._verbose and told.layout is not None:
            for line in render(told.layout, raw, told.shape).splitlines():
                self._indented(line)

    def verdict(self, verdict: Verdict) -> None:
        """Draw all steps, what was measured, and the outcome."""
        for step in verdict.steps:
            self._step(step)
        failed = [step.name for step in verdict.steps if step.ok is False]
        skipped = sum(step.ok is None for step in verdict.steps)
        passed = len(verdict.steps) - len(failed) - skipped
        detail = f"{passed} passed, {len(failed)} failed, {skipped} not judged"
        if failed:
            detail += f"; failed: {', '.join(failed)}"
        self._step(Step("VERDICT", verdict.ok, detail))

    def _step(self, step: Step) -> None:
        mark = (_MARKS if self._rich else _PLAIN_MARKS)[step.ok]
        style = _STYLES[step.ok]
        row = self._grid(2 if self._rich else 4, _NAME_WIDTH)
        row.add_row(self._text(mark, style), self._text(step.name, style), self._text(step.detail))
        self._console.print(row)
        for one in step.evidence.get("measurements", ()):
            self._measurement(one)

    def _measurement(self, one: Mapping[str, Any]) -> None:
        kind = one["type_name"] or f"type {one['type']}"
        how = "raw" if one["raw"] else "digest"
        self._indented(f"{one['index']:3}  {kind}, {how}: {one['value']}")

    def _grid(self, *widths: int) -> Table:
        """A row of columns of these widths and one that takes what is left, folding its text."""
        grid = Table.grid(padding=(0, 1), expand=True)
        for width in widths:
            grid.add_column(width=width, overflow="fold")
        grid.add_column(ratio=1, overflow="fold")
        return grid

    def _indented(self, line: str) -> None:
        row = self._grid(_INDENT)
        row.add_row("", self._text(line, "dim"))
        self._console.print(row)

    def _text(self, text: str, style: str = "") -> Text:
        """Text as this console can show it; markup in it is just text."""
        if not self._rich:
            text = text.replace("…", "...").encode("ascii", "backslashreplace").decode()
        return Text(text, style=style)
