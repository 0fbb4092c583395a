"""What the tests against a real QEMU share: a QEMU, and devices for it to connect to.

A device here is whatever listens on a port and answers GET_VERSION. `DEVICES` names the factories
that every general test runs with; `CannedDevice` is the one whose answers a test can choose.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Protocol, Self

from support import require_or_skip

from emulator.entropy import Seeded
from emulator.profile import build, load
from emulator.qemu import QemuDevice, QemuProcess, version_problem
from emulator.serve.listener import Listener
from emulator.transport import doe
from emulator.transport.spdm_socket import Command, Frame, FrameReader, TransportType

GET_VERSION = doe.spdm_object(bytes.fromhex("10840000"))
VERSION_1_2 = doe.spdm_object(bytes.fromhex("10040000 0001 0012"))

NO_RESPONSE = b""
"""An answer without payload: QEMU takes it for none."""


class Listening(Protocol):
    """A device that accepts spdm-socket connections."""

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        ...


DeviceFactory = Callable[[], AbstractAsyncContextManager[Listening]]
Answer = Callable[[bytes], bytes | Awaitable[bytes]]


def always_version(_: bytes) -> bytes:
    return VERSION_1_2


class CannedDevice:
    """Answers each NORMAL frame's payload with what `answer` makes of it."""

    def __init__(self, answer: Answer = always_version) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.connections = 0
        self.ended = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def hang_up(self) -> None:
        """Close every connection."""
        for task in self._tasks:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        frames = FrameReader()
        try:
            while data := await reader.read(65536):
                for frame in frames.feed(data):
                    if frame.command == Command.SHUTDOWN:
                        return
                    assert frame[:2] == (Command.NORMAL, TransportType.PCI_DOE)
                    self.requests.append(frame.payload)
                    answer = self.answer(frame.payload)
                    payload = answer if isinstance(answer, bytes) else await answer
                    writer.write(Frame(*frame[:2], payload).to_bytes())
        except (ConnectionError, asyncio.CancelledError):
            pass  # QEMU was killed, or the test hangs up
        finally:
            self._tasks.discard(task)
            self.ended.set()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@dataclass(frozen=True)
class ServedDevice:
    """Where a real device of ours listens."""

    port: int


@asynccontextmanager
async def served_device(profile: str = "nvme-ssd") -> AsyncIterator[ServedDevice]:
    """A real device of ours, in this event loop."""
    now = datetime.now(UTC)
    listener = Listener(build(load(profile, at=now), entropy=Seeded("qemu"), at=now))
    _, port = await listener.start("127.0.0.1", 0)
    try:
        yield ServedDevice(port)
    finally:
        await listener.stop()


DEVICES: dict[str, DeviceFactory] = {"canned": CannedDevice, "served": served_device}


@cache
def _qemu_problem() -> str | None:
    return version_problem()


def qemu_with(*devices: Listening, timeout: float = 30.0, grace: float = 5.0) -> QemuProcess:
    """A QEMU with an nvme device for each, in slots 4 and up; skips where there is no QEMU."""
    problem = _qemu_problem()
    require_or_skip(problem is None, problem or "")
    arguments = [QemuDevice(device.port, slot=4 + n) for n, device in enumerate(devices)]
    return QemuProcess(arguments, timeout=timeout, grace=grace)


def qemu_with_functions(*devices: Listening) -> QemuProcess:
    """A QEMU with an nvme device for each, the functions of one slot; skips likewise."""
    problem = _qemu_problem()
    require_or_skip(problem is None, problem or "")
    return QemuProcess([QemuDevice(one.port, function=n) for n, one in enumerate(devices)])
