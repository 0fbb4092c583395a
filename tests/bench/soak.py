"""Many requests, with faults, to devices in this process, by clients that come and go.

    make soak
    python tests/bench/soak.py --requests 200000

Devices of the profiles `chaos` and `flaky-link`, a sound one, and one that signs with RSA beside
the event loop are served on the loopback. Clients ask them over and over, believe nothing, and
leave in every way there is: with SHUTDOWN, without, by a reset, in the middle of a frame, and
without waiting for the answer they asked for. What is told is what is left of it all: memory,
descriptors, tasks, objects of connections, and what the event loop complained of. Ends with 1 if
anything is.
"""

import argparse
import asyncio
import contextlib
import ctypes
import gc
import itertools
import logging
import os
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.client import (
    CHALLENGE,
    GET_ALL_SIGNED,
    GET_CAPABILITIES,
    GET_DIGESTS,
    GET_VERSION,
    get_certificate,
    negotiate,
)

from emulator.device import Device
from emulator.endpoint import Endpoint
from emulator.entropy import Seeded
from emulator.profile import build, load
from emulator.responder import Responder
from emulator.serve import Listener
from emulator.serve.connection import DeviceConnection
from emulator.serve.events import log_events
from emulator.serve.limits import raise_descriptor_limit
from emulator.spdm.connection import Connection
from emulator.spdm.stages import Stages
from emulator.spdm.work import Work
from emulator.transport.spdm_socket import Command, Frame, TransportType

PROFILES = (("chaos", 5), ("flaky-link", 2), ("nvme-ssd", 2), ("rsa", 1))
"""The devices, and their share of the requests in tenths; `rsa` is the sound one with RSA."""

ALGORITHMS = {"rsa": ("RSASSA_2048", "SHA_256")}
PATIENCE = 0.3
"""Seconds a client waits for a reply before it leaves."""

WARM_UP = 0.2
"""Of all requests, those after which memory must not grow any more."""

GROWTH = 8 * 1024
"""KiB by which memory may have grown since then: allocators are not exact."""

KINDS = (Endpoint, Responder, Connection, DeviceConnection, Stages, Work)
SHUTDOWN = Frame(Command.SHUTDOWN, TransportType.PCI_DOE).to_bytes()
TALK = 20
"""Challenges and measurements on a connection that goes well."""


@dataclass(frozen=True)
class Left:
    """What a process has at one time.

    Attributes:
        memory: resident, KiB.
        descriptors: open ones.
        tasks: of the event loop.
        objects: how many there are of each kind a connection is made of.
    """

    memory: int
    descriptors: int
    tasks: int
    objects: dict[str, int]


@dataclass
class Figures:
    """What came of it."""

    requests: int = 0
    answers: int = 0
    connections: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    fired: int = 0
    seconds: float = 0.0
    left: list[Left] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def problems(self) -> list[str]:
        """What is not as it was before."""
        start, warm, end = self.left
        found = [f"the event loop: {complaint}" for complaint in self.complaints]
        if end.memory - warm.memory > GROWTH:
            found.append(f"memory grew from {warm.memory} to {end.memory} KiB")
        found += [
            f"{name}: {before} before, {after} afterwards"
            for name, before, after in (
                ("descriptors", start.descriptors, end.descriptors),
                ("tasks", start.tasks, end.tasks),
                ("objects", start.objects, end.objects),
            )
            if before != after
        ]
        return found


class _Complaints(logging.Handler):
    """Hears what asyncio warns of, and what its event loop is told that nobody handled."""

    def __init__(self, into: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        self._into.append(record.getMessage())


def _left() -> Left:
    gc.collect()
    # What was freed goes back to the system, so that what is resident is what is in use.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (memory,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    objects = Counter(
        type(one).__name__ for one in gc.get_objects() if issubclass(type(one), KINDS)
    )
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are all that is wanted
    return Left(int(memory), descriptors, len(asyncio.all_tasks()), dict(objects))


def devices(seed: str) -> Iterator[tuple[str, int, Device]]:
    """The devices to be served."""
    at = datetime.now(UTC)
    for name, share in PROFILES:
        sets = [f"algorithms.asym=[{ALGORITHMS[name][0]}]"] if name in ALGORITHMS else []
        profile = load("nvme-ssd" if name == "rsa" else name, at=at, sets=sets)
        yield name, share, build(profile, entropy=Seeded(f"{seed} {name}"), at=at)


