"""The stages a reply passes through, and where a fault may reach in.

    request → chain → ready → message, chunk → sign → secrets → signed → plaintext → record → frame
    → delivery → device (commit)

Every stage is one method that returns what goes on; the base class passes everything through.
The responder and the endpoint call a stage only for an exchange that `concerns` it, so with none
the cost is nil, and handlers know nothing of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from emulator.crypto.keys import SigningKey
from emulator.entropy import Entropy
from emulator.spdm.chain import CertificateChain
from emulator.spdm.connection import Connection, Loss
from emulator.spdm.key_schedule import KeySchedule
from emulator.spdm.pending import Readiness
from emulator.spdm.sealing import Sealing
from emulator.spdm.session import Session
from emulator.spdm.signing import ToSign
from emulator.wire import Message


# Made for every request of a device with faults, so it is not frozen: that costs a microsecond.
@dataclass(slots=True)
class Situation:
    """What a stage may look at.

    Attributes:
        connection: the connection's state before this request.
        number: the connection's number on its device, from 1.
        ordinal: how many requests came on this connection before this one.
        request: the request's bytes, padding included.
        now: when it came, in seconds of the caller's clock.
        transport: the name of the binding it came by; empty where there is none.
        framed: what goes out is a frame of the spdm-socket protocol; False for TCP messages alone.
        session: the session it came in; None: it came outside of sessions.
        about: the session it is about: that it opens, whose handshake it ends or whose keys it
            changes; known from stage secrets on.
    """

    connection: Connection
    number: int
    ordinal: int
    request: bytes
    now: float = 0.0
    transport: str = ""
    framed: bool = True
    session: Session | None = None
    about: Session | None = None


@dataclass(frozen=True)
class Delivery:
    """How a frame leaves.

    Attributes:
        pieces: the bytes to write, each in one piece; empty: nothing is sent.
        delay: seconds the first one is held back.
        interval: seconds between one piece and the next.
        close: the connection is closed afterwards.
        linger: seconds between the last piece and the close.
        reset: it is closed by a reset, and what is unsent is lost.
    """

    pieces: tuple[bytes, ...]
    delay: float = 0.0
    interval: float = 0.0
    close: bool = False
    linger: float = 0.0
    reset: bool = False

    @property
    def lasts(self) -> float:
        """Seconds until the last piece leaves."""
        return self.delay + self.interval * max(0, len(self.pieces) - 1)


@dataclass(frozen=True, slots=True)
class Fired:
    """A fault reached in.

    Attributes:
        rule: its name.
        stage: where.
        what: what it did, in a few words.
    """

    rule: str
    stage: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.stage}: {self.what}"


def _nobody(fired: Fired) -> None:
    del fired


class Stages:
    """Passes everything through; faults override what they reach into.

    Attributes:
        fired: hears of each fault that reached in.
        lost: how the connection forgets its state before the next request; None: it does not.
        forgotten: sessions that are over before the next request.
    """

    lost: Loss | None = None
    forgotten: tuple[Session, ...] = ()
    fired: Callable[[Fired], None] = staticmethod(_nobody)

    def concerns(self, situation: Situation) -> bool:
        """Whether the stages are to see this exchange; asked first, once for each request."""
        del situation
        return True

    def request(self, situation: Situation) -> bytes | None:
        """Before anything happened: an answer of its own, or None to go on."""
        del situation
        return None

    def goes_on(self, situation: Situation) -> bool:
        """Whether the stages after this first one are to see the exchange."""
        del situation
        return True

    def chain(self, situation: Situation, slot: int, chain: CertificateChain) -> CertificateChain:
        """The certificate chain that a slot is said to hold; asked as often as one is used."""
        del situation, slot
        return chain

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

    def secrets(self, situation: Situation, session: Session, schedule: KeySchedule) -> KeySchedule:
        """How the secrets of a session follow from each other in this exchange."""
        del situation, session
        return schedule

    def signed(self, situation: Situation, data: bytes) -> bytes:
        """The whole SPDM message."""
        del situation
        return data

    def plaintext(self, situation: Situation, sealing: Sealing) -> Sealing:
        """What goes into a record."""
        del situation
        return sealing

    def record(
        self, situation: Situation, sealing: Sealing, entropy: Entropy
    ) -> tuple[bytes, bool]:
        """The record, and that it is one; False: it is a message that goes in the clear."""
        del situation
        return sealing.sealed(entropy), not sealing.clear

    def astray(self, situation: Situation) -> Session | None:
        """The session in whose record a reply in the clear goes; None: in none."""
        del situation
        return None

    def unknown(self, record: bytes) -> bytes | None:
        """The message that answers a record of no session, in the clear; None: nothing does."""
        del record
        return None

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


class StagesOfDevice(Protocol):
    """What reaches into all connections of a device."""

    def attach(self, number: int, before: Stages | None = None) -> Stages:
        """The stages of the connection of this number; `before`: those it had until now."""
        ...
