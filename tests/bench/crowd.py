"""Many requesters at once, and what a process that serves them holds of memory."""

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from interop.serving import COMMAND

from emulator.client import connect
from emulator.pki.authority import sample_authority
from emulator.serve.limits import raise_descriptor_limit

PATIENCE = 120.0
"""Seconds a reply may take behind all others."""


@dataclass
class Crowd:
    """What came of requesters that attested at once.

    Attributes:
        seconds: how long all of them took together, connecting left out.
        wrong: what went wrong, a line for each that did.
    """

    seconds: float
    wrong: list[str] = field(default_factory=list)


def attest_all(addresses: Sequence[tuple[str, int]]) -> Crowd:
    """Attest every device, all at once: none begins before all are connected."""
    raise_descriptor_limit()
    return asyncio.run(attest_each(addresses))


async def attest_each(addresses: Sequence[tuple[str, int]]) -> Crowd:
    """The same, for an event loop that runs."""
    trust = [sample_authority(scheme).root.certificate for scheme in ("ECDSA_P256", "ECDSA_P384")]
    connected = asyncio.Barrier(len(addresses) + 1)

    async def attest(host: str, port: int) -> str:
        async with connect(host, port, timeout=PATIENCE) as client:
            await connected.wait()
            verdict = await client.attest(trust=trust, at=datetime.now(UTC))
        return "" if verdict.ok else f"{host}:{port}: {verdict}"

    tasks = [asyncio.create_task(attest(host, port)) for host, port in addresses]
    async with asyncio.timeout(PATIENCE):
        await connected.wait()
    began = time.perf_counter()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    return Crowd(time.perf_counter() - began, [str(one) for one in results if one != ""])


def resident(process: int) -> float:
    """The resident memory of a process, MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return next(
        int(line.split()[1]) / 1000 for line in status.splitlines() if line.startswith("VmRSS:")
    )


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(one) for one in text.split()]


@dataclass
class Served:
    """A fleet that is served.

    Attributes:
        process: its process.
        seconds: from the start of the process until all devices listened.
        addresses: where they listen.
    """

    process: int
    seconds: float
    addresses: list[tuple[str, int]]

    @property
    def memory(self) -> float:
        """What all its processes hold, MB; pages that they share are counted for each."""
        return sum(map(resident, (self.process, *children(self.process))))


@contextmanager
def fleet(count: int, *options: str, entry: str = "") -> Iterator[Served]:
    """Serve so many devices of one entry of a fleet file, on ports of the system's choice."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bench.yaml"
        about = f"profile: nvme-ssd, name: 'nvme-{{n}}', count: {count}, port: 0{entry}"
        path.write_text(f"fleet: 1\ndevices: [{{{about}}}]\n", encoding="utf-8")
        began = time.perf_counter()
        process = subprocess.Popen(
            [COMMAND, "serve", "--json", *options, str(path)], stdout=subprocess.PIPE, text=True
        )
        try:
            out = process.stdout
            lines = [json.loads(out.readline() if out else "") for _ in range(count)]
            taken = time.perf_counter() - began
            yield Served(process.pid, taken, [(one["host"], one["port"]) for one in lines])
        finally:
            process.terminate()
            process.communicate(timeout=60)
        assert process.returncode == 0
