"""Trying the mistakes one after the other."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from emulator.spdm.doctor import messages, records, schedules, transcripts
from emulator.spdm.doctor.attempt import Attempt
from emulator.spdm.doctor.case import Case, Known, right
from emulator.spdm.doctor.evidence import Evidence
from emulator.spdm.doctor.mistake import Mistake

MISTAKES: tuple[Mistake, ...] = (
    *transcripts.ROWS,
    *messages.ROWS,
    *schedules.ROWS,
    *records.ROWS,
)
"""All mistakes the doctor knows; of two that give the same bytes the first is named."""

_ID_SIZE = 4
_HALF = 2


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the doctor says.

    Attributes:
        mistake: the name of the mistake; '': none of those that it knows.
        explanation: the sentence that says it.
    """

    mistake: str
    explanation: str

    def __str__(self) -> str:
        return self.explanation


UNKNOWN = Diagnosis("", f"none of the {len(MISTAKES)} mistakes I know explains it")


def diagnose(case: Case, known: Known) -> Diagnosis | None:
    """Which mistake explains what came; None where the secret to look into it was not kept.

    The cost is bounded by the number of mistakes: a few hashes of the transcript each.
    """
    base = right(case, known)
    if base is None:
        return None
    evidence = case.evidence
    for name, told, attempt in _tries(base, evidence):
        if evidence.fits(attempt):
            return Diagnosis(name, told)
    return UNKNOWN


def _tries(base: Attempt, evidence: Evidence) -> Iterator[tuple[str, str, Attempt]]:
    """Each mistake that makes a difference: its name, its sentence, and the attempt."""
    right_reads = evidence.reads(base)
    for mistake in MISTAKES:
        tried: list[tuple[object, ...]] = []
        for more, attempt in mistake.tries(base):
            reads = evidence.reads(attempt)
            if reads != right_reads and reads not in tried:
                tried.append(reads)
                yield mistake.name, mistake.explanation + more, attempt


def misread(record: bytes, sessions: Collection[int]) -> Diagnosis | None:
    """Which mistake makes a record name a session that there is not; None for none we know."""
    number = record[:_ID_SIZE]
    if len(number) < _ID_SIZE or not sessions:
        return None
    readings = (
        ("session-id-swapped", "has its halves swapped", number[_HALF:] + number[:_HALF]),
        ("session-id-big-endian", "is big-endian", number[::-1]),
        (
            "session-id-halves-big-endian",
            "has halves that are big-endian",
            number[:_HALF][::-1] + number[_HALF:][::-1],
        ),
    )
    for name, told, reading in readings:
        meant = int.from_bytes(reading, "little")
        if meant in sessions:
            explanation = (
                f"your session id {told}: the requester's half is the lower one, in little-endian"
                f" bytes, and session {meant:08x} is there"
            )
            return Diagnosis(name, explanation)
    return None
