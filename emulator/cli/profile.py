"""`spdm-emulator profile`: check, show, list and start profiles."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.syntax import Syntax

from emulator import profile as profiles
from emulator.cli.options import Sets
from emulator.cli.output import FAILED, GOOD, WRONG_USE, at_terminal, fail, print_json, stdout
from emulator.errors import ProfileError
from emulator.profile import LoadedProfile, WrongUseError, show
from emulator.profile.fleet import fleet_schema, is_fleet, load_fleet

app = typer.Typer(help="Check, show, list and start device profiles.", no_args_is_help=True)

As_json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
At = Annotated[
    datetime | None,
    typer.Option(help="Judge certificates at this moment, in UTC; default: now."),
]
_PROFILE = "Ready profile's name, or a file."


@app.command("check")
def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PROFILE]...", help=f"{_PROFILE} Default: all ready ones."),
    ] = None,
    sets: Sets = None,
    at: At = None,
    as_json: As_json = False,
) -> None:
    """Tell every problem of profiles and fleet files, each with its place.

    Exit codes: 0 all are good, 1 one has a problem, 2 there is no such profile.
    """
    results = [_result(name, sets or [], at) for name in names or profiles.ready()]
    if as_json:
        print_json([told for told, _ in results])
    else:
        for told, _ in results:
            if told["problems"]:
                for problem in told["problems"]:
                    stdout().print(problem, markup=False, style="red", soft_wrap=True)
            else:
                stdout().print(f"{told['profile']}: good", markup=False, soft_wrap=True)
    raise typer.Exit(max(code for _, code in results))


def _result(name: str, sets: list[str], at: datetime | None) -> tuple[dict[str, Any], int]:
    """What is said of one profile, and the exit code it asks for."""
    problems: list[str] = []
    code = GOOD
    try:
        if is_fleet(name):
            load_fleet(profiles.find(name), sets=sets, at=_moment(at))
        else:
            profiles.load(name, sets=sets, at=_moment(at))
    except ProfileError as error:
        problems = error.problems
        code = WRONG_USE if isinstance(error, WrongUseError) else FAILED
    return {"profile": name, "good": not problems, "problems": problems}, code


@app.command("show")
def show_command(
    name: Annotated[str, typer.Argument(metavar="PROFILE", help=_PROFILE)],
    sets: Sets = None,
    at: At = None,
    as_json: As_json = False,
) -> None:
    """Show a profile with everything it extends and every default: YAML that can be loaded."""
    loaded = _load(name, sets or [], at)
    if as_json:
        values = show.values(loaded.profile)
        print_json({"profile": values, **show.summary(loaded)})
        return
    text = "".join(f"# {line}\n" for line in show.summary_lines(loaded))
    text += show.to_yaml(loaded.profile)
    if at_terminal():
        stdout().print(Syntax(text, "yaml", background_color="default", word_wrap=True))
    else:
        print(text, end="")


def _load(name: str, sets: list[str], at: datetime | None) -> LoadedProfile:
    try:
        return profiles.load(name, sets=sets, at=_moment(at))
    except ProfileError as error:
        fail(error.problems, code=WRONG_USE if isinstance(error, WrongUseError) else FAILED)


def _moment(at: datetime | None) -> datetime:
    return datetime.now(UTC) if at is None else at.replace(tzinfo=UTC)


@app.command("schema")
def schema_command(
    fleet: Annotated[bool, typer.Option("--fleet", help="Of fleet files instead.")] = False,
) -> None:
    """Print the JSON Schema of profiles, for editors that check and complete YAML."""
    print_json(fleet_schema() if fleet else profiles.schema())


@app.command("list")
def list_command(as_json: As_json = False) -> None:
    """List the ready profiles."""
    told = [_listed(name) for name in profiles.ready()]
    if as_json:
        print_json(told)
        return
    width = max(len(str(row["name"])) for row in told)
    for row in told:
        line = f"{row['name']:{width}}  {', '.join(row['versions'])}  {row['description']}"
        stdout().print(line, markup=False)


def _listed(name: str) -> dict[str, Any]:
    loaded = _load(name, [], None)
    return {
        "name": name,
        "versions": loaded.profile.versions,
        "description": loaded.profile.description,
        "file": str(loaded.file),
    }


@app.command("new")
def new_command(
    name: Annotated[str, typer.Argument(help="What the device is called.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; default: stdout.")
    ] = None,
) -> None:
    """Start a profile: a commented file that changes nvme-ssd."""
    text = profiles.new(name)
    if output is None:
        print(text, end="")
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        fail(f"{output}: found a file; expected none, so choose another --output", code=WRONG_USE)
    except OSError as error:
        fail(f"{output}: found no way to write ({error.strerror})", code=WRONG_USE)
    stdout().print(f"{output}: written; try `spdm-emulator profile check {output}`", markup=False)
