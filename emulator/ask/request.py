"""What every family shares: a request, and reading the reply to it."""

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from emulator.errors import (
    BrokenReply,
    EmulatorError,
    PeerError,
    PeerErrorReply,
    UnsupportedByPeer,
    WireError,
)
from emulator.spdm import codes
from emulator.spdm.capabilities import NONE, Cap, names
from emulator.spdm.codes import Code, ErrorCode
from emulator.spdm.connection import Connection
from emulator.spdm.messages import Error
from emulator.spdm.state import TRANSITIONS, State, after
from emulator.spdm.transcript import Entry, Part, View, resets
from emulator.transport.doe import PADDING
from emulator.wire import Message, Shape, encode, parse

HEADER_SIZE = 4
"""Bytes every SPDM message has."""

T_co = TypeVar("T_co", covariant=True)
_M = TypeVar("_M", bound=Message)


class Request(ABC, Generic[T_co]):
    """One request that is or will be sent, and what its reply must be like.

    Attributes:
        needs: the peer must offer one of these capabilities; none: always legal.
        on_error: parts of the transcript that an ERROR in answer empties.
        on_broken: parts that a reply which is no ERROR, and not accepted, empties: the peer
            takes the exchange for completed.
        padding: up to this many bytes of the transport's may follow the reply.
        message: the request.
        raw: its bytes, to be sent.
    """

    needs: ClassVar[Cap] = NONE
    on_error: ClassVar[tuple[Part, ...]] = ()
    on_broken: ClassVar[tuple[Part, ...]] = ()
    padding: int = PADDING

    def __init__(
        self, connection: Connection, message: Message, shape: Shape | None = None
    ) -> None:
        """Build the request for `connection`; `shape` is its layout's where sizes were negotiated.

        Raises EmulatorError where it is out of order, UnsupportedByPeer where the peer does not
        offer what it needs.
        """
        self.code = Code(message.CODE)
        if not self.is_legal(connection.state):
            raise EmulatorError(
                f"{self.code.name} cannot be sent in state {connection.state.name}: connect first"
            )
        if self.needs and not connection.peer_capabilities & self.needs:
            wanted = " or ".join(names(self.needs))
            raise UnsupportedByPeer(f"{self.code.name} needs {wanted}, which the peer lacks")
        self.connection = connection
        self.message = message
        self.raw = encode(message, shape or Shape(message.version))

    def is_legal(self, state: State) -> bool:
        """Whether the request may be sent in `state`."""
        return state in TRANSITIONS[self.code].legal

    def accept(self, reply: bytes) -> T_co:
        """Check the reply, record the exchange, and return what it says.

        Raises PeerError for everything the peer did wrong; an ERROR is a PeerErrorReply.
        """
        try:
            return self._accept(reply)
        except PeerErrorReply as error:
            if error.code != ErrorCode.RESPONSE_NOT_READY:  # the reply is still to come
                self.connection.transcript.reset(self.on_error)
            if error.code == ErrorCode.REQUEST_RESYNCH:
                self.connection.restart()
            raise
        except PeerError:
            self.connection.transcript.reset(self.on_broken)
            raise

    @abstractmethod
    def _accept(self, reply: bytes) -> T_co:
        """What `accept` does for one family."""

    def _read(
        self, layout: type[_M], reply: bytes, shape: Shape, *, spare: int = 0
    ) -> tuple[_M, bytes]:
        """The reply as a `layout`, and its own bytes without the transport's padding.

        `spare`: how many bytes more may be there, where a peer that is about leaves some.
        """
        name = codes.name(layout.CODE)
        if len(reply) < HEADER_SIZE:
            size = f"{len(reply)} bytes"
            raise BrokenReply(name, "header", found=size, expected=f"{HEADER_SIZE} or more")
        if reply[1] == Code.ERROR:
            raise refusal(self.code, reply)
        if reply[1] != layout.CODE:
            raise BrokenReply(name, "code", found=codes.name(reply[1]), expected=name)
        if reply[0] != shape.version:
            found, expected = (f"0x{version:02x}" for version in (reply[0], shape.version))
            raise BrokenReply(name, "version", found=found, expected=expected)
        try:
            message, end = parse(layout, reply, shape, slack=self.padding + spare)
        except WireError as error:
            expected = f"a whole message and at most {self.padding} bytes of padding"
            raise BrokenReply(
                name, error.field or "size", found=error.reason, expected=expected
            ) from error
        return message, reply[:end]

    def _exchange(self, reply: bytes) -> View:
        """The two messages of this exchange; a signed reply goes without its signature."""
        return Entry(self.raw), Entry(reply)

    def _record(self, part: Part | None, reply: bytes) -> None:
        """Put the exchange on record in `part`, and move the connection on."""
        connection = self.connection
        transcript = connection.transcript
        entries: View = ()
        if part is not None:
            entries = self._exchange(reply)
            if not transcript.fits(part, entries):
                raise PeerError(f"part {part.name} of the transcript is full; begin anew")
        transcript.reset(resets(self.code, connection.state))
        if part is not None:
            transcript.append(part, entries)
        connection.state = after(connection.state, self.code)


def refusal(code: Code, reply: bytes) -> PeerErrorReply:
    """The error for an ERROR message."""
    error, _ = parse(Error, reply, Shape(reply[0]))
    text = f"{code.name} was refused with ERROR {codes.error_name(error.error_code)}"
    text += f" (0x{error.error_code:02x}), data 0x{error.data:02x}"
    if error.extended:
        text += f", extended data {error.extended.hex()}"
    return PeerErrorReply(text, code=error.error_code, data=error.data, extended=error.extended)
