"""Runs of a requester, each against a device of its own in this process.

The k-th run's seed is the first run's with `-k` behind it, and gives the same device and the same
faults when it is given as the first run's.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from emulator.campaign.judge import Judgement, Terms, judge, signal_name
from emulator.campaign.output import Output
from emulator.campaign.requester import Command, Ending, Program
from emulator.campaign.seeds import seed_of
from emulator.campaign.watch import LAST, Watch
from emulator.device import Device
from emulator.endpoint import Endpoint
from emulator.faults import Faults
from emulator.serve import Listener
from emulator.tcp import address

HOST = "127.0.0.1"
During = Callable[[int, Watch], AbstractContextManager[None]]

_LEAVING = 1.0
"""Seconds for what the program sent last to arrive, once it is gone."""
_LOOK = 0.01


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        number: which one, from 1.
        seed: the seed it is repeated with.
        judgement: what came of it.
        ending: how the program ended.
        output: the end of what it printed.
        watch: what passed.
        fired: how often each fault rule reached in.
        seconds: how long it took.
    """

    number: int
    seed: str
    judgement: Judgement
    ending: Ending
    output: str
    watch: Watch
    fired: dict[str, int]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The run for a script."""
        status = self.ending.status
        watch = self.watch
        return {
            "run": self.number,
            "seed": self.seed,
            "outcome": self.judgement.kind.value,
            "why": self.judgement.why,
            "good": self.judgement.good,
            "problem": self.judgement.problem,
            "exit": status if status is not None and status >= 0 else None,
            "signal": signal_name(-status) if status is not None and status < 0 else None,
            "seconds": round(self.seconds, 3),
            "connections": watch.connections,
            "requests": watch.requests,
            "retries": watch.retries,
            "last_request": watch.asked,
            "reached": watch.reached,
            "errors": dict(watch.errors),
            "ended": watch.ended,
            "fired": self.fired,
            "diagnoses": watch.diagnoses,
            "messages": [
                {
                    "connection": heard.connection,
                    "direction": heard.direction.value,
                    "name": heard.name,
                    "error": heard.error,
                    "meaning": heard.told.meaning,
                    "remarks": list(heard.remarks),
                }
                for heard in list(watch.conversation)[-LAST:]
            ],
            "output": self.output,
        }


async def run(
    command: Command,
    terms: Terms,
    make: Callable[[str], Device],
    *,
    seed: str,
    repeat: int = 1,
    endpoint: Callable[..., Endpoint] = Endpoint,
    during: During = lambda _number, _watch: nullcontext(),
) -> AsyncGenerator[Run, None]:
    """Run the requester so many times, one after the other.

    Args:
        command: the requester.
        terms: what is asked of it.
        make: makes a new device of a seed.
        seed: the first run's.
        repeat: how many runs.
        endpoint: makes the endpoint of a connection: `Endpoint`, or what wraps one.
        during: what surrounds each run, given its number and what is heard.

    Raises CommandError where the command cannot be run.
    """
    for number in range(1, repeat + 1):
        own = seed_of(seed, number)
        yield await _once(
            command, terms, make(own), number=number, seed=own, endpoint=endpoint, during=during
        )


async def _once(
    command: Command,
    terms: Terms,
    device: Device,
    *,
    number: int,
    seed: str,
    endpoint: Callable[..., Endpoint],
    during: During,
) -> Run:
    loop = asyncio.get_running_loop()
    too_many = asyncio.Event()

    def changed() -> None:
        if watch.requests >= command.max_requests:
            too_many.set()

    watch = Watch(changed)
    output = Output(command.patterns)
    listener = Listener(device, observe=watch.observe, endpoint=endpoint)
    host, port = await listener.start(HOST, 0)
    started = loop.time()
    try:
        values = {"host": host, "port": str(port), "address": address(host, port), "seed": seed}
        program = await Program.start(command.filled(values), values, output)
        try:
            with during(number, watch):
                ending = await _ending(program, command, too_many)
        finally:
            await program.end()
        seconds = loop.time() - started
        await _left(listener)
    finally:
        await listener.stop()
    faults = device.stages
    fired = dict(faults.counts) if isinstance(faults, Faults) else {}
    total = sum(fired.values()) if fired else None
    return Run(
        number=number,
        seed=seed,
        judgement=judge(terms, ending, output, watch, fired=total),
        ending=ending,
        output=output.tail,
        watch=watch,
        fired=fired,
        seconds=seconds,
    )


async def _ending(program: Program, command: Command, too_many: asyncio.Event) -> Ending:
    """Wait for the program, as long as it may take and as often as it may ask."""
    ended = asyncio.create_task(program.wait())
    asked = asyncio.create_task(too_many.wait())
    await asyncio.wait([ended, asked], timeout=command.timeout, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if ended.done():
        return Ending(ended.result())
    ended.cancel()
    if too_many.is_set():
        return Ending(None, f"it asked {command.max_requests} times")
    return Ending(None, f"it had not ended after {command.timeout:g} s")


async def _left(listener: Listener) -> None:
    """Let the device hear the last of what the program sent."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _LEAVING
    await asyncio.sleep(_LOOK)
    while listener.connections and loop.time() < until:  # noqa: ASYNC110 - a listener tells nobody
        await asyncio.sleep(_LOOK)
