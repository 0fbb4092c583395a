"""What a parent asks of its workers, and a device on its way there: what it is made from."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from emulator.entropy import Seeded
from emulator.faults import Rule
from emulator.profile.load import LoadedProfile, sharing
from emulator.profile.recipe import Recipe
from emulator.serve.fleet import Served

START, STOP, REPLACE = "worker.start", "worker.stop", "worker.replace"
"""What a parent asks of a worker beside the operations there are."""

LONGEST = 1 << 28
"""The longest line between the two, bytes."""


class Spec(BaseModel):
    """A device that is to be served.

    Attributes:
        name: what it is called.
        profile: a ready profile's name, or a file.
        sets: `path=value` settings on top of it.
        rules: fault rules beside the profile's own.
        folder: what relative paths in settings are relative to.
        host: the address it is to listen on, or `unix:PATH`.
        port: the port; 0: the system chooses.
        seed: the seed of its source of randomness.
        path: the labels that was forked by.
        state: the folder that its state is kept in; empty: it is kept nowhere.
        function: which further function of the profile it is; empty: the device.
        of: the device whose further function it is; empty: it is a device itself.
    """

    name: str
    profile: str
    sets: list[str]
    rules: list[dict[str, Any]]
    folder: str
    host: str
    port: int
    seed: str
    path: str
    state: str = ""
    function: str = ""
    of: str = ""


def spec_of(served: Served) -> Spec:
    """The device as it was made; what it has drawn, and what control did to it, stays behind."""
    entropy, recipe = served.device.entropy, served.recipe
    if not isinstance(entropy, Seeded):
        raise TypeError("a device in another process needs a seeded source")
    host, port = served.bound or (served.host, served.port)
    return Spec(
        name=served.name,
        profile=recipe.profile,
        sets=list(recipe.sets),
        rules=[
            rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            for rule in recipe.rules
        ],
        folder=str(recipe.folder),
        host=served.host if served.bound is None else host,
        port=port,
        seed=entropy.seed,
        path=entropy.path,
        state=str(served.state or ""),
        function=recipe.function,
        of=served.of,
    )


def make(spec: Spec, known: dict[Recipe, LoadedProfile], *, at: datetime) -> Served:
    """The device, ready to be served. Raises ProfileError.

    `known` has the profiles that were loaded before, and gets further ones.
    """
    plain = Recipe(spec.profile, tuple(spec.sets), folder=Path(spec.folder))
    if plain not in known:
        loaded = plain.load(at=at)
        other = next((one for key, one in known.items() if key.profile == plain.profile), loaded)
        known[plain] = sharing(loaded, other)
    rules = tuple(Rule.model_validate(rule) for rule in spec.rules)
    recipe = replace(plain, rules=rules, name=spec.name, function=spec.function)
    loaded = recipe.part_of(known[plain])
    entropy = Seeded(spec.seed, path=spec.path)
    device = recipe.build(loaded, entropy=entropy, at=at)
    state = Path(spec.state) if spec.state else None
    return Served(recipe, loaded, device, spec.host, spec.port, state=state, of=spec.of)
