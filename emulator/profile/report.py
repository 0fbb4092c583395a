"""The problems of a profile, each one line: place, field, what was found, what is expected."""

from collections.abc import Iterable

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from emulator.crypto.certificate import printable
from emulator.errors import ProfileError
from emulator.forms import CUSTOM
from emulator.forms.words import listed, shown, suggestion
from emulator.profile.model import TAGS, Profile
from emulator.profile.schema import words_of
from emulator.profile.tree import (
    Node,
    Place,
    ScalarNode,
    Steps,
    dotted,
    follow,
    found,
    key_place,
)


class Report:
    """Collects problems, so that all of them are told at once.

    Attributes:
        tree: the profile, which knows where its values stand.
        sections: the top-level keys with a problem; what builds on them cannot be judged.
        incomplete: what the profile extends is missing, so nothing can be said to lack.
    """

    def __init__(self, tree: Node, model: type[BaseModel] = Profile, *, prefix: Steps = ()) -> None:
        """Report on a tree.

        Args:
            tree: the values.
            model: what they are to be; its schema has the words of problems.
            prefix: the way to them, where they are a part of something.
        """
        self.tree = tree
        self._prefix = prefix
        self._words = words_of(model)
        self.incomplete = False
        self._lines: dict[str, tuple[str, int, int]] = {}
        self.sections: set[str] = set()

    def line(self, place: Place, text: str) -> None:
        """A problem with a place of its own."""
        line = printable(f"{place}: {text}")
        self._lines.setdefault(line, (place.file, place.line, place.column))

    def at(self, steps: Steps, expect: str, was: str = "") -> None:
        """A problem with the value at `steps`.

        Args:
            steps: the way to the value; it may be missing, as a default is.
            expect: what would be right.
            was: what is wrong with the value, where the value does not say it all.
        """
        node, left = follow(self.tree, steps)
        was = was or ("nothing" if left else found(node))
        self._note(node.place, steps, was, expect)

    def key(self, steps: Steps, expect: str, was: str) -> None:
        """A problem with the last key of `steps`."""
        self._note(key_place(self.tree, steps), steps, was, expect)

    def ok(self, *sections: str) -> bool:
        """Whether none of these top-level keys has a problem."""
        return self.sections.isdisjoint(sections)

    def errors(self, errors: Iterable[ErrorDetails]) -> None:
        """The problems that the model found."""
        for error in errors:
            self._error(error)

    def error(self) -> ProfileError:
        """All problems as one error: those of a file in its order."""
        return ProfileError(sorted(self._lines, key=self._lines.__getitem__))

    def take(self, part: "Report") -> None:
        """Add the problems of a part that are not those of the whole, which it inherits."""
        way = f": {dotted(part._prefix)}."  # noqa: SLF001 - of its own kind
        for line, at in part._lines.items():  # noqa: SLF001
            if line.replace(way, ": ", 1) not in self._lines:
                self._lines.setdefault(line, at)

    def finish(self) -> None:
        """Raise the error if there is a problem."""
        if self._lines:
            raise self.error()

    def _note(self, place: Place, steps: Steps, was: str, expect: str) -> None:
        self.sections.add(str(steps[0]))
        self.line(place, f"{dotted((*self._prefix, *steps))}: found {was}; expected {expect}")

    def _error(self, error: ErrorDetails) -> None:
        steps = tuple(step for step in error["loc"] if step not in TAGS)
        if steps in (("profile",), ("extends",)):
            # Both have been judged for each file when it was read.
            self.sections.add(str(steps[0]))
        elif error["type"] == "missing" and self.incomplete:
            self.sections.add(str(steps[0]))
        elif error["type"] == CUSTOM:
            context = error["ctx"]
            self.at(steps, context["expected"], context["found"])
        elif error["type"] == "extra_forbidden":
            self._unknown_key(steps)
        elif len(steps) > len(("slots", "0")) and steps[-1] == "[key]":
            # So pydantic says that the key before is meant, not its value.
            key = shown(str(steps[-2]))
            self.key(steps[:-1], "a slot number from 0 to 7", f"the key {key}")
        else:
            self._value_error(steps)

    def _unknown_key(self, steps: Steps) -> None:
        known = self._words.keys(steps[:-1])
        hint = suggestion(str(steps[-1]), known)
        if steps[-1] == "<<":
            hint = "; YAML 1.2 has no merge key, use extends"
        expect = listed(known) + hint if known else "none, as the name alone says it all"
        self.key(steps, expect, "an unknown key")

    def _value_error(self, steps: Steps) -> None:
        node, left = follow(self.tree, steps)
        expect = self._words.expected(steps)
        if isinstance(node, ScalarNode) and not left:
            if isinstance(node.value, str):
                expect += suggestion(node.value, self._words.choices(steps))
            elif node.value is not None and self._words.accepts_text(steps, node.written):
                expect += f', in quotes: "{node.written}"'
        self.at(steps, expect)
