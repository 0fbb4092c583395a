"""CHALLENGE (libspdm `library/spdm_requester_lib/libspdm_req_challenge.c`)."""

from dataclasses import dataclass

from emulator.ask.chain import Signer
from emulator.ask.context import check_context, context_for
from emulator.ask.opaque import check_opaque
from emulator.ask.request import Request
from emulator.ask.verify import Verified, verify
from emulator.errors import BrokenReply, SignatureMismatch
from emulator.spdm import signing
from emulator.spdm.capabilities import MEAS, Cap
from emulator.spdm.connection import Connection
from emulator.spdm.messages import Challenge, ChallengeAuth
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.messages.challenge import MUTUAL_AUTH, NO_SLOT, SummaryType
from emulator.spdm.transcript import M1M2, Part

_NAME = "CHALLENGE_AUTH"


@dataclass(frozen=True)
class Authentication:
    """An accepted CHALLENGE_AUTH.

    Attributes:
        reply: the message.
        transcript_hash: the hash of M1/M2.
        summary_type: which measurements `reply.summary` covers.
    """

    reply: ChallengeAuth
    transcript_hash: bytes
    summary_type: SummaryType

    @property
    def mutual(self) -> bool:
        """Whether the peer wants to challenge us in turn."""
        return bool(self.reply.slot & MUTUAL_AUTH)


class ChallengeRequest(Request[Authentication]):
    """Asks the peer to prove that it holds the key of a slot's leaf."""

    needs = Cap.CHAL
    on_broken = (Part.B, Part.C)

    def __init__(
        self,
        connection: Connection,
        *,
        signer: Signer,
        nonce: bytes,
        context: bytes,
        summary_type: SummaryType = SummaryType.NONE,
    ) -> None:
        """Challenge the slot of `signer`.

        Args:
            connection: where to.
            signer: the peer's chain as it was fetched, or the key that was provisioned.
            nonce: 32 fresh bytes.
            context: 8 bytes that are echoed; used since 1.3.
            summary_type: the measurement summary hash wanted; none is sent by a peer that does
                not measure.
        """
        self._signer = signer
        self._summary_type = summary_type
        self._challenge = Challenge(
            version=connection.version,
            slot=signer.slot,
            summary_type=summary_type,
            nonce=nonce,
            context=context_for(connection, context),
        )
        super().__init__(connection, self._challenge)

    def _accept(self, reply: bytes) -> Authentication:
        connection = self.connection
        summary = self._summary_type != SummaryType.NONE and bool(
            connection.peer_capabilities & MEAS
        )
        shape = connection.shape(signature=True, summary=summary)
        theirs, raw = self._read(ChallengeAuth, reply, shape)
        self._check(theirs)
        unsigned = raw[: len(raw) - shape.signature]
        view = connection.transcript.view(M1M2) + self._exchange(unsigned)
        context = signing.challenge_auth(turned=connection.turned)
        verified = verify(connection, self._signer, context, view, theirs.signature)
        return self._conclude(theirs, verified, unsigned)

    def _check(self, theirs: ChallengeAuth) -> None:
        """Everything but the signature."""
        slot = self._signer.slot & SLOT_MASK
        if theirs.slot & SLOT_MASK != slot:
            raise BrokenReply(_NAME, "slot", found=theirs.slot & SLOT_MASK, expected=slot)
        if theirs.slot & MUTUAL_AUTH and not self.connection.both(Cap.MUT_AUTH):
            raise BrokenReply(
                _NAME, "slot", found="mutual authentication", expected="none, it was not agreed"
            )
        # A provisioned key has no slot that could be among them.
        if self._signer.slot != NO_SLOT and not theirs.slot_mask >> slot & 1:
            found = f"0x{theirs.slot_mask:02x}"
            raise BrokenReply(_NAME, "slot_mask", found=found, expected=f"slot {slot} among them")
        if theirs.cert_chain_hash != self._signer.digest:
            raise BrokenReply(
                _NAME,
                "cert_chain_hash",
                found=theirs.cert_chain_hash.hex(),
                expected=f"{self._signer.digest.hex()}, the hash of {self._signer.known_by}",
            )
        check_opaque(self.connection, _NAME, theirs.opaque)
        check_context(_NAME, self._challenge.context, theirs.context)

    def _conclude(
        self, theirs: ChallengeAuth, verified: Verified, unsigned: bytes
    ) -> Authentication:
        content = Authentication(theirs, verified.transcript_hash, self._summary_type)
        if verified.problem:
            raise SignatureMismatch(f"{_NAME}.signature: {verified.problem}", content)
        self._record(Part.C, unsigned)
        # Both sides begin M1/M2 anew once it was signed.
        self.connection.transcript.reset((Part.B, Part.C))
        return content
