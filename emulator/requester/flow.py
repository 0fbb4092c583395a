"""What a flow is: a conversation that somebody else carries.

A flow is a generator. It yields SPDM requests as bytes, is sent each reply as bytes (padding of the
transport may follow the message), and returns its result. Whoever drives it throws a PeerError in
where no reply came. The same flow runs over a socket, QEMU's mailbox, or in memory.
"""

from collections.abc import Callable, Generator
from enum import StrEnum
from typing import TypeVar

_T = TypeVar("_T")

Flow = Generator[bytes, bytes, _T]


class Direction(StrEnum):
    """Which way a message goes."""

    REQUEST = "request"
    REPLY = "reply"


Observer = Callable[[Direction, bytes], None]
"""Told every SPDM message of a conversation as it passes; a reply may end in padding."""


def unobserved(direction: Direction, raw: bytes) -> None:
    """The observer of a conversation that has none."""
    del direction, raw
