"""What a handler is given and what it returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from emulator.crypto.keys import SigningKey
from emulator.device import Device
from emulator.device.slots import CertificateChain
from emulator.entropy import Entropy
from emulator.errors import InvalidRequest, SpdmError, Unspecified
from emulator.spdm.algorithms import Algorithm
from emulator.spdm.capabilities import Cap
from emulator.spdm.chunking import most
from emulator.spdm.connection import Connection
from emulator.spdm.messages.certificates import SLOT_COUNT
from emulator.spdm.pending import Pending
from emulator.spdm.transcript import Part
from emulator.spdm.versions import rules
from emulator.vendor import Registry
from emulator.wire import Message, Shape

_CHUNK = int(Cap.CHUNK)


# Made for every request, so none of these is frozen: that costs a tenth of a microsecond a field.
@dataclass(slots=True)
class Exchange:
    """One request on one connection.

    Attributes:
        device: the device that answers.
        connection: the state before this request; handlers only read it.
        entropy: this connection's source of randomness.
        vendors: the vendor protocols the device speaks.
        code: the request's code.
        size: the request's own size in bytes, without padding.
        largest: the largest message the transport can carry back, bytes; None: any.
        now: when the request came, in seconds of the caller's clock.
    """

    device: Device
    connection: Connection
    entropy: Entropy
    vendors: Registry
    code: int
    size: int
    largest: int | None = None
    now: float = 0.0

    @property
    def chunks(self) -> bool:
        """Whether both sides send and take large messages in chunks."""
        connection = self.connection
        return bool(int(connection.local_capabilities) & int(connection.peer_capabilities) & _CHUNK)

    @property
    def reply_limit(self) -> int:
        """The largest message that can go back in one piece, bytes."""
        peer = self.connection.peer_data_transfer_size
        transmit = self.device.sizes.transmit
        if self.largest is not None and self.largest < transmit:
            transmit = self.largest
        return min(peer, transmit) if peer else transmit

    @property
    def largest_reply(self) -> int:
        """The largest message that can go back in chunks, bytes."""
        connection = self.connection
        wide = rules(connection.version).wide_chunks
        return min(connection.peer_max_message, most(self.reply_limit, wide=wide))

    def hash(self) -> Algorithm:
        """The negotiated base hash. Raises Unspecified where none was negotiated."""
        chosen = self.connection.algorithms.hash
        if chosen is None:
            raise Unspecified("no base hash was negotiated")
        return chosen

    def provisioned(self) -> int:
        """The mask of slots that hold a chain for the negotiated signature algorithm."""
        asym = self.connection.algorithms.asym
        return self.device.provisioned(asym.name) if asym else 0

    def chain(self, slot: int) -> CertificateChain:
        """The chain in `slot`. Raises InvalidRequest for a slot that is none or empty."""
        if slot >= SLOT_COUNT:
            raise InvalidRequest(f"slot {slot} where slots are 0 to {SLOT_COUNT - 1}")
        asym = self.connection.algorithms.asym
        held = self.device.slots.get(slot)
        if asym is None or held is None or asym.name not in held.chains:
            raise InvalidRequest(f"slot {slot} is not provisioned")
        return held.chains[asym.name]

    def opaque(self, by_format: Mapping[int, bytes]) -> bytes:
        """The opaque data for the negotiated format; none where no format was agreed."""
        return by_format.get(self.connection.algorithms.other_params & 0x03, b"")


@dataclass(slots=True)
class Signing:
    """A reply is to be signed.

    Attributes:
        context: the signing context string.
        parts: the parts of the transcript covered; this exchange is added at their end.
        key: the signing key.
    """

    context: str
    parts: tuple[Part, ...]
    key: SigningKey


@dataclass(slots=True)
class Outcome:
    """What a handled request comes to; applied at the commit point.

    Attributes:
        reply: the reply, or None for no response.
        shape: the shape it is encoded in.
        record: the part of the transcript this exchange belongs to.
        signing: how it is signed.
        restart: the connection forgets everything first.
        whole: a large request that is complete now: its answer goes into the reply.
        resumes: a request that was not ready before: its answer is the reply.
        refused: why the reply says that something is wrong, where it is no ERROR itself.
        clears: parts emptied once the reply is made.
        changes: Connection attributes and their new values.
        effects: what happens to the device, once the connection has changed.
    """

    reply: Message | None
    shape: Shape
    record: Part | None = None
    signing: Signing | None = None
    restart: bool = False
    whole: bytes | None = None
    resumes: Pending | None = None
    refused: SpdmError | None = None
    clears: tuple[Part, ...] = ()
    changes: Mapping[str, object] = field(default_factory=dict)
    effects: tuple[Callable[[], None], ...] = ()