class Client:
    """One that comes and goes."""

    def __init__(self, port: int, name: str, figures: Figures, left: Iterator[int]) -> None:
        self._port = port
        self._negotiate = negotiate(*ALGORITHMS.get(name, ("ECDSA_P256", "SHA_256")))
        self._figures = figures
        self._left = left
        self._ways = itertools.count()

    async def run(self) -> None:
        """Ask until all is asked."""
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            self._figures.connections += 1
            try:
                if not await self._talk(reader, writer):
                    return
                await self._leave(reader, writer)
            except (OSError, EOFError, TimeoutError) as error:
                self._figures.errors[type(error).__name__] += 1
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """A conversation; False where no request is left."""
        opening = (GET_VERSION, GET_CAPABILITIES, self._negotiate, GET_DIGESTS, get_certificate(0))
        for request in (*opening, *(CHALLENGE, GET_ALL_SIGNED) * (TALK // 2)):
            if next(self._left, None) is None:
                return False
            self._figures.requests += 1
            writer.write(request)
            await self._answer(reader)
        return True

    async def _answer(self, reader: asyncio.StreamReader) -> None:
        async with asyncio.timeout(PATIENCE):
            _, _, size = struct.unpack(">III", await reader.readexactly(12))
            await reader.readexactly(size)
        self._figures.answers += 1

    async def _leave(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match next(self._ways) % 5:
            case 0:
                writer.write(SHUTDOWN)
                await self._answer(reader)
            case 1:
                sock: socket.socket = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            case 2:
                writer.write(GET_VERSION[:-3])
            case 3:
                writer.write(CHALLENGE + GET_ALL_SIGNED)
                await writer.drain()


async def soak(requests: int, *, clients: int, seed: str = "soak") -> Figures:
    """Serve, ask so many requests by so many clients a device, and look at what is left."""
    figures = Figures()
    complaints = _Complaints(figures.complaints)
    logging.getLogger("asyncio").addHandler(complaints)
    held = list(devices(seed))
    figures.left.append(_left())
    began = time.perf_counter()
    try:
        for part in (WARM_UP, 1 - WARM_UP):
            await _serve(held, int(requests * part), clients, figures)
            figures.left.append(_left())
    finally:
        logging.getLogger("asyncio").removeHandler(complaints)
    figures.seconds = time.perf_counter() - began
    for _, _, device in held:
        counts: dict[str, int] = getattr(device.stages, "counts", {})
        figures.fired += sum(counts.values())
    return figures


async def _serve(
    held: Sequence[tuple[str, int, Device]], requests: int, clients: int, figures: Figures
) -> None:
    """Listeners for all devices, until all that is to be asked of them is."""
    listeners = []
    jobs = []
    for name, share, device in held:
        listener = Listener(device, observe=log_events(device))
        listeners.append(listener)
        _, port = await listener.start("127.0.0.1", 0)
        left = iter(range(requests * share // 10))
        jobs += [Client(port, name, figures, left).run() for _ in range(clients)]
    await asyncio.gather(*jobs)
    for listener in listeners:
        await listener.stop()
    async with asyncio.timeout(10):
        while any(listener.connections for listener in listeners):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def main() -> int:
    """Soak, and print what came of it; 1 where something is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--clients", type=int, default=24, help="to each device, at once")
    asked = parser.parse_args()
    logging.getLogger("emulator").setLevel(logging.ERROR)  # its warnings are the faults
    raise_descriptor_limit()
    figures = asyncio.run(soak(asked.requests, clients=asked.clients))
    lines = [
        f"{figures.requests} requests, {figures.answers} answers",
        f"{figures.connections} connections, {figures.fired} faults fired",
        f"{figures.seconds:.0f} s, {figures.requests / figures.seconds:.0f} requests/s",
        f"connections that ended otherwise than the client meant: {dict(figures.errors)}",
    ]
    for when, left in zip(("before", "warmed up", "at the end"), figures.left, strict=True):
        counted = f"{left.memory} KiB, {left.descriptors} descriptors, {left.tasks} tasks"
        lines.append(f"{when}: {counted}, objects {left.objects}")
    problems = figures.problems()
    print(*lines, *(f"PROBLEM: {one}" for one in problems), sep="\n")  # noqa: T201 - its result
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
