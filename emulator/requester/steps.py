"""Collecting the steps of a verdict while a flow runs."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from emulator.errors import NoResponse, PeerError, SignatureMismatch
from emulator.requester.flow import Flow
from emulator.requester.verdict import Step

_T = TypeVar("_T")


class Steps:
    """The steps taken so far, in order."""

    def __init__(self) -> None:
        self.taken: list[Step] = []

    @property
    def all_good(self) -> bool:
        """No step failed so far."""
        return all(step.ok is not False for step in self.taken)

    def judged(
        self, name: str, detail: str, evidence: Mapping[str, Any] | None = None, *, ok: bool
    ) -> None:
        """The step came to an outcome."""
        self.taken.append(Step(name, ok, detail, evidence or {}))

    def passed(self, name: str, detail: str, evidence: Mapping[str, Any] | None = None) -> None:
        """The step is good."""
        self.judged(name, detail, evidence, ok=True)

    def failed(self, name: str, detail: str, evidence: Mapping[str, Any] | None = None) -> None:
        """The step is not good."""
        self.judged(name, detail, evidence, ok=False)

    def skipped(self, reason: str, *names: str) -> None:
        """The steps of these names judged nothing, for one reason."""
        self.taken.extend(Step(name, None, reason) for name in names)

    def attempt(self, name: str, flow: Flow[_T]) -> Flow[_T | None]:
        """Run `flow`; what the peer does wrong fails the step `name`, and gives None.

        NoResponse fails it too, and is raised on, as nothing can follow; SignatureMismatch is
        left to the caller.
        """
        try:
            return (yield from flow)
        except SignatureMismatch:
            raise
        except PeerError as error:
            self.failed(name, str(error))
            if isinstance(error, NoResponse):
                raise
            return None

    def attempt_signed(self, name: str, flow: Flow[_T]) -> Flow[tuple[_T | None, str]]:
        """Like `attempt`, and a wrong signature gives what it stood under, and why it is wrong."""
        try:
            return (yield from self.attempt(name, flow)), ""
        except SignatureMismatch as error:
            # What a flow says of a wrong signature is what it would have returned.
            return cast("_T", error.content), str(error)

    def complete(self, plan: Sequence[str]) -> tuple[Step, ...]:
        """All steps; those of `plan` that were not taken stand in their place, not judged."""
        steps = list(self.taken)
        for rank, name in enumerate(plan):
            if all(step.name != name for step in steps):
                later = (at for at, step in enumerate(steps) if step.name in plan[rank:])
                steps.insert(next(later, len(steps)), Step(name, None, "not reached"))
        return tuple(steps)
