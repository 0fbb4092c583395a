"""The stages a reply passes through, and where a fault may reach in.

    request → (handler) → ready → message → sign → signed → frame → commit → delivery

Every stage is one method that returns what goes on; the base class passes everything through.
The responder and the endpoint call a stage only when they were given a `Stages`, so with none
the cost is nil, and handlers know nothing of it.
"""

from dataclasses import dataclass

from emulator.crypto.keys import SigningKey
from emulator.spdm.connection import Connection
from emulator.spdm.pending import Readiness
from emulator.spdm.signing import ToSign
from emulator.wire import Message


@dataclass(frozen=True, slots=True)
class Situation:
    """What a stage may look at.

    Attributes:
        connection: the connection's state before this request.
        number: the connection's number on its device, from 1.
        ordinal: how many requests came on this connection before this one.
        request: the request's bytes, padding included.
    """

    connection: Connection
    number: int
    ordinal: int
    request: bytes


@dataclass(frozen=True)
class Delivery:
    """How a frame leaves.

    Attributes:
        pieces: the bytes to write, each in one piece; empty: nothing is sent.
        delay: seconds it is held back.
        close: the connection is closed afterwards.
    """

    pieces: tuple[bytes, ...]
    delay: float = 0.0
    close: bool = False


class Stages:
    """Passes everything through; faults override what they reach into."""

    def request(self, situation: Situation) -> bytes | None:
        """Before anything happened: an answer of its own, or None to go on."""
        del situation
        return None

    def ready(self, situation: Situation, policy: Readiness | None) -> Readiness | None:
        """How the requester is told to wait for the reply; the device's own `policy` at first."""
        del situation
        return policy

    def message(self, situation: Situation, reply: Message) -> Message:
        """The typed reply, before it is encoded and signed."""
        del situation
        return reply

    def sign(
        self, situation: Situation, to_sign: ToSign, key: SigningKey
    ) -> tuple[ToSign, SigningKey]:
        """What is signed and by which key."""
        del situation
        return to_sign, key

    def signed(self, situation: Situation, data: bytes) -> bytes:
        """The whole SPDM message."""
        del situation
        return data

    def commit(self, situation: Situation) -> bool:
        """Whether what the request changed stands."""
        del situation
        return True

    def frame(self, situation: Situation, frame: bytes) -> bytes:
        """The whole frame, transport headers included."""
        del situation
        return frame

    def delivery(self, situation: Situation, delivery: Delivery) -> Delivery:
        """When and in which pieces the frame is written."""
        del situation
        return delivery
