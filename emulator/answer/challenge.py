"""Answers CHALLENGE (libspdm `library/spdm_responder_lib/libspdm_rsp_challenge_auth.c`)."""

from emulator.answer.exchange import Exchange, Outcome, Signing
from emulator.answer.measurements import reported
from emulator.answer.mutual import asked_in_challenge
from emulator.answer.registry import handles
from emulator.crypto import hashes
from emulator.crypto.keys import SigningKey
from emulator.errors import InvalidRequest
from emulator.spdm import signing
from emulator.spdm.capabilities import MEAS, Cap
from emulator.spdm.key_pairs import RESPONDER_USES, KeyUsage
from emulator.spdm.messages import Challenge, ChallengeAuth
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.messages.challenge import MUTUAL_AUTH, NO_SLOT, NONCE_SIZE, SummaryType
from emulator.spdm.questions import Question
from emulator.spdm.transcript import M1M2, Part


def summary(exchange: Exchange, summary_type: int) -> bytes:
    """The measurement summary hash asked for; empty for none. Raises InvalidRequest."""
    if summary_type == SummaryType.NONE:
        return b""
    measured = exchange.connection.algorithms.measurement_hash
    if not exchange.connection.local_capabilities & MEAS or measured is None:
        raise InvalidRequest("a measurement summary where no measurements were agreed")
    if summary_type not in (SummaryType.TCB, SummaryType.ALL):
        raise InvalidRequest(f"measurement summary type 0x{summary_type:02x}")
    return reported(exchange).summary(summary_type, exchange.hash().name, measured.name)


def identity(
    exchange: Exchange, slot: int, use: KeyUsage = RESPONDER_USES
) -> tuple[bytes, int, SigningKey]:
    """The hash of what the requester knows the device by, the mask of slots, and the key.

    A provisioned public key is known by its SubjectPublicKeyInfo, and there are no slots then
    (libspdm `library/spdm_common_lib/libspdm_com_crypto_service.c`,
    `libspdm_generate_public_key_hash`). Raises InvalidRequest where the key is not for this `use`.
    """
    name = exchange.hash().name
    if slot == NO_SLOT:
        key = exchange.public_key()
        return hashes.digest(name, key.public.spki), 0, key
    chain = exchange.chain(slot)
    exchange.check_use(slot, use)
    return chain.digest(name), exchange.provisioned(), chain.key


def _asking(exchange: Exchange, question: Question | None) -> dict[str, object]:
    """What is to be asked then."""
    if question is None:
        return {}
    return {"asking": exchange.connection.asking.also(question)}


@handles(Challenge, needs=Cap.CHAL)
def challenge(exchange: Exchange, request: Challenge) -> Outcome:
    """Sign everything since GET_VERSION with the slot's key, or the provisioned one."""
    summarised = summary(exchange, request.summary_type)
    known_by, mask, key = identity(exchange, request.slot, KeyUsage.CHALLENGE)
    question = asked_in_challenge(exchange)
    return Outcome(
        reply=ChallengeAuth(
            version=request.version,
            slot=request.slot & SLOT_MASK | (MUTUAL_AUTH if question else 0),
            slot_mask=mask,
            cert_chain_hash=known_by,
            nonce=exchange.entropy.bytes(NONCE_SIZE, label="CHALLENGE_AUTH nonce"),
            summary=summarised,
            opaque=exchange.opaque(exchange.device.challenge_opaque),
            context=request.context,
        ),
        shape=exchange.connection.shape(signature=True, summary=bool(summarised)),
        record=Part.C,
        signing=Signing(signing.challenge_auth(turned=exchange.connection.turned), M1M2, key),
        clears=(Part.B, Part.C),
        changes={**exchange.shown(request.slot), **_asking(exchange, question)},
    )
