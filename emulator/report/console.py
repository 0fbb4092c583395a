"""Drawing a verdict and a conversation on a terminal.

On a terminal that shows Unicode there are marks, arrows and colours; anywhere else the output is
plain ASCII, so it survives pipes, logs and old locales. Nothing is wider than the console.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from emulator.report.conversation import Conversation
from emulator.requester import Direction, Step, Verdict
from emulator.wire import render

_NAME_WIDTH = 26
_MESSAGE_WIDTH = 23
_SIZE_WIDTH = 5
_PLAIN_WIDTH = 4
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
        head = f"{arrow} {told.name:<{_MESSAGE_WIDTH}}{told.size:{_SIZE_WIDTH}} B  "
        self._put(head, told.meaning, style=style)
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
        width = 1 if self._rich else _PLAIN_WIDTH
        self._put(f"{mark:<{width}} {step.name:<{_NAME_WIDTH}} ", step.detail, style=style)
        for one in step.evidence.get("measurements", ()):
            self._measurement(one)

    def _measurement(self, one: Mapping[str, Any]) -> None:
        kind = one["type_name"] or f"type {one['type']}"
        how = "raw" if one["raw"] else "digest"
        self._indented(f"{one['index']:3}  {kind}, {how}: {one['value']}")

    def _indented(self, line: str) -> None:
        self._put(" " * _INDENT, line, shade="dim")

    def _put(self, head: str, body: str, *, style: str = "", shade: str = "") -> None:
        """Print a head in `style`, and the body in `shade` in the columns that are left."""
        # Appended, as a text's own style would spread to all that follows.
        start = Text().append(self._plain(head), style)
        # Wrapped here, not by the console: one that is piped to does not wrap at all.
        width = max(1, self._console.width - start.cell_len)
        text = Text(self._plain(body), shade)
        lines = text.wrap(self._console, width, overflow="fold") or [Text()]
        for number, line in enumerate(lines):
            before = Text(" " * start.cell_len) if number else start
            told = before.copy().append_text(line)
            told.rstrip()
            self._console.print(told)

    def _plain(self, text: str) -> str:
        """Text as this console can show it."""
        if self._rich:
            return text
        return text.replace("…", "...").encode("ascii", "backslashreplace").decode()
