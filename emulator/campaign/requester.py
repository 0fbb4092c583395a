"""Running the program under test: in a session of its own, for so long, and its end.

Everything it started and did not put into another session ends with it.
"""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emulator.campaign.output import Output
from emulator.errors import EmulatorError

GRACE = 2.0
"""Seconds between asking a program to end and making it."""

_DRAIN = 1.0
"""Seconds to read what it had printed, once it is gone."""

_PLACE = re.compile(r"\{(host|port|address|seed)\}")


class CommandError(EmulatorError):
    """The command cannot be run."""


@dataclass(frozen=True)
class Command:
    """The program under test.

    Attributes:
        words: its name and arguments; {host}, {port}, {address} and {seed} stand for where the
            device listens and the seed of the run.
        timeout: seconds it may take.
        max_requests: requests it may send.
        patterns: looked for in the lines it prints.
    """

    words: tuple[str, ...]
    timeout: float = 60.0
    max_requests: int = 10_000
    patterns: tuple[re.Pattern[str], ...] = ()

    def filled(self, values: Mapping[str, str]) -> list[str]:
        """Its words, with `values` in their places."""
        return [_PLACE.sub(lambda place: values[place[1]], word) for word in self.words]


@dataclass(frozen=True)
class Ending:
    """How the program ended.

    Attributes:
        status: its exit status; negative: the number of the signal that killed it; None where it
            was ended.
        stopped: why it was ended, or ''.
    """

    status: int | None
    stopped: str = ""


class Program:
    """A program that runs."""

    def __init__(
        self, process: asyncio.subprocess.Process, pipe: asyncio.ReadTransport, ended: asyncio.Event
    ) -> None:
        self._process = process
        self._pipe = pipe
        self._ended = ended

    @classmethod
    async def start(
        cls, words: Sequence[str], values: Mapping[str, str], output: Output
    ) -> "Program":
        """Start it, with `values` in its environment as SPDM_HOST and so on.

        Raises CommandError.
        """
        told = {f"SPDM_{name.upper()}": value for name, value in values.items()}
        # A pipe of our own: asyncio's would have `wait` wait for all that hold it, too.
        ours, theirs = os.pipe()
        reader = _Reader(output)
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: reader, os.fdopen(ours, "rb", buffering=0)
        )
        try:
            process = await asyncio.create_subprocess_exec(
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
                env={**os.environ, **told},
            )
        except OSError as error:
            pipe.close()
            raise CommandError(f"cannot run {words[0]}: {error.strerror or error}") from error
        finally:
            os.close(theirs)
        return cls(process, pipe, reader.ended)

    async def wait(self) -> int:
        """Its exit status; negative: the number of the signal that killed it."""
        return await self._process.wait()

    async def end(self) -> None:
        """End it and all it started, first by asking, and read what it had still printed."""
        if self._process.returncode is None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), GRACE)
        self._signal(signal.SIGKILL)
        await self._process.wait()
        with contextlib.suppress(TimeoutError):
            # Something in a session of its own may hold the pipe.
            await asyncio.wait_for(self._ended.wait(), _DRAIN)
        self._pipe.close()
        await self._ended.wait()

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to all that are left of its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


class _Reader(asyncio.Protocol):
    """Reads what the program prints."""

    def __init__(self, output: Output) -> None:
        self.ended = asyncio.Event()
        self._output = output

    def data_received(self, data: bytes) -> None:
        """It printed."""
        self._output.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody holds the pipe any more, or we no longer read."""
        del exc
        self._output.end()
        self.ended.set()
