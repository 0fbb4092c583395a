"""What came of a run, and whether that is good.

A program that crashed or hung is bad whatever was expected of it. One that never asked anything has
not been tested: it is bad, too, as a wrong option or address looks just like a rejection.
"""

import re
import signal
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from emulator.campaign.output import Output
from emulator.campaign.requester import Ending
from emulator.campaign.watch import Watch

Expect = Literal["accept", "reject"]

_SHELL_SIGNALS = 128
_CRASHES = frozenset(
    {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGTRAP}
)


class Kind(StrEnum):
    """What came of a run."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CRASHED = "crashed"
    HUNG = "hung"
    SILENT = "silent"


@dataclass(frozen=True)
class Terms:
    """What runs are judged by.

    Attributes:
        expect: what the requester is to come to, or None for either.
        reject_output: a line with this means that it rejected, whatever its exit status.
        accept_output: only with such a line it accepted.
    """

    expect: Expect | None = None
    reject_output: re.Pattern[str] | None = None
    accept_output: re.Pattern[str] | None = None

    @property
    def patterns(self) -> tuple[re.Pattern[str], ...]:
        """What is looked for in the output."""
        both = (self.reject_output, self.accept_output)
        return tuple(pattern for pattern in both if pattern is not None)


@dataclass(frozen=True)
class Judgement:
    """What came of a run.

    Attributes:
        kind: in one word.
        why: how that is known.
        problem: why that is bad, or ''.
    """

    kind: Kind
    why: str
    problem: str = field(default="")

    @property
    def good(self) -> bool:
        """Whether it is as it should be."""
        return not self.problem


def judge(
    terms: Terms, ending: Ending, output: Output, watch: Watch, *, fired: int | None
) -> Judgement:
    """Judge a run; `fired` is how often fault rules reached in, None where there are none."""
    kind, why = _kind(terms, ending, output, watch)
    return Judgement(kind, why, _problem(terms, kind, why, fired))


def _kind(terms: Terms, ending: Ending, output: Output, watch: Watch) -> tuple[Kind, str]:
    if output.report:
        return Kind.CRASHED, output.report
    if ending.status is None:
        return Kind.HUNG, ending.stopped
    number = crash_signal(ending.status)
    if number is not None:
        return Kind.CRASHED, f"killed by {signal_name(number)}"
    if not watch.requests:
        came = "it connected" if watch.connections else "it never connected"
        return Kind.SILENT, f"{came} and asked nothing, exit {ending.status}"
    return _decision(terms, ending.status, output)


def _decision(terms: Terms, status: int, output: Output) -> tuple[Kind, str]:
    """What the program says of the device."""
    told = f"exit {status}"
    if status:
        return Kind.REJECTED, told
    if terms.reject_output in output.matched:
        return Kind.REJECTED, f'{told}, and it said "{output.matched[terms.reject_output]}"'
    if terms.accept_output is None:
        return Kind.ACCEPTED, told
    if terms.accept_output in output.matched:
        return Kind.ACCEPTED, f'{told}, and it said "{output.matched[terms.accept_output]}"'
    return Kind.REJECTED, f"{told}, and it said nothing with {terms.accept_output.pattern}"


def _problem(terms: Terms, kind: Kind, why: str, fired: int | None) -> str:
    if kind in {Kind.CRASHED, Kind.HUNG}:
        return f"it {kind}: {why}"
    if kind is Kind.SILENT:
        return f"it was not tested: {why}; does the command say {{port}}?"
    wanted = {"accept": Kind.ACCEPTED, "reject": Kind.REJECTED, None: kind}[terms.expect]
    if kind is not wanted:
        unmet = " (no fault rule fired)" if fired == 0 else ""
        return f"it {kind} the device where it must have {wanted} it{unmet}"
    if terms.expect == "reject" and fired == 0:
        return "it rejected the device, but not for a fault: no rule fired"
    return ""


def crash_signal(status: int) -> int | None:
    """The number of the signal that killed a program, or one that its shell tells of."""
    if status < 0:
        return -status
    number = status - _SHELL_SIGNALS
    return number if number in _CRASHES else None


def signal_name(number: int) -> str:
    """A signal's name, such as SIGSEGV."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
