"""Reference values for `attest`: the option, and reading the file it names."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.output import WRONG_USE, fail
from emulator.errors import BadReference, PkiError
from emulator.pki import files
from emulator.requester.appraisal import References

Reference = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="What the measurements should be: CoRIM, or the JSON of `measurements export`. A"
        " signed CoRIM is judged by the trusted certificates.",
    ),
]


def reference_values(
    path: Path | None, trust: Sequence[bytes], *, measured: bool
) -> References | None:
    """The values in the file, if one was given; ends the command where it cannot be used.

    `measured`: there are measurements to compare with them.
    """
    if path is None:
        return None
    if not measured:
        fail("--reference where --measurements none reads nothing to compare", code=WRONG_USE)
    # CBOR is imported once it is wanted: most attestations need none.
    from emulator import reference  # noqa: PLC0415

    try:
        values, _ = reference.read(files.read_file(path), trust, at=datetime.now(UTC))
    except PkiError as error:
        fail(f"--reference {error}", code=WRONG_USE)
    except BadReference as error:
        fail(f"--reference {path}: {error}", code=WRONG_USE)
    return values
