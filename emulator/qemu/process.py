"""A QEMU process under qtest: started, connected to, and ended.

QEMU connects to the qtest socket first, then makes its devices, then answers commands. So the
first answer says that all devices stand, and a connection that closes before it that one does not.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import IO, Self

from emulator.client.config_space import DOE_CAPABILITY
from emulator.client.mailbox import RESPONSE_TIME
from emulator.qemu.launch import (
    INSTALL_HINT,
    QEMU,
    QemuDevice,
    QemuError,
    command_line,
    version_problem,
)
from emulator.qemu.mailbox import QemuMailbox
from emulator.qemu.pcie import Ecam, Function, map_ecam
from emulator.qemu.qtest import DEFAULT_TIMEOUT, Qtest, QtestError

_STOPPED = ("-accel", "tcg", "-S", "-display", "none", "-nodefaults", "-qtest-log", "none")
_GRACE = 5.0


class QemuProcess:
    """A running QEMU with its processors stopped: an async context manager, to be entered once.

    The devices must be listening when it is entered. QEMU is ended by its own process id: asked
    first, which also ends its wait for a silent device, and killed when that does not help.
    """

    def __init__(
        self,
        devices: Sequence[QemuDevice],
        *,
        qemu: str = QEMU,
        extra: Sequence[str] = (),
        timeout: float = DEFAULT_TIMEOUT,
        grace: float = _GRACE,
    ) -> None:
        """Prepare to start; nothing happens yet.

        Args:
            devices: what QEMU is to have.
            qemu: the program.
            extra: further arguments for it.
            timeout: seconds for QEMU to start, and to answer each access.
            grace: seconds for QEMU to end before it is killed.
        """
        self._devices = tuple(devices)
        self._qemu = qemu
        self._extra = tuple(extra)
        self._timeout = timeout
        self._grace = grace
        self._cleanup = contextlib.AsyncExitStack()
        self._process: asyncio.subprocess.Process | None = None
        self._qtest: Qtest | None = None
        self._ecam: Ecam | None = None
        self._log: IO[bytes] | None = None
        self._said = ""

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            await self._start(stack)
            self._cleanup = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._cleanup.aclose()

    @property
    def pid(self) -> int:
        """QEMU's process id."""
        return self._running().pid

    @property
    def output(self) -> str:
        """What QEMU has written to its standard output and error."""
        if self._log is not None:
            self._log.seek(0)
            self._said = self._log.read().decode(errors="backslashreplace").strip()
        return self._said

    async def function(self, index: int = 0) -> Function:
        """The PCI function of the device at `index`."""
        if self._ecam is None:
            raise QemuError("QEMU is not running: enter the context first")
        device = self._devices[index]
        return await self._ecam.function(0, device.slot, device.function)

    async def mailbox(self, index: int = 0, *, response_time: float = RESPONSE_TIME) -> QemuMailbox:
        """The first DOE mailbox of the device at `index`."""
        function = await self.function(index)
        offsets = await function.capabilities(DOE_CAPABILITY)
        if not offsets:
            raise QemuError(f"QEMU's device at {function.name} has no DOE capability")
        return QemuMailbox(function, offsets[0], response_time=response_time)

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="spdm-emulator-")))
        # QEMU shares this file's position; appending keeps reading it from disturbing QEMU.
        self._log = stack.enter_context((folder / "output").open("a+b"))
        stack.callback(self._keep_output)
        connected = asyncio.Event()

        def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._qtest = Qtest(reader, writer, timeout=self._timeout)
            connected.set()

        socket = folder / "qtest"
        try:
            server = await asyncio.start_unix_server(take, socket)
        except OSError as error:
            raise QemuError(f"cannot listen on {socket} for QEMU: {error}") from error
        stack.callback(server.close)
        # Closed after QEMU has ended: one that hangs would never take what is still unsent.
        stack.push_async_callback(self._close_qtest)
        await self._spawn((*_STOPPED, "-qtest", f"unix:{socket}", *self._extra))
        stack.push_async_callback(self._end)
        await self._map(connected)

    async def _spawn(self, extra: Sequence[str]) -> None:
        command = command_line(self._devices, qemu=self._qemu, extra=extra)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=self._log,
                stderr=asyncio.subprocess.STDOUT,
            )
        except OSError as error:
            reason = f"{self._qemu} cannot be run: {error.strerror}"
            raise QemuError(f"{reason}. {INSTALL_HINT}") from error

    async def _map(self, connected: asyncio.Event) -> None:
        """Wait for QEMU to connect, or to end, and then for its first answer."""
        waits = [asyncio.ensure_future(w) for w in (connected.wait(), self._running().wait())]
        try:
            await asyncio.wait(waits, timeout=self._timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._qtest is None:
            raise await self._failure(f"its qtest socket was not opened in {self._timeout:g} s")
        try:
            self._ecam = await map_ecam(self._qtest)
        except QtestError as error:
            raise await self._failure(str(error)) from error

    async def _failure(self, reason: str) -> QemuError:
        """Why QEMU does not run, in its own words where it has any."""
        await self._ended()
        status = self._running().returncode
        ended = "" if status is None else f", it ended with status {status}"
        problem = version_problem(self._qemu)
        hint = f". {problem}" if problem else ""
        return QemuError(f"QEMU did not start{ended}: {self.output or reason}{hint}")

    async def _end(self) -> None:
        process = self._running()
        self._ecam = None
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        if not await self._ended():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await self._ended()

    async def _ended(self) -> bool:
        """Whether QEMU ends within the grace period."""
        try:
            async with asyncio.timeout(self._grace):
                await self._running().wait()
        except TimeoutError:
            return False
        return True

    async def _close_qtest(self) -> None:
        if self._qtest is not None:
            await self._qtest.close()

    def _keep_output(self) -> None:
        self._said = self.output
        self._log = None

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise QemuError("QEMU is not running: enter the context first")
        return self._process
