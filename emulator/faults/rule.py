"""A rule: on which exchanges, at which stage, which effects."""

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, PlainSerializer, Tag, create_model

from emulator.faults import effects  # fills EFFECTS
from emulator.faults.effect import EFFECTS, Effect, Problem, Stage
from emulator.faults.when import Count, On
from emulator.forms import Line, Part, Vocabulary, choice, refusal
from emulator.forms.words import listed
from emulator.spdm.codes import Code

FAMILIES = effects.__all__

STAGES = Vocabulary(tuple(Stage))
NAMES = Vocabulary(tuple(EFFECTS))
"""Every effect, by the stages' order in `effects/`."""

StageName = Annotated[str, AfterValidator(STAGES.check), choice(STAGES)]
EffectName = Annotated[str, AfterValidator(NAMES.check), choice(NAMES)]

_UNREFUSED = frozenset(
    {Stage.REQUEST, Stage.CHAIN, Stage.READY, Stage.SIGN, Stage.SECRETS, Stage.DEVICE}
)
"""The stages that come before a refusal, or never with one."""

TAGS = ("\0name", "\0effect")
"""Names of alternatives, which pydantic puts into the way to a value; no key looks like them."""


class _Do(Part):
    """An effect by its name, and what it is given; exactly one."""


def _entry() -> Any:
    """The model of an entry that is a mapping: one key for each effect there is."""
    # The attributes have names of their own: an effect may be called as a model's method is.
    keys: dict[str, Any] = {
        f"effect{number}": (
            cls | None,
            Field(default=None, alias=name, description=inspect.getdoc(cls)),
        )
        for number, (name, cls) in enumerate(EFFECTS.items())
    }
    return create_model("Do", __base__=_Do, __doc__=_Do.__doc__, **keys)


def _one(entry: Any) -> Effect:
    """The effect of an entry: a name alone has all its defaults."""
    if isinstance(entry, str):
        try:
            return EFFECTS[entry]()
        except ValueError:
            raise refusal(f"a mapping, as {entry} has to be told more") from None
    given = [getattr(entry, name) for name in entry.model_fields_set]
    made: list[Effect] = [one for one in given if one is not None]
    if len(made) != 1:
        raise refusal("exactly one effect", f"{len(made)} of them")
    return made[0]


def _shown(one: Effect) -> Any:
    return one.model_dump(mode="json")


def _tag(value: Any) -> str | None:
    if isinstance(value, str):
        return TAGS[0]
    return TAGS[1] if isinstance(value, dict | _Do) else None


if TYPE_CHECKING:
    Entry = Effect
else:
    Entry = Annotated[
        Annotated[
            Annotated[EffectName, Tag(TAGS[0])] | Annotated[_entry(), Tag(TAGS[1])],
            Discriminator(_tag),
        ],
        AfterValidator(_one),
        PlainSerializer(_shown),
    ]


class Rule(Part):
    """One fault: on these exchanges, at this stage, do this."""

    name: Line = Field(
        min_length=1, max_length=64, description="What logs, counts and other rules call it."
    )
    on: On = Field(default=On(), description="The exchanges; nothing said: all.")
    at: StageName | None = Field(
        default=None, description="The stage; null: the one its effects belong to."
    )
    do: list[Entry] = Field(
        min_length=1, description="The effects, in their order: names, or mappings of one name."
    )
    times: Count | None = Field(
        default=None, description="How often at most, on all connections together; null: always."
    )
    commit: bool = Field(
        default=True, description="Whether what the request changed stands once it reached in."
    )
    note: Line = Field(default="", description="Why; for people.")

    @property
    def stage(self) -> Stage:
        """The stage it reaches in at."""
        return Stage(self.at) if self.at is not None else self.do[0].STAGES[0]

    def problems(self) -> Iterator[Problem]:
        """What its parts together may not be."""
        refused = self.on.message is not None and Code.ERROR.name in self.on.message
        if refused and self.stage in _UNREFUSED:
            expect = f"no ERROR, as none passes stage {self.stage}"
            yield ("on", "message"), expect, Code.ERROR.name
        for number, one in enumerate(self.do):
            if self.stage not in one.STAGES:
                able = [name for name, cls in EFFECTS.items() if self.stage in cls.STAGES]
                expect = f"an effect of stage {self.stage}, {listed(able)}"
                yield ("do", number), expect, f"{one.NAME}, of stage {one.STAGES[0]}"
            for way, expect, was in one.problems(self.on):
                yield ("do", number, one.NAME, *way), expect, was
