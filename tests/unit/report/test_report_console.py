"""Verdicts and conversations as they are drawn."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from asking import ROOTS, Host
from chains import AT
from rich.console import Console

from emulator.report import ConsoleReport
from emulator.requester import Direction, Step, Verdict, attest
from emulator.requester.attest import PLAN


def measured(index: int, kind: int, name: str | None, *, raw: bool, value: str) -> dict[str, Any]:
    """A measurement as the evidence of a step has it."""
    return {
        "index": index,
        "type": kind,
        "type_name": name,
        "raw": raw,
        "size": len(value) // 2,
        "value": value,
        "text": None,
    }


AT_NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
VERDICT = Verdict(
    (
        Step("version", ok=True, detail="1.3, of 1.2, 1.3"),
        Step("chain: anchor", ok=False, detail="CN=Grüße [bold]… is neither " + "one " * 20),
        Step("challenge", ok=None, detail="not reached"),
        Step(
            "measurements",
            ok=True,
            detail="2 of 2: index 1, 2",
            evidence={
                "measurements": [
                    measured(1, 0, "immutable-rom", raw=False, value="ab" * 48),
                    measured(254, 0x55, None, raw=True, value="00"),
                ]
            },
        ),
    ),
    AT_NOON,
)  # fmt: skip


class Paper(io.TextIOWrapper):
    """A text stream in memory of a given encoding."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.sheet = io.BytesIO()
        super().__init__(self.sheet, encoding=encoding)

    def text(self) -> str:
        """What was written."""
        self.flush()
        return self.sheet.getvalue().decode(self.encoding)


def drawn(
    verdict: Verdict = VERDICT, *, encoding: str = "utf-8", terminal: bool = False, width: int = 80
) -> str:
    paper = Paper(encoding)
    console = Console(
        file=paper, width=width, force_terminal=terminal, no_color=True, highlight=False
    )
    ConsoleReport(console).verdict(verdict)
    return paper.text()


def test_a_verdict_on_a_terminal() -> None:
    lines = drawn(terminal=True).splitlines()
    assert lines[0] == "✓ version                    1.3, of 1.2, 1.3"
    assert "✗ chain: anchor" in lines[1]
    assert "Grüße [bold]…" in lines[1]
    assert "2 passed, 1 failed, 1 not judged; failed: chain: anchor" in " ".join(
        line.strip() for line in lines[-2:]
    ).replace("\x1b[0m", "")


def test_a_verdict_in_a_pipe_is_plain() -> None:
    text = drawn()
    assert text.isascii()
    lines = text.splitlines()
    assert lines[0] == "ok   version                    1.3, of 1.2, 1.3"
    assert lines[1].startswith(
        r"FAIL chain: anchor              CN=Gr\xfc\xdfe [bold]... is neither"
    )
    assert lines[2].startswith(" " * 32 + "one one")
    assert lines[4] == "--   challenge                  not reached"
    row = "        1  immutable-rom           digest   48 B  "
    assert lines[6] == row + "ab" * 13 + "a..."
    assert lines[7] == "      254  type 85                 raw       1 B  00"
    assert (
        lines[-2]
        == "FAIL VERDICT                    2 passed, 1 failed, 1 not judged; failed: chain:"
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_gets_plain_text(encoding: str) -> None:
    assert "ok   version" in drawn(encoding=encoding, terminal=True)


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("terminal", [False, True])
def test_nothing_is_wider_than_the_console(width: int, *, terminal: bool) -> None:
    for line in drawn(terminal=terminal, width=width).splitlines():
        assert (
            len(line.replace("\x1b[0m", "").replace("\x1b[1m", "").replace("\x1b[2m", "")) <= width
        )
        assert line == line.rstrip()


def test_a_good_verdict_says_so() -> None:
    verdict = Verdict((Step("version", ok=True, detail="1.3"),), AT_NOON)
    assert drawn(verdict).splitlines()[-1] == (
        "ok   VERDICT                    1 passed, 0 failed, 0 not judged"
    )


def conversation(*, verbose: bool, terminal: bool = False) -> str:
    paper = Paper()
    console = Console(file=paper, width=80, force_terminal=terminal, no_color=True)
    report = ConsoleReport(console, verbose=verbose)
    host = Host(observer=report)
    verdict = host.run(attest(host.requester, trust=ROOTS, at=AT))
    report.verdict(verdict)
    assert {step.name for step in verdict.steps} >= set(PLAN)
    return paper.text()


def test_a_conversation_is_drawn_as_it_passes() -> None:
    text = conversation(verbose=False)
    assert text.isascii()
    assert text.splitlines()[:4] == [
        "-> GET_VERSION                4 B  which versions do you speak?",
        "<- VERSION                   10 B  1.2, 1.3",
        "-> GET_CAPABILITIES          20 B  no flags; up to 4600 bytes",
        "<- CAPABILITIES              20 B  CERT, CHAL, MEAS_SIG, MEAS_FRESH; up to 4600",
    ]
    assert all(len(line) <= 80 for line in text.splitlines())


def test_every_field_is_drawn_if_that_is_wanted() -> None:
    text = conversation(verbose=True)
    assert text.isascii()
    assert "          1  code       132 (0x84)" in text.splitlines()
    assert "(missing)" not in text
    assert "... (96 bytes)" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_measurements_are_whole_if_that_is_wanted() -> None:
    for verbose in (False, True):
        paper = Paper()
        console = Console(file=paper, width=80, no_color=True)
        ConsoleReport(console, verbose=verbose).verdict(VERDICT)
        joined = "".join(line.strip() for line in paper.text().splitlines())
        assert ("ab" * 48 in joined) == verbose


def test_a_reading_is_drawn_with_what_its_values_say() -> None:
    lines = conversation(verbose=True).splitlines()
    row = '        3  immutable-rom           raw      10 B  "second rom"'
    assert lines.count(row) == 2  # with its message, and with the verdict


def test_arrows_on_a_terminal() -> None:
    assert "→ GET_VERSION" in conversation(verbose=False, terminal=True)


def test_what_is_no_message_is_drawn_without_fields() -> None:
    paper = Paper()
    report = ConsoleReport(Console(file=paper, width=80), verbose=True)
    report(Direction.REPLY, b"\x13")
    assert paper.text() == "<- (no message)               1 B  13\n"
