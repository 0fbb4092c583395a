"""Serving several devices until told to stop."""

import asyncio
import contextlib
import gc
import logging
import resource
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emulator.device import Device
from emulator.endpoint import Answered, Ended, Event, Ignored, Observer, Received
from emulator.errors import EmulatorError
from emulator.serve.listener import Listener
from emulator.spdm import codes
from emulator.tcp import address

log = logging.getLogger(__name__)


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


def log_events(device: Device) -> Callable[[int], Observer]:
    """An observer for each connection that writes one log line an event."""
    every_message = log.isEnabledFor(logging.DEBUG)

    def for_connection(number: int) -> Observer:
        where = f"{device.name} connection {number}"

        def observe(event: Event) -> None:
            if isinstance(event, Ignored):
                log.info("%s: %s", where, event.reason)
            elif isinstance(event, Answered) and event.error is not None:
                name = codes.error_name(event.error.code)
                log.warning("%s: > ERROR %s: %s", where, name, event.error)
            elif every_message and not isinstance(event, Ended):  # the connection logs its end
                arrow = "<" if isinstance(event, Received) else ">"
                log.debug("%s: %s %s, %d bytes", where, arrow, _name(event.raw), len(event.raw))

        return observe

    return for_connection


def _name(raw: bytes) -> str:
    return codes.name(raw[1]) if len(raw) > 1 else "(short)"


async def serve(places: Sequence[Place], ready: Callable[[Place, str, int], None]) -> None:
    """Listen for every device, report each address, and serve until SIGINT or SIGTERM.

    A device that called a requester is served until that connection ends, which ends all. Raises
    ListenError when an address cannot be had; what was opened before is closed.
    """
    raise_descriptor_limit()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with contextlib.AsyncExitStack() as listeners:
        for place in places:
            listener = Listener(place.device, observe=log_events(place.device))
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
