"""`spdm-emulator measurements`: what a verifier should expect of a device."""

import json
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from emulator import profile as profiles
from emulator import reference
from emulator.cli.options import Sets
from emulator.cli.output import FAILED, WRONG_USE, at_terminal, fail
from emulator.errors import PkiError, ProfileError
from emulator.pki import files
from emulator.pki.authority import SAMPLE_NAME, sample_authority
from emulator.profile import WrongUseError
from emulator.profile.expected import expected

app = typer.Typer(help="Reference values of a device's measurements.", no_args_is_help=True)

_SCHEME = "ECDSA_P384"


class Format(StrEnum):
    """How reference values are written."""

    CORIM = "corim"
    JSON = "json"


@app.callback()
def _group() -> None:
    """There may be more than one command."""


@app.command("export")
def export(
    name: Annotated[
        str, typer.Argument(metavar="PROFILE", help="Ready profile's name, or a file.")
    ],
    sets: Sets = None,
    form: Annotated[Format, typer.Option("--format", help="CoRIM, or plain JSON.")] = Format.CORIM,
    sign: Annotated[
        bool, typer.Option("--sign", help="Sign the CoRIM with the sample authority.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Raw values rather than digests, where they are known.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; none: standard output.")
    ] = None,
) -> None:
    """Write what a verifier should expect of a profile's device: `attest --reference` takes it.

    Exit codes: 0 written, 1 the profile has a problem, 2 wrong use.
    """
    if sign and form is not Format.CORIM:
        fail("--sign where --format json: only a CoRIM can be signed", code=WRONG_USE)
    try:
        loaded = profiles.load(name, sets=sets or [], at=datetime.now(UTC))
    except ProfileError as error:
        fail(error.problems, code=WRONG_USE if isinstance(error, WrongUseError) else FAILED)
    values = expected(loaded, raw=raw)
    if not values.values:
        fail(f"{name}: the device measures nothing", code=FAILED)
    if form is Format.JSON:
        data = (json.dumps(reference.to_json(values), indent=2) + "\n").encode()
    else:
        data = reference.to_corim(values)
        if sign:
            issuer = sample_authority(_SCHEME).intermediate
            told = f"{SAMPLE_NAME} {_SCHEME}"
            data = reference.sign(data, issuer.key, issuer.certificate, signer=told)
    if output is None:
        if form is Format.CORIM and at_terminal():
            fail("a CoRIM is no text: --output FILE, or into a pipe", code=WRONG_USE)
        sys.stdout.buffer.write(data)
        return
    try:
        files.write_file(output, data)
    except PkiError as error:
        fail(str(error), code=FAILED)
