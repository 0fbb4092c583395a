"""What a program under test printed: its end, and the lines that decide something."""

import re
from collections.abc import Sequence

TAIL = 16 << 10
"""Bytes of the output that are kept, the last."""

LONGEST_LINE = 16 << 10
"""Bytes after which a line is taken for whole."""

_REPORTS = (
    ("AddressSanitizer", r"ERROR: AddressSanitizer"),
    ("LeakSanitizer", r"ERROR: LeakSanitizer"),
    ("MemorySanitizer", r"WARNING: MemorySanitizer"),
    ("ThreadSanitizer", r"WARNING: ThreadSanitizer"),
    ("UndefinedBehaviorSanitizer", r"runtime error: |ERROR: UndefinedBehaviorSanitizer"),
    (
        "valgrind",
        (
            r"^==\d+== (?:Invalid (?:read|write|free)|Conditional jump|Use of uninitialised"
            r"|Process terminating|.*uninitialised byte|ERROR SUMMARY: [1-9])"
        ),
    ),
    ("a Rust panic", r"^thread '.*' (?:\(\d+\) )?panicked at"),
    ("a Go panic", r"^panic: |^goroutine \d+ \[running"),
    ("a Python traceback", r"^Traceback \(most recent call last\)"),
    (
        "an abort of the C library",
        (
            r"\*\*\* stack smashing detected|^(?:double free|free\(\)|malloc\(\)|munmap_chunk\(\)"
            r"|corrupted (?:size|double-linked)|realloc\(\))|Assertion [`'].*failed"
        ),
    ),
)
_NAMES = [name for name, _ in _REPORTS]
_REPORT = re.compile("|".join(f"({pattern})" for _, pattern in _REPORTS))


class Output:
    """The output so far.

    Attributes:
        report: the first line that a sanitizer or a language's runtime reports a bug by, and who
            does; '' while there is none.
        matched: the first line that each pattern was found in.
    """

    def __init__(self, patterns: Sequence[re.Pattern[str]] = ()) -> None:
        """`patterns`: looked for in every line."""
        self.report = ""
        self.matched: dict[re.Pattern[str], str] = {}
        self._patterns = patterns
        self._tail = bytearray()
        self._line = bytearray()

    def feed(self, data: bytes) -> None:
        """Take more of it."""
        self._tail += data
        del self._tail[:-TAIL]
        *lines, rest = (bytes(self._line) + data).split(b"\n")
        for line in lines:
            self._take(line)
        self._line = bytearray(rest)
        if len(self._line) > LONGEST_LINE:
            self.end()

    def end(self) -> None:
        """What came last is a line, too."""
        if self._line:
            self._take(bytes(self._line))
            self._line.clear()

    @property
    def tail(self) -> str:
        """The end of it, as text."""
        return self._tail.decode(errors="replace")

    def _take(self, raw: bytes) -> None:
        line = raw.decode(errors="replace").rstrip("\r")
        if not self.report and (found := _REPORT.search(line)):
            who = _NAMES[(found.lastindex or 1) - 1]
            self.report = f"{who}: {line.strip()}"
        for pattern in self._patterns:
            if pattern not in self.matched and pattern.search(line):
                self.matched[pattern] = line.strip()
