"""One connection of control, at the end where the devices are."""

import asyncio
import logging
from contextlib import suppress
from typing import Any

from emulator.control import lines, requests
from emulator.control.port import QUEUED, Control, ControlError, Subscription

log = logging.getLogger(__name__)

AT_ONCE = 16
"""Operations of one peer under way before the next line is read."""


class ControlPeer:
    """Serves one connection until its peer leaves.

    A peer that does not read is not waited for by anyone but itself: its events are dropped, and
    its requests are not read.
    """

    def __init__(
        self,
        control: Control,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        queued: int = QUEUED,
    ) -> None:
        """Serve `control` over a stream; `queued` events may wait for the peer."""
        self._control = control
        self._reader = reader
        self._writer = writer
        self._queued = queued
        self._subscription: Subscription | None = None
        self._teller: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(AT_ONCE)

    async def serve(self) -> None:
        """Answer until the peer leaves, or sends what is no line."""
        try:
            while line := await self._line():
                await self._room.acquire()
                task = asyncio.create_task(self._answer(line))
                self._tasks.add(task)
                task.add_done_callback(self._done)
        except (ConnectionError, TimeoutError):
            pass
        finally:
            await self._end()

    async def _line(self) -> bytes:
        try:
            return await self._reader.readline()
        except ValueError:
            error = ControlError("invalid", f"request: found more than {lines.LONGEST} bytes")
            await self._send(lines.refusal(None, error))
            return b""

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._room.release()

    async def _answer(self, line: bytes) -> None:
        number: Any = None
        try:
            read = lines.read_object(line)
            number = read.get("id")
            request = requests.request_of(read)
            answer = lines.answer(number, await self._run(request))
        except ControlError as error:
            answer = lines.refusal(number, error)
        with suppress(ConnectionError):
            await self._send(answer)

    async def _run(self, request: requests.Request) -> Any:
        if request.operation == lines.SUBSCRIBE:
            return await self._subscribe(request)
        if request.operation == lines.UNSUBSCRIBE:
            await self._unsubscribe()
            return None
        return await self._control.call(request.operation, request.arguments)

    async def _subscribe(self, request: requests.Request) -> None:
        wanted = requests.read_subscribe(request.arguments)
        await self._unsubscribe()
        self._subscription = self._control.subscribe(wanted, limit=self._queued)
        self._teller = asyncio.create_task(self._tell(self._subscription))

    async def _unsubscribe(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
        if self._teller is not None:
            self._teller.cancel()
            with suppress(asyncio.CancelledError):
                await self._teller
        self._subscription = self._teller = None

    async def _tell(self, subscription: Subscription) -> None:
        dropped = 0
        with suppress(ConnectionError):
            async for event in subscription:
                await self._send({"event": event})
                if subscription.dropped > dropped:
                    await self._send({"dropped": subscription.dropped - dropped})
                    dropped = subscription.dropped

    async def _send(self, value: dict[str, Any]) -> None:
        self._writer.write(lines.line(value))
        await self._writer.drain()

    async def _end(self) -> None:
        await self._unsubscribe()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()
