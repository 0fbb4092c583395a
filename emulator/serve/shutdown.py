"""How serving ends: told by a signal, after a grace for what is under way, or at once."""

import asyncio
import logging
import signal
from collections.abc import Awaitable

log = logging.getLogger(__name__)

GRACE = 5.0
"""Seconds that replies under way have to leave, unless somebody says otherwise."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Grace:
    """Time for what is under way: so many seconds, or until there is hurry.

    Attributes:
        seconds: how long.
        hurry: set where there is no time left.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.hurry = asyncio.Event()

    async def until(self, ended: Awaitable[object]) -> None:
        """Wait for this, and no longer than there is time."""
        waiting = [asyncio.ensure_future(one) for one in (ended, self.hurry.wait())]
        try:
            await asyncio.wait(waiting, timeout=self.seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


class Stop:
    """The wish to stop: SIGINT or SIGTERM, or whoever sets it.

    The second signal takes what is left of the grace; what comes after it has the system's own
    meaning, and ends the process.

    Attributes:
        asked: set once serving is to end.
        grace: for what is under way then.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        """`seconds`: of grace."""
        self.asked = asyncio.Event()
        self.grace = Grace(seconds)

    def on_signals(self) -> None:
        """Listen to the signals from now on."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._signal, number)

    def _signal(self, number: signal.Signals) -> None:
        if not self.asked.is_set():
            log.info("%s: stopping", number.name, extra={"event": "stopping"})
            self.asked.set()
            return
        log.info("%s again: stopping at once", number.name, extra={"event": "stopping"})
        self.grace.hurry.set()
        for one in SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(one)
