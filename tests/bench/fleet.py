"""A thousand devices: start-up, memory, and a thousand requesters that attest at once.

    make bench-fleet               a table
    python tests/bench/fleet.py --json --devices 100

Requesters are in one process, devices in another; each requester has a device of its own, and none
begins before all are connected. They verify all they get, so that theirs is most of the time. With
SPDM_RESPONDER_EMU set to DMTF's responder, the memory of one process of it stands beside, which
serves one connection.

Throughput is of challenges by requesters that verify nothing, two processes of them, which need a
processor too: with two processors, two workers cannot be twice as quick as one process.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.crowd import attest_all, fleet, resident
from rich.console import Console
from rich.table import Column, Table

DEVICES = 1000
ASKERS = 2
SECONDS = 4
WORKERS = (1, 2)
TARGET = 120
"""MB for a thousand devices."""


def measure(count: int, entry: str = "", *options: str) -> dict[str, float | list[str]]:
    """The figures of one fleet."""
    with fleet(1, *options, entry=entry) as one:
        alone = one.memory
    with fleet(count, *options, entry=entry) as many:
        idle = many.memory
        crowd = attest_all(many.addresses)
        busy = many.memory
    return {
        "start-up s": many.seconds,
        "memory MB": idle,
        "memory after all were attested MB": busy,
        "each device kB": (idle - alone) / max(count - 1, 1) * 1000,
        "all attested s": crowd.seconds,
        "attested a second": count / crowd.seconds,
        "errors": crowd.wrong,
    }


def reference() -> float | None:
    """The memory of DMTF's responder once it listens, MB; None if it is not there."""
    program = os.environ.get("SPDM_RESPONDER_EMU")
    if not program:
        return None
    process = subprocess.Popen(
        [program, "--trans", "PCI_DOE", "--port", "23899", "--pqc_asym", "NONE"],
        cwd=Path(program).parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        time.sleep(1)
        return resident(process.pid)
    finally:
        process.terminate()
        process.communicate()


def throughput(workers: int) -> float:
    """Challenges a second that so many workers answer, to several requesters at once."""
    with fleet(2 * ASKERS, "--workers", str(workers)) as served:
        ports = [str(port) for _, port in served.addresses]
        script = str(Path(__file__).with_name("asker.py"))
        asking = [
            subprocess.Popen(
                [sys.executable, script, str(SECONDS), *ports[index::ASKERS]],
                stdout=subprocess.PIPE, text=True,
            )
            for index in range(ASKERS)
        ]  # fmt: skip
        return sum(int(one.communicate()[0]) for one in asking) / SECONDS


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--devices", type=int, default=DEVICES, help="how many devices")
    arguments = parser.parse_args()
    count = arguments.devices
    results = {
        "alike": measure(count),
        "each with a serial number": measure(count, ", set: {identity.serial: '0x{n:x}'}"),
    }
    quick = {str(count): throughput(count) for count in WORKERS}
    other = reference()
    if arguments.json:
        told = {"fleets": results, "challenges/s by workers": quick, "reference MB": other}
        print(json.dumps(told, indent=2))  # noqa: T201 - a script's result
    else:
        table = Table(Column(f"{count} devices", no_wrap=True), *results)
        for name in next(iter(results.values())):
            cells = [one[name] for one in results.values()]
            table.add_row(
                name,
                *(str(len(one)) if isinstance(one, list) else f"{one:.1f}" for one in cells),
            )
        Console().print(table)
        Console().print(f"target: at most {TARGET} MB in all for {DEVICES} devices, and no error")
        for workers, rate in quick.items():
            Console().print(f"challenges a second with --workers {workers}: {rate:.0f}")
        if other is not None:
            Console().print(f"the reference, one process for one connection: {other:.1f} MB")
    if any(one["errors"] for one in results.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
