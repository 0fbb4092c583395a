"""Drawing a verdict and a conversation on a terminal.

On a terminal that shows Unicode there are marks, arrows and colours; anywhere else the output is
plain ASCII, so it survives pipes, logs and old locales. Nothing is wider than the console.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from emulator.report.conversation import Conversation, Told
from emulator.report.drawing import Drawing
from emulator.requester import Direction, Step, Verdict
from emulator.requester.flow import Inside
from emulator.spdm.messages.measured import KINDS
from emulator.wire import render

_NAME_WIDTH = 26
"""Columns of the names of steps, more where one is longer."""

_PLAIN_WIDTH = 4
_KIND_WIDTH = max(map(len, KINDS)) + 2
_HOW_WIDTH = 6
_LONGEST_TEXT = 160
"""Characters up to which what can be read is not cut."""

_STYLES: Mapping[bool | None, str] = {True: "green", False: "bold red", None: "dim"}
_MARKS: Mapping[bool | None, str] = {True: "✓", False: "✗", None: "-"}
_PLAIN_MARKS: Mapping[bool | None, str] = {True: "ok", False: "FAIL", None: "--"}


class ConsoleReport:
    """Draws on one console; it is also an observer of conversations."""

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        """With `verbose` every message is followed by its fields."""
        self._drawing = Drawing(console)
        self._verbose = verbose
        self._conversation = Conversation()

    def __call__(self, direction: Direction, raw: bytes) -> None:
        """Draw one SPDM message as it passes."""
        if isinstance(raw, Inside):
            self.message(self._conversation.tell_inside(direction, raw, raw.session.id))
        else:
            self.message(self._conversation.tell(direction, raw))

    def message(self, told: Told) -> None:
        """Draw one message that was told already."""
        style = "cyan" if told.direction is Direction.REQUEST else ""
        self._drawing.put(f"{self._drawing.head(told)}  ", told.meaning, style=style)
        if self._verbose and told.layout is not None:
            for line in render(told.layout, told.raw, told.shape).splitlines():
                self._drawing.indented(line)
            for one in told.measurements:
                self._measurement(one)

    def remark(self, text: str) -> None:
        """Draw what was remarked on a message, or between two."""
        self._drawing.put("   # ", text, shade="yellow")

    def verdict(self, verdict: Verdict) -> None:
        """Draw all steps, what was measured, and the outcome."""
        width = max([_NAME_WIDTH, *(len(step.name) for step in verdict.steps)])
        for step in verdict.steps:
            self._step(step, width)
        failed = [step.name for step in verdict.steps if step.ok is False]
        skipped = sum(step.ok is None for step in verdict.steps)
        passed = len(verdict.steps) - len(failed) - skipped
        detail = f"{passed} passed, {len(failed)} failed, {skipped} not judged"
        if failed:
            detail += f"; failed: {', '.join(failed)}"
        self._step(Step("VERDICT", verdict.ok, detail), width)

    def _step(self, step: Step, name_width: int) -> None:
        mark = (_MARKS if self._drawing.rich else _PLAIN_MARKS)[step.ok]
        style = _STYLES[step.ok]
        width = 1 if self._drawing.rich else _PLAIN_WIDTH
        self._drawing.put(f"{mark:<{width}} {step.name:<{name_width}} ", step.detail, style=style)
        for one in step.evidence.get("measurements", ()):
            self._measurement(one)

    def _measurement(self, one: Mapping[str, Any]) -> None:
        """One measurement in a row; long bytes and texts are whole only with `verbose`."""
        kind = one["type_name"] or f"type {one['type']}"
        how = "raw" if one["raw"] else "digest"
        head = f"{one['index']:3}  {kind:<{_KIND_WIDTH}}{how:<{_HOW_WIDTH}}{one['size']:5} B  "
        body = one["text"] or one["value"]
        readable = one["text"] is not None and len(body) <= _LONGEST_TEXT
        self._drawing.row(head, body, whole=self._verbose or readable)
