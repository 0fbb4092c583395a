"""The parent of workers: their control in one, and a new one in place of one that died."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from itertools import count as numbers
from typing import Any

from emulator import events
from emulator.control import lines
from emulator.control.desk import Desk, check_patterns
from emulator.control.local import LocalControl
from emulator.control.operation import find
from emulator.control.port import ALL, QUEUED, ControlError, Subscription, Wanted, matches
from emulator.control.workers import results
from emulator.control.workers.bounds import Bounds
from emulator.control.workers.spec import REPLACE, START, STOP, spec_of
from emulator.control.workers.worker import Worker
from emulator.serve.fleet import Served
from emulator.serve.run import ListenError
from emulator.serve.shutdown import Grace
from emulator.tcp import address

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.2, 30.0
"""Seconds before a new worker takes the place of one that died: doubled each time, up to this."""

STEADY = 60.0
"""Seconds after which a worker that dies is one that lived."""

_UNBOUNDED = Bounds()


class Workers:
    """The `Control` of devices that workers serve.

    Attributes:
        served: the devices by name, as they are to be served; what lives is with the workers.
        count: how many workers there are.
        bounds: of all workers together.
    """

    def __init__(self, count: int, desk: Desk, bounds: Bounds = _UNBOUNDED) -> None:
        """`count` workers, none of which is started yet; `desk`: this process's, without devices.

        What is no matter of devices is done there, and there all events are told.
        """
        self.count = count
        self.bounds = bounds
        self.served: dict[str, Served] = {}
        self._desk = desk
        self._local = LocalControl(desk)
        self._hub = desk.hub
        self._workers = [self._worker(number) for number in range(1, count + 1)]
        self._of: dict[str, int] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._heard = False
        desk.hub.interest = self._listen

    # --- the processes ---

    async def open(self, devices: Sequence[Served]) -> None:
        """Start the workers and have them serve `devices`.

        Raises ListenError where one cannot listen; what was opened is to be closed.
        """
        # Functions of one device stay together, as they are reset together.
        positions = numbers()
        for served in devices:
            self.served[served.name] = served
            home = self._of.get(served.of)
            self._of[served.name] = next(positions) % len(self._workers) if home is None else home
        await asyncio.gather(*map(self._begin, range(len(self._workers))))
        self._keepers = [
            asyncio.create_task(self._keep(index)) for index in range(len(self._workers))
        ]

    async def close(self, grace: Grace | None = None) -> None:
        """End the workers; `grace` says when there is hurry."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(worker.stop(grace) for worker in self._workers))

    def _worker(self, number: int) -> Worker:
        return Worker(number, self.bounds.share(self.count), self._hub.relay, self._lost)

    def _lost(self, count: int) -> None:
        self._hub.tell(events.Dropped(count=count))

    async def _begin(self, index: int) -> None:
        """Start a worker with its devices. Raises ListenError."""
        worker = self._workers[index]
        await worker.start()
        if self._heard:
            worker.ask(lines.SUBSCRIBE, {}).add_done_callback(_retrieved)
        own = [served for name, served in self.served.items() if self._of[name] == index]
        specs = [spec_of(served).model_dump() for served in own]
        told = await worker.ask(START, {"devices": specs})
        for served in own:
            _bind(served, told[served.name])

    async def _keep(self, index: int) -> None:
        """Put a new worker in the place of one that has died, again and again."""
        loop = asyncio.get_running_loop()
        wait = FIRST_WAIT
        while True:
            worker, began = self._workers[index], loop.time()
            if worker.ended is not None:
                await asyncio.wait([worker.ended])
            await worker.stop()
            wait = FIRST_WAIT if loop.time() - began > STEADY else wait
            own = [name for name in self.served if self._of[name] == index]
            status = "" if worker.process is None else f" with {worker.process.returncode}"
            what = f"{worker.told} has ended{status}; its {len(own)} devices start anew"
            log.error("%s", what)
            self._hub.tell(events.Trouble(what=what))
            for name in own:
                self._hub.tell(events.DeviceDown(device=name, reason=f"{worker.told} has ended"))
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)
            self._workers[index] = self._worker(worker.number)
            try:
                await self._begin(index)
            except (OSError, ListenError, ControlError) as error:
                log.error("%s: %s", self._workers[index].told, error)  # noqa: TRY400 - said well enough
                self._hub.tell(events.Trouble(what=f"{self._workers[index].told}: {error}"))
                await self._workers[index].stop()

    def _listen(self) -> None:
        """Hear the workers' events while anybody hears ours."""
        if self._heard == self._hub.listening:
            return
        self._heard = self._hub.listening
        for worker in self._workers:
            operation = lines.SUBSCRIBE if self._heard else lines.UNSUBSCRIBE
            worker.ask(operation, {}).add_done_callback(_retrieved)

    # --- what a fleet's file is applied to ---

    def names(self) -> Collection[str]:
        """What the devices are called."""
        return self.served.keys()

    async def add(self, served: Served) -> None:
        """Serve one more, where there are fewest. Raises ControlError."""
        counts = [list(self._of.values()).count(index) for index in range(len(self._workers))]
        same = (name for name, one in self.served.items() if one.physical == served.physical)
        index = next((self._of[name] for name in same), counts.index(min(counts)))
        told = await self._workers[index].ask(START, {"devices": [spec_of(served).model_dump()]})
        try:
            _bind(served, told[served.name])
        except ListenError as error:
            raise ControlError("failed", str(error)) from None
        self.served[served.name], self._of[served.name] = served, index

    async def remove(self, name: str, reason: str) -> None:
        """Serve one no more. Raises ControlError."""
        del self.served[name]
        worker = self._workers[self._of.pop(name)]
        await worker.ask(STOP, {"device": name, "reason": reason})

    async def replace(self, served: Served, changes: Sequence[str]) -> None:
        """Let the connections to come have this one in place of the one of its name."""
        served.bound = self.served[served.name].bound
        self.served[served.name] = served
        arguments = {"device": spec_of(served).model_dump(), "changes": list(changes)}
        await self._workers[self._of[served.name]].ask(REPLACE, arguments)

    # --- control ---

    def subscribe(self, wanted: Wanted = ALL, *, limit: int = QUEUED) -> Subscription:
        """Hear of the events to come."""
        return self._hub.subscribe(wanted, limit=limit)

    async def call(self, operation: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Carry out an operation in the workers it concerns. Raises ControlError.

        Where one of them refuses, those after it are not asked.
        """
        found, given = find(operation), dict(arguments or {})
        read = found.read(given)
        own = self._own.get(operation)
        if own is not None:
            return await own(self, given)
        if not found.of_devices:
            return await self._local.call(operation, given)
        asked = self._concerned(read.model_dump()["devices"])
        told = []
        for worker, patterns in asked:
            told.append(await worker.ask(operation, {**given, "devices": patterns}))
        return results.by_device(told, self.served)

    def _concerned(self, patterns: Sequence[str]) -> list[tuple[Worker, list[str]]]:
        """The workers that have devices of these patterns, each with those of its own."""
        fitting: list[list[str]] = [[] for _ in self._workers]
        check_patterns(patterns, list(self.served))
        for pattern in patterns:
            indexes = {self._of[name] for name in self.served if matches(name, (pattern,))}
            for index in indexes:
                fitting[index].append(pattern)
        pairs = zip(self._workers, fitting, strict=True)
        return [(worker, wanted) for worker, wanted in pairs if wanted]

    async def _everywhere(self, operation: str, given: Mapping[str, Any]) -> list[Any]:
        return [await worker.ask(operation, given) for worker in self._workers]

    async def _info(self, given: Mapping[str, Any]) -> dict[str, Any]:
        told = await self._everywhere("emulator.info", given)
        files = [one["recording"] for one in told if one["recording"] is not None]
        own: dict[str, Any] = await self._local.call("emulator.info", given)
        return {
            **own,
            "devices": len(self.served),
            "connections": sum(one["connections"] for one in told),
            "recording": ", ".join(files) or None,
        }

    async def _record(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Each worker records into a file of its own."""
        told = [
            await worker.ask(
                "recording.start",
                {**given, "file": results.recording_of(given["file"], worker.number)},
            )
            for worker in self._workers
        ]
        return results.recordings(told)

    async def _recorded(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return results.recordings(await self._everywhere("recording.get", given))

    async def _record_no_more(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return results.recordings(await self._everywhere("recording.stop", given))

    _own: Mapping[str, Callable[["Workers", Mapping[str, Any]], Awaitable[Any]]] = {
        "emulator.info": _info,
        "recording.get": _recorded,
        "recording.start": _record,
        "recording.stop": _record_no_more,
    }


def _bind(served: Served, told: Mapping[str, Any]) -> None:
    """Note where a device listens. Raises ListenError."""
    if "error" in told:
        where = address(served.host, served.port)
        raise ListenError(f"{served.name}: cannot listen on {where}: {told['error']}")
    host, port = told["bound"]
    served.bound = host, port


def _retrieved(answer: asyncio.Future[Any]) -> None:
    """A worker that has ended hears nothing: that is told elsewhere."""
    answer.cancelled() or answer.exception()
