"""Mutual authentication: whether and how the requester is asked, and who it is.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_key_exchange.c`,
`libspdm_rsp_challenge_auth.c`, `libspdm_rsp_encap_get_digests.c`,
`libspdm_rsp_encap_get_certificate.c` and `libspdm_rsp_encap_challenge.c`.
"""

from functools import partial

from emulator.answer import asking
from emulator.answer.exchange import Exchange
from emulator.ask.certificates import (
    LARGE_HEADER,
    PORTION_HEADER,
    CertificateRequest,
    DigestsRequest,
    Portion,
    SlotDigests,
    uses_large_form,
)
from emulator.ask.chain import PeerChain, PeerKey, Signer, read_chain
from emulator.ask.challenge import Authentication, ChallengeRequest
from emulator.ask.judging import chain_checks
from emulator.device.changes import RequesterJudged
from emulator.device.slots import MAX_CHAIN
from emulator.errors import BrokenReply, InvalidPolicy, SpdmError, Unspecified, UntrustedPeer
from emulator.spdm.capabilities import Cap
from emulator.spdm.chain import spdm_chain
from emulator.spdm.connection import Connection
from emulator.spdm.messages.challenge import CONTEXT_SIZE, NO_SLOT, NONCE_SIZE
from emulator.spdm.messages.key_exchange import NOT_REQUESTED, MutualAuth
from emulator.spdm.questions import IdentityQuestion, Progress, Step, encapsulates
from emulator.spdm.transcript import Part, View
from emulator.spdm.versions import Version, rules

_DELIVER = 4
"""Bytes of DELIVER_ENCAPSULATED_RESPONSE before what it carries."""


def _can_be_asked(connection: Connection) -> bool:
    sides = (connection.local_capabilities, connection.peer_capabilities)
    return all(encapsulates(connection.version, side) for side in sides)


def _hash(exchange: Exchange) -> str:
    return exchange.hash().name


def _scheme(exchange: Exchange) -> str:
    chosen = exchange.connection.algorithms.req_asym
    return chosen.name if chosen else ""


def asked_in_challenge(exchange: Exchange) -> IdentityQuestion | None:
    """What CHALLENGE_AUTH is followed by: basic mutual authentication, or None."""
    connection, mutual = exchange.connection, exchange.device.mutual
    if not mutual.challenge or connection.turned or not connection.both(Cap.MUT_AUTH):
        return None
    theirs = connection.peer_capabilities
    if Cap.CHAL not in theirs or not _can_be_asked(connection):
        return None
    if Cap.PUB_KEY_ID in theirs:
        known = _scheme(exchange) in mutual.keys
        return IdentityQuestion(NO_SLOT, challenge=True, urgent=True) if known else None
    if Cap.CERT not in theirs:
        return None
    return IdentityQuestion(mutual.slot, challenge=True, urgent=True)


def asked_in_key_exchange(exchange: Exchange) -> tuple[MutualAuth, int]:
    """MutAuthRequested, and the requester's slot; 0 where the requester is not asked.

    Raises InvalidPolicy (up to 1.2 Unspecified) where it must be asked, and cannot be.
    """
    connection, mutual = exchange.connection, exchange.device.mutual
    wanted = mutual.key_exchange
    if not wanted or Cap.MUT_AUTH not in connection.local_capabilities:
        return NOT_REQUESTED, 0
    theirs = connection.peer_capabilities
    slot = mutual.slot
    can = Cap.MUT_AUTH in theirs
    if Cap.PUB_KEY_ID in theirs:
        wanted, slot = MutualAuth.REQUESTED, NO_SLOT
        can = can and _scheme(exchange) in mutual.keys
    elif wanted == MutualAuth.REQUESTED:
        can = can and bool(_known_chain(exchange, slot))
    else:
        can = can and Cap.CERT in theirs and _can_be_asked(connection)
    if can:
        return wanted, slot
    if mutual.mandatory:
        policy: type[SpdmError] = (
            InvalidPolicy if connection.version >= Version.V1_3 else Unspecified
        )
        raise policy("a session needs mutual authentication, which the requester cannot do")
    return NOT_REQUESTED, 0


def _known_chain(exchange: Exchange, slot: int) -> bytes:
    """A chain that needs not be fetched: accepted before, or provisioned; empty: there is none."""
    accepted = exchange.connection.requester_chains.get(slot)
    if accepted:
        return accepted
    known = exchange.device.mutual.chains.get(_scheme(exchange))
    if known is None:
        return b""
    return spdm_chain(_hash(exchange), known.root, known.certificates)


def known_requester(exchange: Exchange, slot: int) -> bytes:
    """The chain that a session without encapsulated requests begins with; empty for a key."""
    return b"" if slot == NO_SLOT else _known_chain(exchange, slot)


def signer(exchange: Exchange, slot: int, chain: bytes) -> Signer | None:
    """Who signs for a slot of the requester's: its chain, or its provisioned key."""
    if slot == NO_SLOT:
        key = exchange.device.mutual.keys.get(_scheme(exchange))
        return None if key is None else PeerKey(key, _hash(exchange))
    if not chain:
        return None
    wide = rules(exchange.connection.version).large_forms
    return read_chain(slot, chain, _hash(exchange), wide=wide)


