"""The names a profile may use, and why some that exist are refused.

Each vocabulary comes from the table of its owner, so that what the emulator learns to answer can
be named in a profile at once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic_core import PydanticCustomError

from emulator.profile.words import listed, suggestion
from emulator.spdm import algorithms, capabilities
from emulator.spdm.algorithms import Algorithm, OpaqueFormat
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages.measured import KINDS, DebugMode, OperationalMode, flag_name
from emulator.spdm.versions import BY_TEXT, Version

CUSTOM = "profile"
"""The type of the errors that carry their own words."""


def refusal(expected: str, found: str = "") -> PydanticCustomError:
    """An error that says what is expected, and what was found unless that is the value itself."""
    return PydanticCustomError(CUSTOM, "{expected}", {"expected": expected, "found": found})


@dataclass(frozen=True)
class Vocabulary:
    """Names that can be chosen, and names that exist but cannot.

    Attributes:
        offered: the names a profile may use, in the order they are listed.
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


def _algorithms(rows: Iterable[Algorithm]) -> Vocabulary:
    all_rows = tuple(rows)
    return Vocabulary(
        offered=tuple(row.name for row in all_rows if row.offered),
        refused={
            row.name: f"SPDM knows {row.name}, this emulator cannot compute it"
            for row in all_rows
            if not row.offered
        },
    )


VERSIONS = Vocabulary(
    offered=tuple(BY_TEXT),
    refused={
        version.text: f"SPDM {version.text} exists, this emulator does not speak it"
        for version in Version
        if version.text not in BY_TEXT
    },
)
CAPABILITIES = Vocabulary(
    offered=tuple(capabilities.names(capabilities.IMPLEMENTED)),
    refused={
        name: f"SPDM knows {name}, this emulator has no answer for what it offers"
        for name in capabilities.names(~capabilities.IMPLEMENTED)
    },
)
ASYM = _algorithms(algorithms.SIGNATURES)
HASHES = _algorithms(algorithms.HASHES)
MEASUREMENT_HASHES = _algorithms(algorithms.MEASUREMENT_HASHES)
OPAQUE_FORMATS = Vocabulary(tuple(OpaqueFormat.__members__))
MEASUREMENT_TYPES = Vocabulary(tuple(KINDS))
OPERATIONAL_MODES = Vocabulary(tuple(map(flag_name, OperationalMode)))
DEBUG_MODES = Vocabulary(tuple(map(flag_name, DebugMode)))


def flags(names: Iterable[str]) -> Cap:
    """The capability flags of these names together."""
    together = capabilities.NONE
    for name in names:
        together |= Cap[name]
    return together
