"""Telling a service manager how serving goes: sd_notify(3), without a library."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from emulator.errors import EmulatorError

log = logging.getLogger(__name__)

_MICRO = 1_000_000
_ABSTRACT = "@"


class Notifier:
    """The manager's socket, as `NOTIFY_SOCKET` names it; without one nothing is told.

    Attributes:
        watchdog: seconds between two signs of life that the manager wants; None: it wants none.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """`environment`: has NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, where there are any."""
        self._address = environment.get("NOTIFY_SOCKET", "")
        if self._address.startswith(_ABSTRACT):
            self._address = "\0" + self._address[1:]
        self.watchdog: float | None = None
        interval = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        if self._address and mine and interval.isdecimal() and int(interval):
            self.watchdog = int(interval) / _MICRO
        self._status = ""
        self._warned = False

    def ready(self) -> None:
        """Everything listens."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """What is served changes; `ready` tells when that is done."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Serving is about to end."""
        self._tell("STOPPING=1")

    def alive(self) -> None:
        """A sign of life."""
        self._tell("WATCHDOG=1")

    def status(self, text: str) -> None:
        """How it goes, for people; told when it changes."""
        if text != self._status:
            self._status = text
            self._tell(f"STATUS={text}")

    def _tell(self, *lines: str) -> None:
        """Send the lines; a manager that cannot be reached is no reason to serve no more."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(0)
                sock.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            if not self._warned:
                self._warned = True
                log.warning("the service manager cannot be told %s: %s", lines[0], error)


_TOLD_EVERY = 10.0
"""Seconds between two looks at the status."""

Reload = Callable[[], Awaitable[object]]


@contextlib.asynccontextmanager
async def supervised(
    notifier: Notifier, status: Callable[[], str], reload: Reload | None = None
) -> AsyncIterator[None]:
    """Tell the manager that all is ready, and from then on how it goes; at the end, that it ends.

    Args:
        notifier: the manager.
        status: says how it goes.
        reload: what SIGHUP begins, where there is something to load anew. Its errors are logged.
    """
    loop = asyncio.get_running_loop()
    tasks = {loop.create_task(_live(notifier, status))}

    def hang_up() -> None:
        if reload is None:
            log.warning("SIGHUP: there is nothing to load anew", extra={"event": "reload"})
            return
        task = loop.create_task(_reload(notifier, reload))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGHUP, hang_up)
    notifier.status(status())
    notifier.ready()
    try:
        yield
    finally:
        notifier.stopping()
        notifier.status("stopping")
        loop.remove_signal_handler(signal.SIGHUP)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _reload(notifier: Notifier, reload: Reload) -> None:
    """Load anew, and tell when it is done, however it went."""
    notifier.reloading()
    try:
        await reload()
    except EmulatorError as error:
        log.error("SIGHUP: %s", error, extra={"event": "reload"})  # noqa: TRY400 - its words do
    except Exception:
        log.exception("SIGHUP: loading anew failed", extra={"event": "reload"})
    finally:
        notifier.ready()


async def _live(notifier: Notifier, status: Callable[[], str]) -> None:
    """Signs of life, twice as often as the manager wants them, and the status."""
    every = _TOLD_EVERY
    if notifier.watchdog is not None:
        every = min(every, notifier.watchdog / 2)
    while True:
        if notifier.watchdog is not None:
            notifier.alive()
        notifier.status(status())
        await asyncio.sleep(every)
