import re

import pytest

from emulator.campaign.judge import Kind, Terms, judge
from emulator.campaign.output import Output
from emulator.campaign.requester import Ending
from emulator.campaign.watch import Watch
from emulator.endpoint import Received


def asked(*, requests: int = 1) -> Watch:
    watch = Watch()
    observe = watch.observe(1)
    for _ in range(requests):
        observe(Received(bytes.fromhex("10840000")))
    return watch


def said(text: str, terms: Terms) -> Output:
    output = Output(terms.patterns)
    output.feed(text.encode())
    output.end()
    return output


def judged(
    status: int | None,
    terms: Terms | None = None,
    *,
    text: str = "",
    requests: int = 1,
    fired: int | None = 1,
) -> tuple[Kind, str, str]:
    terms = terms or Terms()
    ending = Ending(status, "" if status is not None else "it had not ended after 1 s")
    watch = asked(requests=requests)
    made = judge(terms, ending, said(text, terms), watch, fired=fired)
    assert made.good is not bool(made.problem)
    return made.kind, made.why, made.problem


def test_the_exit_status_decides() -> None:
    assert judged(0) == (Kind.ACCEPTED, "exit 0", "")
    assert judged(3) == (Kind.REJECTED, "exit 3", "")


@pytest.mark.parametrize(
    ("expect", "status", "problem"),
    [
        ("accept", 0, ""),
        ("accept", 1, "it rejected the device where it must have accepted it"),
        ("reject", 1, ""),
        ("reject", 0, "it accepted the device where it must have rejected it"),
    ],
)
def test_what_is_expected_must_come(expect: str, status: int, problem: str) -> None:
    terms = Terms(expect="accept" if expect == "accept" else "reject")
    assert judged(status, terms)[2] == problem


def test_a_rejection_is_for_a_fault() -> None:
    terms = Terms(expect="reject")
    assert "no rule fired" in judged(1, terms, fired=0)[2]
    assert "no fault rule fired" in judged(0, terms, fired=0)[2]
    assert not judged(1, terms, fired=None)[2]


def test_output_decides_where_the_status_does_not() -> None:
    terms = Terms(reject_output=re.compile("^ERROR:"), accept_output=re.compile("PASS"))
    assert judged(0, terms, text="ERROR: x\nPASS")[0] is Kind.REJECTED
    assert judged(0, terms, text="all PASS")[:2] == (
        Kind.ACCEPTED,
        'exit 0, and it said "all PASS"',
    )
    assert judged(0, terms, text="")[0] is Kind.REJECTED
    assert judged(1, terms, text="PASS")[0] is Kind.REJECTED


@pytest.mark.parametrize(
    ("status", "name"), [(-11, "SIGSEGV"), (-6, "SIGABRT"), (139, "SIGSEGV"), (134, "SIGABRT")]
)
def test_a_signal_is_a_crash(status: int, name: str) -> None:
    kind, why, problem = judged(status, Terms(expect="reject"))
    assert (kind, why) == (Kind.CRASHED, f"killed by {name}")
    assert problem == f"it crashed: killed by {name}"


def test_a_status_above_128_that_is_no_crash_is_a_status() -> None:
    assert judged(130)[0] is Kind.REJECTED


def test_a_real_time_signal_has_no_name_of_its_own() -> None:
    assert judged(-40)[1].startswith("killed by ")


def test_a_report_is_a_crash_whatever_the_status() -> None:
    kind, why, _ = judged(1, Terms(expect="reject"), text="==1==ERROR: AddressSanitizer: x")
    assert kind is Kind.CRASHED
    assert why.startswith("AddressSanitizer: ")


def test_a_program_that_is_ended_hangs() -> None:
    kind, why, problem = judged(None, Terms(expect="reject"))
    assert (kind, why) == (Kind.HUNG, "it had not ended after 1 s")
    assert problem == "it hung: it had not ended after 1 s"


@pytest.mark.parametrize("status", [0, 1])
def test_who_asks_nothing_was_not_tested(status: int) -> None:
    kind, why, problem = judged(status, requests=0)
    assert kind is Kind.SILENT
    assert why == f"it connected and asked nothing, exit {status}"
    assert problem.startswith("it was not tested")
