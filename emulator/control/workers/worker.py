"""A worker as its parent sees it: a process, and the lines to and from it."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any

from emulator.control import lines
from emulator.control.port import ControlError
from emulator.control.workers.bounds import Bounds, Log, Start
from emulator.control.workers.spec import LONGEST
from emulator.serve.shutdown import Grace

_CHILD = "emulator.control.workers.child"
_PATIENCE = 10.0
"""Seconds a worker has to end by itself."""

Hear = Callable[[dict[str, Any]], None]


class Worker:
    """One worker.

    Attributes:
        number: which one it is, from 1.
        process: its process, once it was started.
        ended: done when its connection or the process has ended.
    """

    def __init__(
        self, number: int, bounds: Bounds, hear: Hear, lost: Callable[[int], None]
    ) -> None:
        """`hear` is told each event, `lost` how many did not fit."""
        self._bounds = bounds
        self.number = number
        self.process: asyncio.subprocess.Process | None = None
        self.ended: asyncio.Task[None] | None = None
        self._hear = hear
        self._lost = lost
        self._writer: asyncio.StreamWriter | None = None
        self._asked = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}

    @property
    def told(self) -> str:
        """What it is called in messages."""
        process = "" if self.process is None else f" (process {self.process.pid})"
        return f"worker {self.number}{process}"

    async def start(self) -> None:
        """Start the process. Raises OSError."""
        ours, theirs = socket.socketpair()
        start = Start(descriptor=theirs.fileno(), bounds=self._bounds, log=Log.of_this_process())
        try:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", _CHILD, start.model_dump_json()),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
            )
        finally:
            theirs.close()
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=LONGEST)
        self.ended = asyncio.create_task(self._read(reader))

    def ask(self, operation: str, arguments: Mapping[str, Any]) -> asyncio.Future[Any]:
        """Have an operation carried out; its result, or a ControlError.

        What is asked first is begun first.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._writer is None or self.ended is None or self.ended.done():
            answer.set_exception(self._gone())
            return answer
        self._asked += 1
        self._answers[self._asked] = answer
        self._writer.write(lines.request(self._asked, operation, arguments))
        return answer

    async def stop(self, grace: Grace | None = None) -> None:
        """Let the process end; it has its own grace, unless `grace` is in a hurry."""
        if self._writer is not None:
            self._writer.close()
        if self.process is not None:
            ended = asyncio.ensure_future(self.process.wait())
            if grace is not None:
                await grace.until(asyncio.shield(ended))
                if grace.hurry.is_set() and not ended.done():
                    self.process.terminate()
            try:
                await asyncio.wait_for(asyncio.shield(ended), _PATIENCE)
            except TimeoutError:
                self.process.kill()
                await ended
        if self.ended is not None:
            self.ended.cancel()
            await asyncio.gather(self.ended, return_exceptions=True)

    def _gone(self) -> ControlError:
        return ControlError("failed", f"{self.told} has ended")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Take what the worker says until it says no more."""
        with contextlib.suppress(ConnectionError, ValueError):
            while line := await reader.readline():
                self._take(lines.read_object(line))
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            if not answer.done():
                answer.set_exception(self._gone())

    def _take(self, read: dict[str, Any]) -> None:
        if "event" in read:
            self._hear(read["event"])
        elif "dropped" in read:
            self._lost(read["dropped"])
        else:
            answer = self._answers.pop(read.get("id", 0), None)
            if answer is not None and not answer.done():
                try:
                    answer.set_result(lines.result_of(read))
                except ControlError as error:
                    answer.set_exception(error)
