"""Serving several devices until told to stop."""

import asyncio
import contextlib
import gc
import os
import resource
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from emulator.device import Device
from emulator.endpoint import Endpoint
from emulator.errors import EmulatorError
from emulator.serve.events import log_events
from emulator.serve.listener import Listener
from emulator.tcp import address

CALL_WAIT = 10.0
"""Seconds to wait for a requester that is to be called."""


class ListenError(EmulatorError):
    """An address cannot be listened on, or not be called."""


@dataclass(frozen=True)
class Place:
    """A device and where it is to listen: an address, or `unix:PATH` for a host.

    Attributes:
        calls: a requester listens there; the device connects to it.
    """

    device: Device
    host: str
    port: int
    calls: bool = False


def raise_descriptor_limit() -> None:
    """Allow as many open sockets as the system lets us: silent peers are cheap to keep."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def serve(
    places: Sequence[Place],
    ready: Callable[[Place, str, int], None],
    *,
    endpoint: Callable[..., Endpoint] = Endpoint,
) -> None:
    """Listen for every device, report each address, and serve until SIGINT or SIGTERM.

    `endpoint` makes the endpoint of each connection. A device that called a requester is served
    until that connection ends, which ends all. Raises ListenError when an address cannot be had;
    what was opened before is closed.
    """
    raise_descriptor_limit()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with contextlib.AsyncExitStack() as listeners:
        pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="compute")
        listeners.callback(pool.shutdown, cancel_futures=True)
        for place in places:
            observe = log_events(place.device)
            listener = Listener(place.device, observe=observe, endpoint=endpoint, pool=pool)
            listeners.push_async_callback(listener.stop)
            try:
                if place.calls:
                    host, port = await listener.call(
                        place.host, place.port, wait=CALL_WAIT, ended=stopped.set
                    )
                else:
                    host, port = await listener.start(place.host, place.port)
            except OSError as error:
                cannot = "connect to" if place.calls else "listen on"
                raise ListenError(
                    f"{place.device.name}: cannot {cannot} {address(place.host, place.port)}: "
                    f"{error.strerror or error}"
                ) from error
            ready(place, host, port)
        # What was loaded until here stays: collections need not look at it again.
        gc.freeze()
        await stopped.wait()
