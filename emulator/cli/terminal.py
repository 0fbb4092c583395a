"""A terminal whose keys are read one at a time, and which is as it was afterwards."""

import contextlib
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from types import FrameType

from emulator.cli.output import FAILED

_AT_ONCE = 64
"""Bytes of keys that are taken at a time."""

_ESCAPE = "\x1b"


@contextlib.contextmanager
def keys_at_once() -> Iterator[None]:
    """Take keys as they are pressed, without showing them; whatever happens, the terminal is reset.

    SIGTERM and SIGHUP end the block as an exit would. The key that suspends does nothing.
    """
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    handlers = {one: signal.signal(one, _leave) for one in (signal.SIGTERM, signal.SIGHUP)}
    handlers[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        tty.setcbreak(number)
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
        for one, handler in handlers.items():
            signal.signal(one, handler)


def keys(seconds: float) -> list[str]:
    """The keys that were pressed, after waiting up to `seconds` for the first.

    Keys that send several characters, such as arrows, are left out.
    """
    number = sys.stdin.fileno()
    if not select.select([number], [], [], max(0.0, seconds))[0]:
        return []
    read = os.read(number, _AT_ONCE)
    if not read:
        raise SystemExit(FAILED)  # the terminal has gone
    text = read.decode(errors="ignore")
    return [] if len(text) > 1 and text.startswith(_ESCAPE) else list(text)


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
