"""What a mistake is: a name, what is said of it, and how the attempt differs that makes it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from emulator.spdm.doctor.attempt import Attempt, Facts
from emulator.spdm.doctor.recipe import Recipe
from emulator.spdm.transcript import View

Alter = Callable[[Facts, View], View]
"""Makes a mistake in a view; the view as it was where it cannot be made there."""


class Mistake(Protocol):
    """A mistake.

    Attributes:
        name: its name.
        explanation: the sentence that names it to the requester's author.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - above

    @property
    def explanation(self) -> str: ...  # noqa: D102 - above

    def tries(self, right: Attempt) -> Iterator[tuple[str, Attempt]]:
        """What else of the explanation there is to say, and the attempt that makes it."""
        ...


@dataclass(frozen=True, slots=True)
class InTranscript:
    """A mistake in what is hashed: everywhere, or in one of the transcripts alone."""

    name: str
    explanation: str
    alter: Alter

    def tries(self, right: Attempt) -> Iterator[tuple[str, Attempt]]:
        """Everywhere first."""
        facts = right.facts
        th1 = self.alter(facts, right.exchange)
        finish = self.alter(facts, right.finish)
        th2 = self.alter(facts, right.whole)
        yield "", replace(right, exchange=th1, finish=finish, whole=th2)
        yield ", in TH1 alone", replace(right, exchange=th1)
        yield ", in FINISH's transcript alone", replace(right, finish=finish)
        yield ", in TH2 alone", replace(right, whole=th2)
        yield ", after TH1", replace(right, finish=finish, whole=th2)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A mistake in what is hashed that can be made in several ways."""

    name: str
    explanation: str
    alters: tuple[Alter, ...]

    def tries(self, right: Attempt) -> Iterator[tuple[str, Attempt]]:
        """One way after the other."""
        for alter in self.alters:
            yield from InTranscript(self.name, self.explanation, alter).tries(right)


@dataclass(frozen=True, slots=True)
class InSchedule:
    """A mistake in what is made of transcripts and secrets; None: it cannot be made here."""

    name: str
    explanation: str
    make: Callable[[Attempt], Attempt | None]

    def tries(self, right: Attempt) -> Iterator[tuple[str, Attempt]]:
        """The one attempt."""
        made = self.make(right)
        if made is not None:
            yield "", made


def schedule(name: str, explanation: str, vary: Callable[[Recipe], Recipe]) -> InSchedule:
    """A mistake in the key schedule."""

    def make(right: Attempt) -> Attempt:
        return replace(right, recipe=vary(right.recipe))

    return InSchedule(name, explanation, make)


def secret(name: str, explanation: str, vary: Callable[[Facts, bytes], bytes]) -> InSchedule:
    """A mistake in the secret that all begins with."""

    def make(right: Attempt) -> Attempt:
        return replace(right, shared=vary(right.facts, right.shared))

    return InSchedule(name, explanation, make)
