"""What a flow is: a conversation that somebody else carries.

A flow is a generator. It yields SPDM requests as bytes, is sent each reply as bytes (padding of the
transport may follow the message), and returns its result. Whoever drives it throws a PeerError in
where no reply came. The same flow runs over a socket, QEMU's mailbox, or in memory.

A request that is `Inside` a session goes as the record that `Sealing.seal` makes of it, and the
reply is what `Sealing.open` finds in the record that answers; both depend on the transport.
"""

from collections.abc import Callable, Generator
from enum import StrEnum
from typing import Protocol, Self, TypeVar

from emulator.errors import NoResponse, PeerError
from emulator.spdm.secured import Format

_T = TypeVar("_T")

Flow = Generator[bytes, bytes, _T]


class Sealing(Protocol):
    """What makes and reads the records of one session."""

    @property
    def id(self) -> int:
        """The session's id."""
        ...

    def seal(self, form: Format, message: bytes) -> bytes:
        """The record of a request, the next one."""
        ...

    def open(self, form: Format, record: bytes) -> bytes:
        """The reply in a record, the next one. Raises BrokenReply."""
        ...

    def end(self) -> None:
        """It is over: nothing goes in it any more."""
        ...


class Inside(bytes):
    """An SPDM message inside of a session.

    Attributes:
        session: the session.
    """

    session: Sealing

    def __new__(cls, message: bytes, session: Sealing) -> Self:
        """The message in this session."""
        made = super().__new__(cls, message)
        made.session = session
        return made


def inside(flow: Flow[_T], session: Sealing) -> Flow[_T]:
    """Say inside of a session what `flow` says.

    What comes back in no record of it, or in one that does not open, ends it.
    """
    try:
        request = next(flow)
        while True:
            try:
                reply = yield Inside(request, session)
            except PeerError as error:
                if not isinstance(error, NoResponse):
                    session.end()
                request = flow.throw(error)
            else:
                request = flow.send(reply)
    except StopIteration as stop:
        result: _T = stop.value
        return result


class Direction(StrEnum):
    """Which way a message goes."""

    REQUEST = "request"
    REPLY = "reply"


Observer = Callable[[Direction, bytes], None]
"""Told every SPDM message of a conversation as it passes; a reply may end in padding.

What is said in a session is told as what it is, `Inside`.
"""


def unobserved(direction: Direction, raw: bytes) -> None:
    """The observer of a conversation that has none."""
    del direction, raw
