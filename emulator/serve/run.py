"""Serving several devices until told to stop."""

import asyncio
import contextlib
import gc
import resource
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from emulator.device import Device
from emulator.endpoint import Endpoint
from emulator.errors import EmulatorError
from emulator.serve.events import log_events
from emulator.serve.fleet import Fleet, Served
from emulator.serve.listener import Listener
from emulator.tcp import address

CALL_WAIT = 10.0
"""Seconds to wait for a requester that is to be called."""


class ListenError(EmulatorError):
    """An address cannot be listened on, or not be called."""


def raise_descriptor_limit() -> None:
    """Allow as many open sockets as the system lets us: silent peers are cheap to keep."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


Beside = Callable[[Callable[[], None]], AbstractAsyncContextManager[object]]
"""What goes on beside the devices, given what ends it all."""


async def serve(
    fleet: Fleet,
    devices: Sequence[Served],
    ready: Callable[[Served], None],
    *,
    beside: Beside = lambda _: contextlib.nullcontext(),
) -> None:
    """Listen for every device, report each once it does, and serve until SIGINT or SIGTERM.

    `beside` is begun once all of them listen. Raises ListenError when an address cannot be had, and
    FleetError for a name there is; what was opened before is closed.
    """
    raise_descriptor_limit()
    stopped = until_stopped()
    async with contextlib.AsyncExitStack() as opened:
        opened.push_async_callback(fleet.close)
        for served in devices:
            try:
                await fleet.start(served)
            except OSError as error:
                where = address(served.host, served.port)
                raise _cannot("listen on", served.name, where, error) from error
            ready(served)
        await opened.enter_async_context(beside(stopped.set))
        # What was loaded until here stays: collections need not look at it again.
        gc.freeze()
        await stopped.wait()


async def call(
    device: Device,
    host: str,
    port: int,
    ready: Callable[[str, int], None],
    *,
    endpoint: Callable[..., Endpoint] = Endpoint,
) -> None:
    """Connect to a requester that listens, report its address, and serve that connection alone.

    Raises ListenError when it cannot be called.
    """
    stopped = until_stopped()
    listener = Listener(device, observe=log_events(device), endpoint=endpoint)
    try:
        at = await listener.call(host, port, wait=CALL_WAIT, ended=stopped.set)
        ready(*at)
        await stopped.wait()
    except OSError as error:
        raise _cannot("connect to", device.name, address(host, port), error) from error
    finally:
        await listener.stop()


def until_stopped() -> asyncio.Event:
    """Set once SIGINT or SIGTERM comes."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    return stopped


def _cannot(what: str, name: str, where: str, error: OSError) -> ListenError:
    return ListenError(f"{name}: cannot {what} {where}: {error.strerror or error}")
