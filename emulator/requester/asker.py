"""What may be asked of a device outside of sessions and inside: a method a request, each a flow."""

from collections.abc import Sequence
from typing import TypeVar

from emulator.ask import (
    CertificateRequest,
    CsrRequest,
    DigestsRequest,
    Endpoint,
    EndpointInfoRequest,
    KeyPairFacts,
    KeyPairInfoRequest,
    Logged,
    MeasurementLogRequest,
    MeasurementsRequest,
    PeerChain,
    PeerKey,
    Reading,
    Request,
    SetCertificateRequest,
    SetKeyPairInfoRequest,
    Signer,
    SlotDigests,
    SlotSizeRequest,
    VendorRequest,
    read_chain,
    read_log,
    respond_if_ready,
)
from emulator.ask.certificates import LARGE_HEADER, PORTION_HEADER, uses_large_form
from emulator.ask.chunks import check_may_be_large, is_large_response, receive_large, send_large
from emulator.ask.measurement_log import PORTION_HEADER as LOG_PORTION_HEADER
from emulator.crypto.keys import VerifyingKey
from emulator.device.slots import MAX_CHAIN
from emulator.entropy import Entropy
from emulator.errors import EmulatorError, PeerErrorReply
from emulator.requester.answers import Answers
from emulator.requester.flow import Flow
from emulator.requester.offer import Offer
from emulator.requester.own import NOBODY, Identity
from emulator.spdm.capabilities import Cap
from emulator.spdm.chain import spdm_chain
from emulator.spdm.chunking import HANDLES
from emulator.spdm.codes import ErrorCode
from emulator.spdm.connection import Connection
from emulator.spdm.key_pairs import CertificateModel, KeyUsage
from emulator.spdm.messages import MeasurementOperation, RequestAttributes
from emulator.spdm.messages.challenge import CONTEXT_SIZE, NO_SLOT, NONCE_SIZE
from emulator.spdm.messages.provisioning import KeyPairOperation
from emulator.spdm.state import State
from emulator.spdm.versions import rules
from emulator.transport.doe import PADDING

_T = TypeVar("_T")
NO_CONTEXT = bytes(CONTEXT_SIZE)
"""The context of who has none to bind a signature to."""


