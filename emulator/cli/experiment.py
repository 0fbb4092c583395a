"""`spdm-emulator demo mitm`: every attack of a man in the middle against every protection."""

import asyncio
from datetime import datetime

import typer
from rich import box
from rich.table import Table

from emulator.cli.options import build_or_exit, entropy_of, load_or_exit
from emulator.cli.output import FAILED, GOOD, print_json, stdout
from emulator.mitm import Attempt, Mode, Protection, experiment

PROFILE = "everything"
UNKEYED = "ide.selective[0].enabled=false"

_ATTACKS = {
    Mode.PASS: "carries all, and reads",
    Mode.RELAY: "lets the device prove itself, answers the rest",
    Mode.TERMINATE: "ends the session itself, with a key of its own",
    Mode.SWAP_KEYS: "does so, and gives the device other IDE keys",
    Mode.TAMPER: "changes the records of sessions",
    Mode.TAMPER_LINK: "changes the TLPs of the link",
}
_HEADS = {
    Protection.CHALLENGE: "challenge",
    Protection.MEASUREMENTS: "measured",
    Protection.SESSION: "session",
    Protection.LINK: "bare link",
    Protection.IDE: "IDE",
}


def run(seed: str | None, at: datetime, *, as_json: bool) -> None:
    """Try it, and print a table; exit code 1 where a session did not keep the middle out."""
    entropy = entropy_of(seed)
    plain, keyed = (
        build_or_exit(load_or_exit(PROFILE, settings, at=at), entropy.fork("device"), at=at)
        for settings in ([UNKEYED], [])
    )
    attempts = asyncio.run(experiment(plain, keyed, entropy, at))
    proof = (Protection.SESSION, Protection.IDE)
    kept_out = not any(one.worked for one in attempts if one.protection in proof)
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
        "measured_link_agrees": one.agreed,
        "worked": one.worked,
    }


def _print(attempts: list[Attempt], seed: str) -> None:
    console = stdout()
    console.print(f"seed {seed} (repeat with --seed)\n", style="dim", markup=False)
    console.print(
        "A host proves to itself whom it speaks to, and then tells the device a secret.\n"
        "A man in the middle, who has none of the device's keys, tries to get at it:\n"
    )
    for protection, head in _HEADS.items():
        console.print(f"  {head:12}  {protection}", markup=False)
    console.print()
    table = Table("mode", *_HEADS.values(), box=box.SIMPLE)
    for mode in Mode:
        row = {one.protection: one for one in attempts if one.mode is mode}
        table.add_row(mode, *(_cell(row[protection]) for protection in _HEADS))
    console.print(table)
    for mode, words in _ATTACKS.items():
        console.print(f"  {mode:12}  {words}", markup=False)
    console.print(
        "\nread!    the middle has read the secret, and nobody noticed"
        "\nforged!  the host took something else for what the device has answered\n\nnoticed:",
        markup=False,
    )
    for told in dict.fromkeys(f"  {one.mode}: {one.noticed}" for one in attempts if one.noticed):
        console.print(told, markup=False)
    console.print("\nwith IDE up, one more measurement, in the session:", markup=False)
    for one in attempts:
        if one.agreed is not None:
            told = "shows what the host's end has" if one.agreed else "differs from the host's end"
            console.print(f"  {one.mode}: {told}", markup=False)
    console.print(
        "\nA signed challenge proves that a device is there, not that nobody is in the middle; and"
        " a session\nsays nothing of the link, unless the link's keys are sent inside it.",
        markup=False,
    )


def _cell(one: Attempt) -> str:
    if one.noticed:
        return "noticed"
    if one.forged:
        return "forged!"
    return "read!" if one.read else "ciphertext"
