"""What a handler is given and what it returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from emulator.crypto.keys import SigningKey
from emulator.device import Device
from emulator.device.provisioning import Provisioning
from emulator.device.slots import MAX_CHAIN
from emulator.entropy import Entropy
from emulator.errors import InvalidRequest, RequestResynch, SpdmError, Unspecified
from emulator.spdm.algorithms import Algorithm
from emulator.spdm.capabilities import Cap
from emulator.spdm.chain import CertificateChain
from emulator.spdm.chunking import most
from emulator.spdm.connection import Connection
from emulator.spdm.key_pairs import KeyUsage
from emulator.spdm.messages.certificates import SLOT_COUNT
from emulator.spdm.pending import Pending
from emulator.spdm.session import Session
from emulator.spdm.transcript import Part, View
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
        bend: what a fault makes of the chain in a slot; None: nothing.
        raw: the request's bytes, padding included.
        session: the session it came in, whose state inside is `connection`; None: it came outside.
    """

    device: Device
    connection: Connection
    entropy: Entropy
    vendors: Registry
    code: int
    size: int
    largest: int | None = None
    now: float = 0.0
    bend: Callable[[int, CertificateChain], CertificateChain] | None = None
    raw: bytes = b""
    session: Session | None = None

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
        mask = self.device.provisioned(asym.name) if asym else 0
        if rules(self.connection.version).large_forms:
            return mask
        for number, slot in self.device.slots.items():
            if (self.bend is not None or not slot.small) and self._held(number) is None:
                mask &= ~(1 << number)
        return mask

    def chain(self, slot: int, *, anew: bool = False, again: bool = False) -> CertificateChain:
        """The chain in `slot`; `anew`: whatever was shown before counts no more.

        `again`: it is read from its beginning, and need not be the one that was shown before.

        Raises InvalidRequest for a slot that is none or empty; RequestResynch where measurements
        have changed since this connection was shown the slot's alias certificate, so that chains
        are never mixed, and a signature is by the key of the certificate that was shown.
        """
        if slot >= SLOT_COUNT:
            raise InvalidRequest(f"slot {slot} where slots are 0 to {SLOT_COUNT - 1}")
        held = self._held(slot)
        if held is None:
            raise InvalidRequest(f"slot {slot} is not provisioned")
        shown = self.connection.certified
        if self.connection.seen and not (anew or again):
            held = self.connection.seen.get(slot, held)
        stale = shown is not None and shown != self.device.measurements.certified and not anew
        if stale and self.device.slots[slot].renew is not None:
            raise RequestResynch(f"the alias certificate of slot {slot} was issued anew")
        return held

    def public_key(self) -> SigningKey:
        """The key that stands for no slot. Raises InvalidRequest where there is none to use."""
        asym = self.connection.algorithms.asym
        key = self.device.public_keys.get(asym.name) if asym else None
        if key is None:
            raise InvalidRequest("a provisioned public key is asked for, and there is none")
        return key

    def shown(self, *slots: int) -> dict[str, object]:
        """What changes on the connection once it was shown certificates of these slots."""
        for slot in slots:
            held = self.device.slots.get(slot)
            if held is not None and held.renew is not None:
                return {"certified": self.device.measurements.certified}
        return {}

    def _held(self, slot: int) -> CertificateChain | None:
        """The chain in `slot` for this connection.

        Before 1.4 there is no form for one of more than 0xFFFF bytes, so that the slot is empty to
        these versions: libspdm would send the lower half of its size.
        """
        asym = self.connection.algorithms.asym
        held = self.device.slots.get(slot)
        if held is None or asym is None:
            return None
        chain = held.chain(asym.name, self.device.measurements)
        if chain is None or (held.small and self.bend is None):
            return chain
        if self.bend is not None:
            chain = self.bend(slot, chain)
        if rules(self.connection.version).large_forms:
            return chain
        return chain if len(chain.spdm(self.hash().name)) <= MAX_CHAIN else None

    def provisioning(self) -> Provisioning:
        """What peers may change about the device. Raises Unspecified where that is nothing."""
        provisioning = self.device.provisioning
        if provisioning is None:
            raise Unspecified("this device was made without anything that could be provisioned")
        return provisioning

    def check_use(self, slot: int, use: KeyUsage) -> None:
        """Raise InvalidRequest where several keys may be used, and the slot's not for this."""
        if not self.connection.algorithms.multi_key:
            return
        _, pair = self.provisioning().pair_of(self.chain(slot).key.public)
        if pair is not None and not pair.usage & use:
            raise InvalidRequest(f"the key of slot {slot} is not to be used for {use.name}")

    def seen(self, slot: int) -> tuple[Callable[[], None], ...]:
        """What notes that the connection has read this slot's chain, where it goes on by that.

        A session shares the note with the connection around it.
        """
        provisioning = self.device.provisioning
        if provisioning is None or not provisioning.policy.when_read:
            return ()
        return (partial(self.connection.seen.update, {slot: self.chain(slot, anew=True)}),)

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
        before: what is covered in place of `parts`: a session's transcript; None: they are.
    """

    context: str
    parts: tuple[Part, ...]
    key: SigningKey
    before: View | None = None


Closing = Callable[[bytes, bytes, bytes], bytes]
"""Makes the verify data of a reply, from the request, the reply so far, and its signature."""


@dataclass(slots=True)
class Outcome:
    """What a handled request comes to; applied at the commit point.

    Attributes:
        reply: the reply, or None for no response.
        shape: the shape it is encoded in.
        record: the part of the transcript this exchange belongs to.
        signing: how it is signed.
        closing: the last step of making it: what follows the signature. The keys that the reply
            itself is sealed by are changed here.
        restart: the connection forgets everything first.
        whole: a large request that is complete now: its answer goes into the reply.
        resumes: a request that was not ready before: its answer is the reply.
        refused: why the reply says that something is wrong, where it is no ERROR itself, or why
            there is none.
        first: a part of the transcript that the reply alone begins, if nothing stands there yet.
        clears: parts emptied once the reply is made.
        changes: Connection attributes and their new values.
        effects: what happens to the device, once the connection has changed.
        session: the session whose secrets `closing` and `effects` make or change.
    """

    reply: Message | None
    shape: Shape
    record: Part | None = None
    signing: Signing | None = None
    closing: Closing | None = None
    restart: bool = False
    whole: bytes | None = None
    resumes: Pending | None = None
    refused: SpdmError | None = None
    first: Part | None = None
    clears: tuple[Part, ...] = ()
    changes: Mapping[str, object] = field(default_factory=dict)
    effects: tuple[Callable[[], None], ...] = ()
    session: Session | None = None
