"""Names that can be chosen, and the refusal of those that cannot."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field
from pydantic_core import PydanticCustomError

from emulator.forms.words import listed, suggestion

CUSTOM = "profile"
"""The type of the errors that carry their own words."""


def refusal(expected: str, found: str = "") -> PydanticCustomError:
    """An error that says what is expected, and what was found unless that is the value itself."""
    return PydanticCustomError(CUSTOM, "{expected}", {"expected": expected, "found": found})


@dataclass(frozen=True)
class Vocabulary:
    """Names that can be chosen, and names that exist but cannot.

    Attributes:
        offered: the names one may use, in the order they are listed.
        refused: the reason for each name that exists without being offered.
    """

    offered: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)

    def check(self, name: str) -> str:
        """`name` itself if it is offered; else an error with the reason or the nearest name."""
        if name in self.offered:
            return name
        reason = self.refused.get(name)
        if reason is not None:
            raise refusal(f"{listed(self.offered)} ({reason})")
        raise refusal(listed(self.offered) + suggestion(name, self.offered))


def unique(names: list[str]) -> list[str]:
    """`names` itself if none stands there twice."""
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise refusal("each name once", f"{twice[0]} twice")
    return names


def choice(words: Vocabulary) -> Any:
    """What the JSON Schema of a name says: the names that can be chosen."""
    return Field(json_schema_extra={"enum": list(words.offered)})
