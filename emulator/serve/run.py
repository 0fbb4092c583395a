"""Serving several devices until told to stop."""

import contextlib
import gc
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial

from emulator.device import Device
from emulator.endpoint import Endpoint
from emulator.errors import EmulatorError
from emulator.forms.words import counted
from emulator.serve.events import log_events
from emulator.serve.fleet import Fleet, Served
from emulator.serve.listener import Listener
from emulator.serve.notify import Notifier, Reload, supervised
from emulator.serve.shutdown import Stop
from emulator.tcp import address

CALL_WAIT = 10.0
"""Seconds to wait for a requester that is to be called."""


class ListenError(EmulatorError):
    """An address cannot be listened on, or not be called."""


Beside = Callable[[Callable[[], None]], AbstractAsyncContextManager[object]]
"""What goes on beside the devices, given what ends it all."""


async def serve(
    fleet: Fleet,
    devices: Sequence[Served],
    ready: Callable[[Served], None],
    *,
    beside: Beside = lambda _: contextlib.nullcontext(),
    grace: float = 0.0,
    notifier: Notifier | None = None,
    reload: Reload | None = None,
) -> None:
    """Listen for every device, report each, and serve until SIGINT or SIGTERM.

    Raises ListenError when an address cannot be had, and FleetError for a name there is; what was
    opened before is closed.

    Args:
        fleet: what serves them.
        devices: the devices.
        ready: told of each once all of them listen, and `beside` has begun.
        beside: begun once all of them listen.
        grace: seconds for replies under way to leave at the end; a second signal takes what is
            left of them.
        notifier: the service manager; None: nobody is told how it goes.
        reload: what SIGHUP begins.
    """
    stop = Stop(grace)
    stop.on_signals()
    async with contextlib.AsyncExitStack() as opened:
        opened.push_async_callback(fleet.close, grace=stop.grace)
        for served in devices:
            try:
                await fleet.start(served)
            except OSError as error:
                where = address(served.host, served.port)
                raise _cannot("listen on", served.name, where, error) from error
        await opened.enter_async_context(beside(stop.asked.set))
        told = Notifier({}) if notifier is None else notifier
        await opened.enter_async_context(supervised(told, partial(_status, fleet), reload))
        for served in devices:
            ready(served)
        # What was loaded until here stays: collections need not look at it again.
        gc.freeze()
        await stop.asked.wait()


async def call(
    device: Device,
    host: str,
    port: int,
    ready: Callable[[str, int], None],
    *,
    endpoint: Callable[..., Endpoint] = Endpoint,
    grace: float = 0.0,
) -> None:
    """Connect to a requester that listens, report its address, and serve that connection alone.

    `grace` as for `serve`. Raises ListenError when it cannot be called.
    """
    stop = Stop(grace)
    stop.on_signals()
    listener = Listener(device, observe=log_events(device), endpoint=endpoint)
    try:
        at = await listener.call(host, port, wait=CALL_WAIT, ended=stop.asked.set)
        ready(*at)
        await stop.asked.wait()
    except OSError as error:
        raise _cannot("connect to", device.name, address(host, port), error) from error
    finally:
        await listener.stop(stop.grace)


def _status(fleet: Fleet) -> str:
    """How serving goes, in a line."""
    devices, connections = len(fleet), fleet.admission.open
    return f"{counted(devices, 'device')}, {counted(connections, 'connection')}"


def _cannot(what: str, name: str, where: str, error: OSError) -> ListenError:
    return ListenError(f"{name}: cannot {what} {where}: {error.strerror or error}")
