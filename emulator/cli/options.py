"""Options that several commands share, and what they turn into."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.output import WRONG_USE, fail
from emulator.device import Device
from emulator.entropy import Entropy, Seeded, new_seed
from emulator.errors import ProfileError
from emulator.faults import Rule
from emulator.profile import LoadedProfile, build, load
from emulator.profile.faults import combine

Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override a profile value; repeatable."),
]

Seed = Annotated[
    str | None,
    typer.Option(help="Seed of every random draw; default: a new one, which is printed."),
]

FaultNames = Annotated[
    list[str] | None,
    typer.Option(
        "--fault", metavar="NAME", help="A preset of `spdm-emulator faults list`; repeatable."
    ),
]
FaultFiles = Annotated[
    list[Path] | None,
    typer.Option("--faults", metavar="FILE", help="A file of fault rules; repeatable."),
]
RequireFired = Annotated[
    bool,
    typer.Option("--require-fired", help="End with 1 if a fault rule never reached in."),
]

DEFAULT_TARGET = "127.0.0.1:2323"
"""Where a device listens when nothing else is said."""

_MAX_PORT = 0xFFFF


def entropy_of(seed: str | None, fork: str = "") -> Seeded:
    """The source for a run: always seeded, so that any run can be repeated once its seed is known.

    Without a seed a new one is drawn from the system.
    """
    source = Seeded(new_seed() if seed is None else seed)
    return source.fork(fork) if fork else source


def load_or_exit(profile: str, sets: list[str], *, at: datetime) -> LoadedProfile:
    """The profile, or an exit with every problem it has."""
    try:
        return load(profile, sets=sets, at=at)
    except (ProfileError, FileNotFoundError) as error:
        fail(str(error).splitlines(), code=WRONG_USE)


def rules_or_exit(names: list[str] | None, files: list[Path] | None) -> tuple[Rule, ...]:
    """The rules of presets and of files, or an exit with every problem they have."""
    try:
        return combine(names or [], files or [])
    except ProfileError as error:
        fail(str(error).splitlines(), code=WRONG_USE)


def build_or_exit(
    loaded: LoadedProfile, entropy: Entropy, *, at: datetime, rules: Sequence[Rule] = ()
) -> Device:
    """The device of a profile with these rules, or an exit with every problem."""
    try:
        return build(loaded, entropy=entropy, at=at, rules=rules)
    except ProfileError as error:
        fail(str(error).splitlines(), code=WRONG_USE)


def address_or_exit(target: str, *, least_port: int = 1) -> tuple[str, int]:
    """HOST:PORT taken apart; an IPv6 address stands in brackets."""
    host, separator, port = target.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (separator and host and port.isdecimal() and least_port <= int(port) <= _MAX_PORT):
        fail(f"{target!r} where HOST:PORT is needed, such as {DEFAULT_TARGET}", code=WRONG_USE)
    return host, int(port)
