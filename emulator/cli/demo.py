"""`spdm-emulator demo`: a device and a requester in one go."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from emulator.cli import experiment
from emulator.cli.options import Seed, Sets, build_or_exit, entropy_of, load_or_exit
from emulator.cli.output import FAILED, GOOD, WRONG_USE, fail, stdout
from emulator.client import connect
from emulator.device import Device
from emulator.entropy import Entropy
from emulator.pki.authority import sample_roots
from emulator.report import ConsoleReport
from emulator.requester import Verdict
from emulator.serve import Listener


async def _attest(device: Device, entropy: Entropy, at: datetime, report: ConsoleReport) -> Verdict:
    """Serve the device on a port of the system's choice and attest it over a real socket."""
    listener = Listener(device)
    host, port = await listener.start("127.0.0.1", 0)
    try:
        async with connect(host, port, entropy=entropy, observer=report) as client:
            return await client.attest(
                trust=sample_roots(),
                at=at,
                expected_san=device.identity.san,
                public_keys=[key.public for key in device.public_keys.values()],
            )
    finally:
        await listener.stop()


def demo(
    profile: Annotated[
        str,
        typer.Argument(help="Ready profile's name, or a file; or mitm, for a man in the middle."),
    ] = "nvme-ssd",
    seed: Seed = None,
    sets: Sets = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the fields of every message.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With mitm: print what came of it as JSON.")
    ] = False,
) -> None:
    """Start a device and attest it, and draw what passes between the two.

    `demo mitm` puts a man in the middle instead, and tries each attack against each protection.
    Exit code 1: the requester found something wrong, or a session did not keep the middle out.
    """
    at = datetime.now(UTC)
    if profile == "mitm":
        experiment.run(seed, at, as_json=as_json)
    if as_json:
        fail("demo: --json is for `demo mitm`; `attest --json` prints a verdict", code=WRONG_USE)
    chosen = entropy_of(seed)
    device = build_or_exit(load_or_exit(profile, sets or [], at=at), chosen.fork("device"), at=at)
    console = stdout()
    report = ConsoleReport(console, verbose=verbose)
    console.print(f"{device.name}: {device.identity.san}", markup=False)
    console.print(f"seed {chosen.seed} (repeat with --seed)\n", style="dim", markup=False)
    verdict = asyncio.run(_attest(device, chosen.fork("requester"), at, report))
    console.print()
    report.verdict(verdict)
    if verdict.ok:
        console.print(
            "\nNext: `spdm-emulator serve` keeps a device running, `spdm-emulator qemu nvme-ssd` "
            "attaches QEMU to it.",
            markup=False,
        )
    raise typer.Exit(GOOD if verdict.ok else FAILED)
