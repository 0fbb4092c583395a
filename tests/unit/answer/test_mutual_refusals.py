"""What a requester gets wrong in mutual authentication: the exact ERROR, and what stays."""

import pytest
from devices import error, snapshot
from hosting import SecureHost
from mutual import SLOT, asking, host, identity, known, own_chain

from emulator.ask import DigestsRequest
from emulator.ask.finish import FinishRequest, OwnProof
from emulator.errors import PeerErrorReply
from emulator.requester import SecureSession
from emulator.spdm.messages.key_exchange import NOT_REQUESTED, MutualAuth
from emulator.spdm.session import Phase
from emulator.spdm.versions import Version

INVALID, UNEXPECTED, DECRYPT, IN_FLIGHT, NO_ANSWER = 0x01, 0x04, 0x06, 0x08, 0x09
every_version = pytest.mark.parametrize("version", [one for one in Version if one > Version.V1_0])
fetched = pytest.mark.parametrize("how", [MutualAuth.ENCAPSULATED, MutualAuth.GET_DIGESTS])


def begun(made: SecureHost) -> SecureSession:
    """A session in its handshake, in the clear."""
    return made.run(made.requester.key_exchange(0))


def proof(slot: int = SLOT, *, digest: bytes | None = None) -> OwnProof:
    chain = own_chain("ECDSA_P384")
    return OwnProof(slot, chain.digest("SHA_384") if digest is None else digest, chain.key)


@every_version
@pytest.mark.parametrize("which", ["unsigned", "another slot", "no slot"])
def test_finish_that_does_not_fit_what_was_asked(version: Version, which: str) -> None:
    to = asking(MutualAuth.REQUESTED, chains=known("ECDSA_P384"))
    made = host(to, identity("ECDSA_P384"), version=version, clear=True)
    session = begun(made)
    given = {"unsigned": None, "another slot": proof(SLOT + 1), "no slot": proof(0xFF)}[which]
    wrong = FinishRequest(session.session, made.connection, given)
    assert made.answer(wrong.raw)[:4] == error(version, INVALID)
    [held] = to.sessions.live
    assert held.phase is Phase.HANDSHAKE
    made.run(session.finish())


@every_version
def test_finish_that_is_signed_unasked(version: Version) -> None:
    to = asking(NOT_REQUESTED)
    made = host(to, identity("ECDSA_P384"), version=version, clear=True)
    session = begun(made)
    wrong = FinishRequest(session.session, made.connection, proof())
    assert made.answer(wrong.raw)[:4] == error(version, INVALID)
    made.run(session.finish())


@every_version
@pytest.mark.parametrize("bent", ["signature", "transcript"])
def test_a_signature_that_is_wrong(version: Version, bent: str) -> None:
    to = asking(MutualAuth.REQUESTED, chains=known("ECDSA_P384"))
    made = host(to, identity("ECDSA_P384"), version=version, clear=True)
    session = begun(made)
    given = proof(digest=bytes(48)) if bent == "transcript" else proof()
    raw = bytearray(FinishRequest(session.session, made.connection, given).raw)
    if bent == "signature":
        raw[-49] ^= 1
    assert made.answer(bytes(raw))[:4] == error(version, DECRYPT)
    assert to.sessions.live == set()


@every_version
@fetched
def test_finish_before_the_chain_was_fetched(version: Version, how: MutualAuth) -> None:
    to = asking(how)
    made = host(to, identity("ECDSA_P384"), version=version, clear=True)
    session = begun(made)
    early = FinishRequest(session.session, made.connection, proof())
    before = snapshot(made.endpoint.responder.connection)
    assert made.answer(early.raw)[:4] == error(version, IN_FLIGHT)
    assert snapshot(made.endpoint.responder.connection) == before
    made.run(session.finish())


@every_version
@fetched
def test_finish_after_the_chain_was_refused(version: Version, how: MutualAuth) -> None:
    to = asking(how, slot=0)
    made = host(to, identity("ECDSA_P384"), version=version, clear=True)
    session = begun(made)
    with pytest.raises(PeerErrorReply, match="INVALID_RESPONSE_CODE"):
        made.run(session.finish())
    [held] = to.sessions.live
    assert held.requester_chain == b""
    session = made.run(made.requester.key_exchange(0))
    with pytest.raises(PeerErrorReply, match="INVALID_RESPONSE_CODE"):
        made.run(session.finish())


@every_version
@pytest.mark.parametrize(
    ("number", "answer", "code"),
    [(2, 0x01, INVALID), (0, 0x01, INVALID), (1, 0x02, NO_ANSWER), (1, 0x69, NO_ANSWER)],
)
def test_answers_that_do_not_fit(version: Version, number: int, answer: int, code: int) -> None:
    to = asking(MutualAuth.ENCAPSULATED)
    made = host(to, identity("ECDSA_P384"), version=version, clear=True)
    begun(made)
    theirs = made.endpoint.responder.connection
    fetched = made.answer(bytes((version, 0xEA, 0, 0)))
    assert fetched[:8] == bytes((version, 0x6A, 1, 0, version, 0x81, 0, 0))
    before = theirs.asking
    reply = made.answer(bytes((version, 0xEB, number, 0, version, answer, 0, 0)))
    assert reply[:4] == error(version, code)
    assert (theirs.asking == before) == (code == INVALID)
    assert theirs.requester_chains == {}


@every_version
def test_an_answer_where_nothing_is_asked(version: Version) -> None:
    to = asking(MutualAuth.GET_DIGESTS)
    made = host(to, identity("ECDSA_P384"), version=version, clear=True)
    before = snapshot(made.endpoint.responder.connection)
    assert made.answer(bytes((version, 0xEB, 0, 0, version, 1, 0, 0)))[:4] == error(
        version, UNEXPECTED
    )
    assert snapshot(made.endpoint.responder.connection) == before


def test_a_device_that_was_asked_for_nothing_asks_nothing() -> None:
    made = host(asking(NOT_REQUESTED), identity("ECDSA_P384"))
    assert not made.run(made.requester.challenge(0)).mutual
    made.run(made.requester.ask(DigestsRequest(made.connection)))
