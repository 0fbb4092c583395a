"""How commands speak: results on stdout, everything else on stderr, JSON where a script reads."""

import json
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

import typer
from rich.console import Console

GOOD, FAILED, WRONG_USE = 0, 1, 2
"""Exit codes: it worked; the thing tested failed; the command was used wrongly."""


def stdout() -> Console:
    """The console for results: rich at a terminal, plain when piped."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def stderr() -> Console:
    """The console for progress and problems."""
    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def at_terminal() -> bool:
    """Whether a person reads what is shown; programs get it without colours."""
    return sys.stdout.isatty()


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """One JSON document on stdout; `indent=None` for one line of a stream."""
    print(json.dumps(value, indent=indent, ensure_ascii=False), flush=True)


def fail(problems: Iterable[str] | str, *, code: int) -> NoReturn:
    """Say what is wrong on stderr, a line each, and end with `code`."""
    lines = [problems] if isinstance(problems, str) else list(problems)
    console = stderr()
    for line in lines:
        console.print(line, markup=False, style="red")
    raise typer.Exit(code)
