"""`spdm-emulator demo mitm`: every attack of a man in the middle against every protection."""

import asyncio
from datetime import datetime

import typer
from rich.table import Table

from emulator.cli.options import build_or_exit, entropy_of, load_or_exit
from emulator.cli.output import FAILED, GOOD, print_json, stdout
from emulator.mitm import Attempt, Mode, Protection, experiment

PROFILE = "secure-session"

_ATTACKS = {
    Mode.PASS: "carries all, and reads",
    Mode.RELAY: "lets the device prove itself, answers the rest",
    Mode.TERMINATE: "ends the session itself, with its own key",
    Mode.TAMPER: "changes the records",
}


def run(seed: str | None, at: datetime, *, as_json: bool) -> None:
    """Try it, and print a table; exit code 1 where a session did not keep the middle out."""
    entropy = entropy_of(seed)
    device = build_or_exit(load_or_exit(PROFILE, [], at=at), entropy.fork("device"), at=at)
    attempts = asyncio.run(experiment(device, entropy, at))
    kept_out = not any(one.worked for one in attempts if one.protection is Protection.SESSION)
    if as_json:
        print_json({"seed": entropy.seed, "attempts": [_json(one) for one in attempts]})
    else:
        _print(attempts, entropy.seed)
    raise typer.Exit(GOOD if kept_out else FAILED)


def _json(one: Attempt) -> dict[str, object]:
    return {
        "attack": one.mode.value,
        "protection": one.protection.value,
        "read": one.read,
        "forged": one.forged,
        "noticed": one.noticed or None,
        "worked": one.worked,
    }


def _print(attempts: list[Attempt], seed: str) -> None:
    console = stdout()
    console.print(f"seed {seed} (repeat with --seed)\n", style="dim", markup=False)
    console.print(
        "A host proves to itself whom it speaks to, and then tells the device a secret.\n"
        "A man in the middle, who has none of the device's keys, tries to get at it:\n"
    )
    table = Table("what the middle does", *Protection)
    for mode in Mode:
        row = {one.protection: one for one in attempts if one.mode is mode}
        table.add_row(_ATTACKS[mode], *(_cell(row[protection]) for protection in Protection))
    console.print(table)
    for one in attempts:
        if one.noticed:
            console.print(f"\n{one.mode}, {one.protection}: noticed\n  {one.noticed}", markup=False)
    console.print(
        "\nA signed challenge proves that a device is there, not that nobody is in the middle.",
        markup=False,
    )


def _cell(one: Attempt) -> str:
    if one.noticed:
        return "noticed"
    got = [
        word for word, true in (("secret read", one.read), ("answer forged", one.forged)) if true
    ]
    return f"unnoticed: {', '.join(got)}" if got else "sees records only"
