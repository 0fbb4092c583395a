"""The host's end of one connection: a method a request, each a flow."""

from collections.abc import Callable
from functools import partial

from emulator.ask import (
    AlgorithmsRequest,
    Authentication,
    CapabilitiesRequest,
    ChallengeRequest,
    KeyExchangeRequest,
    PskExchangeRequest,
    VersionRequest,
)
from emulator.ask.psk import CONTEXT_SIZE as PSK_CONTEXT_SIZE
from emulator.crypto import dhe
from emulator.entropy import Entropy
from emulator.errors import UnsupportedByPeer
from emulator.requester.answers import Answers
from emulator.requester.asker import NO_CONTEXT, Asker
from emulator.requester.flow import Flow
from emulator.requester.offer import DEFAULT, Offer
from emulator.requester.session import SecureSession
from emulator.spdm.agreement import Agreement
from emulator.spdm.connection import Connection
from emulator.spdm.messages import Capabilities
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.messages.key_exchange import SessionPolicy
from emulator.spdm.negotiation import Negotiated

KeyLog = Callable[[str, bytes, bytes], None]
"""Hears of the secrets of sessions: a label, what made the session a new one, and the secret.

These are the fields of a line in a key log (`spdm/keylog.py`).
"""

_HALF_SIZE = 2
_HALF_MASK = 0xFFFF


def _nobody(label: str, identifier: bytes, secret: bytes) -> None:
    del label, identifier, secret


class Requester(Asker):
    """One connection to a device.

    Attributes:
        key_log: hears of the secrets of all its sessions.
    """

    def __init__(self, entropy: Entropy, offer: Offer = DEFAULT) -> None:
        """Draw nonces from `entropy`."""
        super().__init__(entropy, offer, Connection())
        self.key_log: KeyLog = _nobody

    def connect(self) -> Flow[Negotiated]:
        """GET_VERSION, GET_CAPABILITIES, NEGOTIATE_ALGORITHMS."""
        yield from self.version()
        yield from self.capabilities()
        return (yield from self.algorithms())

    def assume(self, agreement: Agreement) -> None:
        """Go on from a negotiation made earlier (`connection.agreement()`), or provisioned.

        After GET_VERSION, or without anything: the device must have the same.
        """
        self.connection.assume(agreement)

    def version(self) -> Flow[tuple[int, ...]]:
        """GET_VERSION, which begins anew; returns the numbers of the device's VERSION entries."""
        self.slots = None
        self.chains = {}
        return (yield from self.ask(VersionRequest(self.connection, self.offer.versions)))

    def capabilities(self) -> Flow[Capabilities]:
        """GET_CAPABILITIES."""
        request = CapabilitiesRequest(
            self.connection,
            flags=self.offer.capabilities,
            ct_exponent=self.offer.ct_exponent,
            data_transfer_size=self.offer.data_transfer_size,
            max_message=self.offer.max_message,
            ask_algorithms=self.offer.ask_algorithms,
        )
        return (yield from self.ask(request))

    def algorithms(self) -> Flow[Negotiated]:
        """NEGOTIATE_ALGORITHMS."""
        request = AlgorithmsRequest(
            self.connection,
            asym=self.offer.asym_rows,
            hashes=self.offer.hash_rows,
            measurement_specification=self.offer.measurement_specification,
            opaque_formats=self.offer.opaque_formats,
            multi_key=self.offer.multi_key,
            **self.offer.session_rows,
        )
        return (yield from self.ask(request))

    def key_exchange(
        self,
        slot: int = 0,
        *,
        summary: SummaryType = SummaryType.NONE,
        policy: SessionPolicy = SessionPolicy.TERMINATION,
    ) -> Flow[SecureSession]:
        """KEY_EXCHANGE alone: the session is in its handshake.

        Args:
            slot: whose key vouches for it: one that was fetched before, or 0xFF for `public_key`.
            summary: the measurement summary hash wanted, in `opened.reply.summary`.
            policy: since 1.2, what ends the session.
        """
        chosen = self.connection.algorithms.dhe
        if chosen is None:
            raise UnsupportedByPeer("a key exchange needs dhe, of which nothing was agreed")
        group = dhe.GROUPS[chosen.name]
        random = self._nonce("KEY_EXCHANGE random")
        request = KeyExchangeRequest(
            self.connection,
            signer=self._signer(slot),
            pair=group.pair(self.entropy.bytes(group.drawn, label="key exchange")),
            half=self._half(),
            random=random,
            policy=policy,
            summary_type=summary,
            versions=self.offer.secured_versions,
            listener=partial(self._tell, random),
        )
        return SecureSession(self, (yield from self.ask(request)))

    def psk_exchange(
        self,
        hint: bytes,
        key: bytes,
        *,
        summary: SummaryType = SummaryType.NONE,
        policy: SessionPolicy = SessionPolicy.TERMINATION,
    ) -> Flow[SecureSession]:
        """PSK_EXCHANGE alone, with the key that the device knows by `hint`; as `key_exchange`."""
        context = self.entropy.bytes(PSK_CONTEXT_SIZE, label="PSK context")
        request = PskExchangeRequest(
            self.connection,
            hint=hint,
            key=key,
            half=self._half(),
            context=context,
            policy=policy,
            summary_type=summary,
            versions=self.offer.secured_versions,
            listener=partial(self._tell, context),
        )
        return SecureSession(self, (yield from self.ask(request)))

    def session(
        self, slot: int = 0, *, summary: SummaryType = SummaryType.NONE
    ) -> Flow[SecureSession]:
        """KEY_EXCHANGE and FINISH: an established session."""
        session = yield from self.key_exchange(slot, summary=summary)
        yield from session.finish()
        return session

    def psk_session(
        self, hint: bytes, key: bytes, *, summary: SummaryType = SummaryType.NONE
    ) -> Flow[SecureSession]:
        """PSK_EXCHANGE, and PSK_FINISH where there is one: an established session."""
        session = yield from self.psk_exchange(hint, key, summary=summary)
        yield from session.finish()
        return session

    def _half(self) -> int:
        """Our half of a new session's id, which none of our sessions has; never 0."""
        taken = {0, *(one & _HALF_MASK for one in self.connection.sessions)}
        half = 0
        while half in taken:
            half = int.from_bytes(self.entropy.bytes(_HALF_SIZE, label="session id"), "little")
        return half

    def _tell(self, identifier: bytes, label: str, secret: bytes) -> None:
        self.key_log(label, identifier, secret)

    def challenge(
        self,
        slot: int = 0,
        *,
        summary: SummaryType = SummaryType.NONE,
        nonce: bytes | None = None,
        context: bytes = NO_CONTEXT,
    ) -> Flow[Authentication]:
        """CHALLENGE the chain fetched from `slot`; nonce (32 bytes) and context (8) may be given.

        Slot 0xFF is `public_key`. Raises EmulatorError where that chain was not fetched, or there
        is no such key. A device that wants to challenge us in turn gets to know our `identity`.
        """
        request = ChallengeRequest(
            self.connection,
            signer=self._signer(slot),
            nonce=self._nonce("CHALLENGE nonce") if nonce is None else nonce,
            context=context,
            summary_type=summary,
        )
        proved = yield from self.ask(request)
        if proved.mutual:
            answers = Answers(self.connection, self.entropy, identity=self.identity)
            yield from answers.converse(self.ask)
        return proved