@asking.asks(IdentityQuestion)
def identity(exchange: Exchange, question: IdentityQuestion) -> Step | None:
    """The first request: GET_DIGESTS, or CHALLENGE for a key that was provisioned."""
    around = exchange.connection.turn()
    if question.slot == NO_SLOT:
        known = signer(exchange, NO_SLOT, b"")
        return None if known is None else _challenge(exchange, around, known)
    return asking.step(DigestsRequest(around), partial(_digests, question))


def _digests(
    question: IdentityQuestion, exchange: Exchange, said: SlotDigests, state: Connection
) -> Progress:
    stated = said.digests.get(question.slot)
    if stated is None:
        slots = ", ".join(map(str, said.digests))
        expected = f"slot {question.slot} among them"
        raise BrokenReply("DIGESTS", "provisioned_slots", found=slots, expected=expected)
    return Progress(portion(question, exchange, state, stated))


def portion(
    question: IdentityQuestion,
    exchange: Exchange,
    state: Connection,
    stated: bytes,
    data: bytes = b"",
    total: int | None = None,
) -> Step:
    """GET_CERTIFICATE for as much as DELIVER_ENCAPSULATED_RESPONSE carries in one piece.

    Args:
        question: whose chain.
        exchange: the exchange that brought the answer before.
        state: the connection turned round, as it stands after that.
        stated: the hash of the chain, as DIGESTS has it.
        data: what there is of the chain.
        total: its size, once that is known.
    """
    room = exchange.device.sizes.data_transfer - _DELIVER
    large = uses_large_form(state)
    largest = room - LARGE_HEADER if large else min(room - PORTION_HEADER, MAX_CHAIN)
    left = largest if total is None else min(largest, total - len(data))
    request = CertificateRequest(
        state, slot=question.slot, offset=len(data), length=left, total=total
    )
    return asking.step(request, partial(_certificate, question, stated, data))


def _certificate(
    question: IdentityQuestion,
    stated: bytes,
    before: bytes,
    exchange: Exchange,
    told: Portion,
    state: Connection,
) -> Progress:
    data = before + told.data
    if told.remainder:
        total = len(data) + told.remainder
        return Progress(portion(question, exchange, state, stated, data, total))
    wide = rules(state.version).large_forms
    chain = read_chain(question.slot, data, _hash(exchange), wide=wide)
    if chain.digest != stated:
        expected = f"{stated.hex()}, as DIGESTS says"
        raise BrokenReply("CERTIFICATE", "chain", found=chain.digest.hex(), expected=expected)
    judged = _judge(exchange, chain)
    if question.challenge:
        return Progress(_challenge(exchange, state, chain), effects=(judged,))
    several = exchange.connection.algorithms.requester_keys
    digests = state.transcript.part(Part.B)[1:2] if several else ()
    accept = partial(_accept, question, exchange, chain.spdm, digests)
    return Progress(slot=question.slot, effects=(judged, accept, _keeping(exchange, chain)))


def _judge(exchange: Exchange, chain: PeerChain) -> partial[None]:
    """What tells of the judgement. Raises UntrustedPeer unless the device is lenient."""
    device = exchange.device
    mutual = device.mutual
    checks = chain_checks(
        chain,
        mutual.anchors,
        at=mutual.at,
        expected_san=None,
        alias=False,
        scheme=_scheme(exchange),
        of_requester=True,
    )
    problems = tuple(f"{check.name}: {check.detail}" for check in checks if not check.ok)
    if problems and not mutual.lenient:
        raise UntrustedPeer(f"the requester's chain in slot {chain.slot}: {'; '.join(problems)}")
    return partial(device.tell, RequesterJudged(chain.slot, problems))


def _accept(question: IdentityQuestion, exchange: Exchange, chain: bytes, digests: View) -> None:
    """The chain is what FINISH will be signed with, where its session is still there."""
    session = exchange.session or exchange.connection.sessions.get(question.session or 0)
    if session is not None:
        session.accept_requester(chain, digests)


def _keeping(exchange: Exchange, chain: PeerChain) -> partial[None]:
    connection = exchange.connection
    kept = {**connection.requester_chains, chain.slot: chain.spdm}
    return partial(connection.change, {"requester_chains": kept})


def _challenge(exchange: Exchange, state: Connection, who: Signer) -> Step:
    """CHALLENGE without a measurement summary: requesters do not measure."""
    request = ChallengeRequest(
        state,
        signer=who,
        nonce=exchange.entropy.bytes(NONCE_SIZE, label="CHALLENGE nonce"),
        context=exchange.entropy.bytes(CONTEXT_SIZE, label="CHALLENGE context"),
    )
    return asking.step(request, partial(_proved, who))


def _proved(
    who: Signer, exchange: Exchange, content: Authentication, state: Connection
) -> Progress:
    del content, state
    if not isinstance(who, PeerChain):
        return Progress(slot=0)
    return Progress(slot=who.slot, effects=(_keeping(exchange, who),))
