import re

import pytest

from emulator.campaign.output import LONGEST_LINE, TAIL, Output

REPORTS = {
    "==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x1": "AddressSanitizer",
    "==7==ERROR: LeakSanitizer: detected memory leaks": "LeakSanitizer",
    "==7==WARNING: MemorySanitizer: use-of-uninitialized-value": "MemorySanitizer",
    "WARNING: ThreadSanitizer: data race (pid=7)": "ThreadSanitizer",
    "spdm.c:7:3: runtime error: load of misaligned address": "UndefinedBehaviorSanitizer",
    "==7== Invalid read of size 4": "valgrind",
    "==7== Conditional jump or move depends on uninitialised value(s)": "valgrind",
    "==7== ERROR SUMMARY: 3 errors from 1 contexts": "valgrind",
    "thread 'main' panicked at src/main.rs:4:5:": "a Rust panic",
    "thread 'main' (417) panicked at src/main.rs:4:5:": "a Rust panic",
    "panic: runtime error: index out of range [5] with length 3": "a Go panic",
    "panic: no such slot": "a Go panic",
    "goroutine 1 [running]:": "a Go panic",
    "Traceback (most recent call last):": "a Python traceback",
    "*** stack smashing detected ***: terminated": "an abort of the C library",
    "double free or corruption (fasttop)": "an abort of the C library",
    "a.out: a.c:3: main: Assertion `x > 0' failed.": "an abort of the C library",
}

PEACEFUL = (
    "==7== ERROR SUMMARY: 0 errors from 0 contexts (suppressed: 0 from 0)",
    "==7== Memcheck, a memory error detector",
    "ERROR: libspdm_get_measurement - 8000000b",
    "the reply must not panic: it did not",
)


@pytest.mark.parametrize("line", REPORTS)
def test_a_report_is_known_by_its_line(line: str) -> None:
    output = Output()
    output.feed(f"before\n{line}\nTraceback (most recent call last):\n".encode())
    assert output.report == f"{REPORTS[line]}: {line}"


@pytest.mark.parametrize("line", PEACEFUL)
def test_other_lines_are_none(line: str) -> None:
    output = Output()
    output.feed(line.encode() + b"\n")
    output.end()
    assert not output.report


def test_lines_are_whole_whatever_pieces_they_come_in() -> None:
    output = Output()
    for byte in b"x\nTraceback (most recent call last):":
        output.feed(bytes((byte,)))
    assert not output.report
    output.end()
    assert output.report


def test_the_first_line_of_each_pattern_is_kept() -> None:
    patterns = re.compile("ERROR"), re.compile("never")
    output = Output(patterns)
    output.feed(b"  ERROR: one\r\nERROR: two\n")
    assert output.matched == {patterns[0]: "ERROR: one"}


def test_only_the_end_is_kept() -> None:
    output = Output()
    for number in range(2000):
        output.feed(b"%063d\n" % number)
    assert len(output.tail) == TAIL
    assert output.tail.endswith("1999\n")


def test_a_line_without_end_is_looked_at() -> None:
    pattern = re.compile("x" * 10)
    output = Output([pattern])
    output.feed(b"x" * (LONGEST_LINE + 1))
    assert pattern in output.matched


def test_any_bytes_are_text() -> None:
    output = Output()
    output.feed(b"\xff\xfe ok")
    assert output.tail == "\ufffd\ufffd ok"
