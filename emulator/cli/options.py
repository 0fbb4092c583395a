"""Options that several commands share, and what they turn into."""

from datetime import datetime
from typing import Annotated

import typer

from emulator.cli.output import WRONG_USE, fail
from emulator.entropy import Seeded, System
from emulator.errors import ProfileError
from emulator.profile import LoadedProfile, load

Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override a profile value; repeatable."),
]

Seed = Annotated[
    str | None,
    typer.Option(help="Seed of every random draw; default: a new one, which is printed."),
]

DEFAULT_TARGET = "127.0.0.1:2323"

_MAX_PORT = 0xFFFF
_SEED_BYTES = 8


def entropy_of(seed: str | None, fork: str = "") -> Seeded:
    """The source for a run: always seeded, so that any run can be repeated once its seed is known.

    Without a seed a new one is drawn from the system.
    """
    chosen = System().bytes(_SEED_BYTES, label="seed").hex() if seed is None else seed
    source = Seeded(chosen)
    return source.fork(fork) if fork else source


def host_and_port(target: str) -> tuple[str, int]:
    """HOST:PORT taken apart; an IPv6 address stands in brackets."""
    host, separator, port = target.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (separator and host and port.isdecimal() and 0 < int(port) <= _MAX_PORT):
        fail(f"{target!r} where HOST:PORT is needed, such as {DEFAULT_TARGET}", code=WRONG_USE)
    return host, int(port)


def load_or_exit(profile: str, sets: list[str], *, at: datetime) -> LoadedProfile:
    """The profile, or an exit with every problem it has."""
    try:
        return load(profile, sets=sets, at=at)
    except (ProfileError, FileNotFoundError) as error:
        fail(str(error).splitlines(), code=WRONG_USE)