class Asker:
    """One conversation with a device, outside of sessions or inside of one.

    Attributes:
        offer: what was offered for the connection.
        connection: where the conversation stands.
        slots: what DIGESTS said last, or None.
        chains: the chains that were fetched, by slot.
        public_key: the device's key if it came by another way; it stands for slot 0xFF.
        identity: who we are, for a device that asks.
        entropy: where nonces are drawn.
        padding: up to this many bytes of the transport's may follow a reply; DOE's, until a
            client sets its channel's.
    """

    def __init__(self, entropy: Entropy, offer: Offer, connection: Connection) -> None:
        """A conversation that stands where `connection` does."""
        self.offer = offer
        self.connection = connection
        self.slots: SlotDigests | None = None
        self.chains: dict[int, PeerChain] = {}
        self.public_key: VerifyingKey | None = None
        self.identity: Identity = NOBODY
        self.padding = PADDING
        self.entropy = entropy
        self._handle = 0

    def digests(self) -> Flow[SlotDigests]:
        """GET_DIGESTS."""
        self.slots = yield from self.ask(DigestsRequest(self.connection))
        return self.slots

    def certificate(self, slot: int = 0) -> Flow[PeerChain]:
        """GET_CERTIFICATE as often as it takes to fetch the chain in `slot`."""
        chosen = self.connection.algorithms.hash
        name = chosen.name if chosen else ""
        large = uses_large_form(self.connection)
        room = self.offer.data_transfer_size
        largest = room - LARGE_HEADER if large else min(room - PORTION_HEADER, MAX_CHAIN)
        largest = min(largest, self.offer.certificate_portion or largest)
        data, total, length = b"", None, largest
        while length:
            request = CertificateRequest(
                self.connection, slot=slot, offset=len(data), length=length, total=total
            )
            portion = yield from self.ask(request)
            data += portion.data
            total = len(data) + portion.remainder
            length = min(largest, portion.remainder)
        wide = rules(self.connection.version).large_forms
        self.chains[slot] = read_chain(slot, data, name, wide=wide)
        return self.chains[slot]

    def slot_size(self, slot: int = 0) -> Flow[int]:
        """GET_CERTIFICATE for the size of a slot, bytes, since 1.3."""
        return (yield from self.ask(SlotSizeRequest(self.connection, slot=slot)))

    def measurements(
        self,
        operation: int = MeasurementOperation.ALL,
        *,
        signed_by: int | None = 0,
        raw: bool = False,
        new: bool = False,
        nonce: bytes | None = None,
        context: bytes = NO_CONTEXT,
    ) -> Flow[Reading]:
        """GET_MEASUREMENTS once.

        Args:
            operation: COUNT, ALL or an index.
            signed_by: the slot, fetched before, whose leaf signs, or 0xFF for `public_key`; None
                for no signature.
            raw: ask for what was measured rather than for digests, where the device has it.
            new: since 1.3, ask for what the device will measure once it was reset.
            nonce: 32 bytes; drawn where none is given.
            context: 8 bytes that are echoed since 1.3.
        """
        signer = None if signed_by is None else self._signer(signed_by)
        if signer is not None and nonce is None:
            nonce = self._nonce("GET_MEASUREMENTS nonce")
        attributes = RequestAttributes(0)
        if raw:
            attributes |= RequestAttributes.RAW_BIT_STREAM
        if new:
            attributes |= RequestAttributes.NEW_MEASUREMENT
        request = MeasurementsRequest(
            self.connection,
            operation=operation,
            attributes=attributes,
            context=context,
            nonce=nonce or b"",
            signer=signer,
        )
        return (yield from self.ask(request))

    def measurement_count(self) -> Flow[int]:
        """GET_MEASUREMENTS for the number of measurements, unsigned."""
        reading = yield from self.measurements(MeasurementOperation.COUNT, signed_by=None)
        return reading.reply.total

    def measurement_log(self) -> Flow[tuple[Logged, ...]]:
        """GET_MEASUREMENT_EXTENSION_LOG as often as it takes to fetch the log, since 1.3.

        What is added to it meanwhile is left out.
        """
        length = largest = self.offer.max_message - LOG_PORTION_HEADER
        data, total, size = b"", 0, 0
        while length:
            request = MeasurementLogRequest(
                self.connection, offset=len(data), length=length, total=total
            )
            portion = yield from self.ask(request)
            data += portion.data
            total = len(data) + portion.remainder
            size = size or total
            length = min(largest, size - len(data))
        return read_log(data)

    def endpoint_info(
        self, *, signed_by: int | None = None, nonce: bytes | None = None
    ) -> Flow[Endpoint]:
        """GET_ENDPOINT_INFO for the device classes, since 1.3.

        Args:
            signed_by: the slot, fetched before, whose leaf signs, or 0xFF for `public_key`; None
                for no signature.
            nonce: 32 bytes; drawn where none is given.
        """
        signer = None if signed_by is None else self._signer(signed_by)
        if signer is not None and nonce is None:
            nonce = self._nonce("GET_ENDPOINT_INFO nonce")
        request = EndpointInfoRequest(self.connection, nonce=nonce or b"", signer=signer)
        return (yield from self.ask(request))

    def vendor(self, standard: int, vendor: bytes, payload: bytes) -> Flow[bytes]:
        """VENDOR_DEFINED_REQUEST to the protocol of `vendor` in the registry of `standard`."""
        request = VendorRequest(self.connection, standard=standard, vendor=vendor, payload=payload)
        return (yield from self.ask(request))

    def csr(
        self,
        *,
        key_pair: int = 0,
        model: CertificateModel = CertificateModel.DEVICE,
        tag: int = 0,
        overwrite: bool = False,
        requester_info: bytes = b"",
    ) -> Flow[bytes]:
        """GET_CSR, since 1.2: a certificate signing request, DER; see `CsrRequest`."""
        request = CsrRequest(
            self.connection,
            key_pair=key_pair,
            model=model,
            tag=tag,
            overwrite=overwrite,
            requester_info=requester_info,
        )
        return (yield from self.ask(request))

    def set_certificate(
        self,
        slot: int,
        certificates: Sequence[bytes],
        *,
        key_pair: int = 0,
        model: CertificateModel = CertificateModel.DEVICE,
    ) -> Flow[None]:
        """SET_CERTIFICATE of these certificates, DER from the root to the leaf, since 1.2."""
        chosen = self.connection.algorithms.hash
        chain = spdm_chain(chosen.name if chosen else "", certificates[0], certificates)
        request = SetCertificateRequest(
            self.connection, slot=slot, chain=chain, key_pair=key_pair, model=model
        )
        yield from self.ask(request)

    def erase_certificate(self, slot: int, *, key_pair: int = 0) -> Flow[None]:
        """SET_CERTIFICATE that empties a slot, since 1.3."""
        request = SetCertificateRequest(self.connection, slot=slot, key_pair=key_pair, erase=True)
        yield from self.ask(request)

    def key_pair(self, number: int) -> Flow[KeyPairFacts]:
        """GET_KEY_PAIR_INFO, since 1.3."""
        return (yield from self.ask(KeyPairInfoRequest(self.connection, number)))

    def set_key_pair(
        self,
        number: int,
        operation: KeyPairOperation,
        *,
        usage: KeyUsage | None = None,
        asym: int = 0,
        slots: int = 0,
    ) -> Flow[None]:
        """SET_KEY_PAIR_INFO, since 1.3; see `SetKeyPairInfoRequest`."""
        request = SetKeyPairInfoRequest(
            self.connection, number, operation, usage=usage, asym=asym, slots=slots
        )
        yield from self.ask(request)

    def encapsulated(self) -> Flow[list[int]]:
        """GET_ENCAPSULATED_REQUEST, until the device has nothing left to ask; the codes it asked.

        It gets to know our `identity`; whatever else it asks is answered with an ERROR.
        """
        answers = Answers(self.connection, self.entropy, identity=self.identity)
        seen, _ = yield from answers.converse(self.ask)
        return seen

    def _signer(self, slot: int) -> Signer:
        """The chain fetched from `slot`, or the key provisioned for NO_SLOT.

        Raises EmulatorError where there is none.
        """
        if slot == NO_SLOT:
            chosen = self.connection.algorithms.hash
            if self.public_key is None or chosen is None:
                raise EmulatorError("no public key of the device was given: Requester.public_key")
            return PeerKey(self.public_key, chosen.name)
        if slot not in self.chains:
            raise EmulatorError(f"the chain of slot {slot} was not fetched: certificate({slot})")
        return self.chains[slot]

    def _nonce(self, label: str) -> bytes:
        return self.entropy.bytes(NONCE_SIZE, label=label)

    def ask(self, request: Request[_T]) -> Flow[_T]:
        """Send a request, again to a device that is busy or not ready, and accept its reply."""
        request.padding = self.padding
        raw = request.raw
        for _ in range(self.offer.retries):
            reply = yield from self._carry(raw)
            try:
                return request.accept(reply)
            except PeerErrorReply as error:
                if error.code == ErrorCode.BUSY:
                    continue
                ready = self.connection.state >= State.NEGOTIATED
                if error.code != ErrorCode.RESPONSE_NOT_READY or not ready:
                    raise
                raw = respond_if_ready(request, error)
        return request.accept((yield from self._carry(raw)))

    def _carry(self, raw: bytes) -> Flow[bytes]:
        """The reply to a message, whichever of the two is too large for one piece."""
        connection = self.connection
        limit = connection.peer_data_transfer_size
        if limit and len(raw) > limit:
            self._handle = (self._handle + 1) % HANDLES
            reply = yield from send_large(
                connection, raw, handle=self._handle, padding=self.padding
            )
        else:
            reply = yield raw
        if is_large_response(reply):
            whole = yield from receive_large(
                connection,
                reply,
                max_message=self.offer.max_message,
                padding=self.padding,
                offered=Cap.CHUNK in self.offer.capabilities,
            )
            check_may_be_large(whole)
            return whole
        return reply
