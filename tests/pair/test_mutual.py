"""Mutual authentication between this requester and this device, in every form."""

import pytest
from hosting import SecureHost
from mutual import SLOT, asking, host, identity, known, known_keys, own_chain

from emulator.device import Sizes
from emulator.device.changes import Change, RequesterJudged
from emulator.endpoint import Answered
from emulator.entropy import Seeded
from emulator.errors import DecryptError, InvalidResponseCode, PeerError, PeerErrorReply
from emulator.pki.authority import Authority
from emulator.requester import Identity
from emulator.requester.offer import IN_SESSION
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import ErrorCode
from emulator.spdm.messages.challenge import NO_SLOT
from emulator.spdm.messages.key_exchange import MutualAuth
from emulator.spdm.session import Phase
from emulator.spdm.versions import Version
from emulator.transport.binding import Binding
from emulator.transport.doe import DOE
from emulator.transport.mctp import MCTP
from emulator.transport.tcp import TCP

VERSIONS = (Version.V1_1, Version.V1_2, Version.V1_3, Version.V1_4)
FETCHED = (MutualAuth.ENCAPSULATED, MutualAuth.GET_DIGESTS)
SCHEMES = (
    *("ECDSA_P256", "ECDSA_P384", "ECDSA_P521", "EDDSA_25519", "EDDSA_448"),
    *("RSASSA_2048", "RSAPSS_3072"),
)
every_version = pytest.mark.parametrize("version", VERSIONS)
fetched = pytest.mark.parametrize("how", FETCHED, ids=lambda one: one.name.lower())
clear_or_not = pytest.mark.parametrize("clear", [False, True], ids=["encrypted", "clear"])


@every_version
@fetched
@clear_or_not
@pytest.mark.parametrize("binding", [DOE, MCTP, TCP], ids=lambda one: one.name)
def test_a_session_with_a_fetched_chain(
    version: Version, how: MutualAuth, binding: Binding, *, clear: bool
) -> None:
    to = asking(how)
    seen: list[Change] = []
    to.watchers.append(seen.append)
    made = host(to, identity("ECDSA_P384"), version=version, clear=clear, binding=binding)
    session = made.session()
    [held] = to.sessions.live
    assert held.phase is Phase.ESTABLISHED
    assert held.requester_chain == own_chain("ECDSA_P384").spdm("SHA_384")
    assert seen == [RequesterJudged(SLOT)]
    made.run(session.measurements(signed_by=0))
    made.run(session.end_session())


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("slot", range(8))
def test_every_algorithm_and_slot(scheme: str, slot: int) -> None:
    to = asking(MutualAuth.ENCAPSULATED, scheme, slot=slot, challenge=True)
    made = host(to, identity(scheme, slot=slot), clear=bool(slot % 2))
    made.run(made.requester.challenge(0))
    made.session()


@every_version
@clear_or_not
def test_by_a_chain_that_was_provisioned(version: Version, *, clear: bool) -> None:
    to = asking(MutualAuth.REQUESTED, chains=known("ECDSA_P384"))
    host(to, identity("ECDSA_P384"), version=version, clear=clear).session()
    [held] = to.sessions.live
    assert held.mutual is MutualAuth.REQUESTED


@every_version
def test_by_the_chain_that_the_challenge_has_fetched(version: Version) -> None:
    to = asking(MutualAuth.REQUESTED, challenge=True)
    made = host(to, identity("ECDSA_P384"), version=version)
    made.session()  # nothing is known yet, so nothing is asked for
    assert [one.mutual for one in to.sessions.live] == [MutualAuth(0)]
    made.run(made.requester.challenge(0))
    made.session()
    assert {one.mutual for one in to.sessions.live} == {MutualAuth(0), MutualAuth.REQUESTED}


@every_version
@pytest.mark.parametrize("how", [MutualAuth.REQUESTED, *FETCHED], ids=lambda one: one.name.lower())
def test_by_a_key_that_was_provisioned(version: Version, how: MutualAuth) -> None:
    to = asking(how, keys=known_keys("ECDSA_P384"), challenge=True)
    own = Identity(keys={"ECDSA_P384": own_chain("ECDSA_P384").key})
    made = host(to, own, version=version)
    made.run(made.requester.challenge(0))
    made.session()
    [held] = to.sessions.live
    assert (held.mutual, held.requester_slot) == (MutualAuth.REQUESTED, NO_SLOT)


@every_version
def test_the_challenge_is_returned(version: Version) -> None:
    to = asking(MutualAuth(0), challenge=True)
    made = host(to, identity("ECDSA_P384"), version=version)
    proved = made.run(made.requester.challenge(0))
    assert proved.mutual
    chains = made.endpoint.responder.connection.requester_chains
    assert chains == {SLOT: own_chain("ECDSA_P384").spdm("SHA_384")}
    made.session()


def test_a_chain_that_takes_several_portions() -> None:
    to = asking(challenge=True)
    to.sizes = type(to.sizes)(data_transfer=256, max_message=4096)
    made = host(to, identity("ECDSA_P384"), version=Version.V1_1)
    made.run(made.requester.challenge(0))
    made.session()


@clear_or_not
@pytest.mark.parametrize("how", FETCHED, ids=lambda one: one.name.lower())
def test_answers_that_are_too_large_for_one_piece(how: MutualAuth, *, clear: bool) -> None:
    """The hashes of eight slots do not fit, and come in chunks."""
    to = asking(how, challenge=True)
    to.sizes = Sizes(data_transfer=300, max_message=8192)
    own = Identity({slot: {"ECDSA_P384": own_chain("ECDSA_P384")} for slot in range(8)})
    flags = IN_SESSION | Cap.KEY_EX | Cap.CHUNK | Cap.CERT | Cap.CHAL | Cap.MUT_AUTH
    flags |= Cap.HANDSHAKE_IN_THE_CLEAR if clear else Cap(0)
    made = host(to, own, flags=flags)
    made.run(made.requester.challenge(0))
    made.session()
    [held] = to.sessions.live
    assert held.requester_chain


def refused(made: SecureHost, code: int) -> None:
    """The last ERROR that the device sent."""
    told = [one.error for one in made.events if isinstance(one, Answered) and one.error]
    assert told
    assert told[-1].code == code


FOREIGN = (Authority.make("ECDSA_P384", Seeded("foreign")).root.certificate,)


@every_version
@fetched
@clear_or_not
def test_a_foreign_root_is_refused(version: Version, how: MutualAuth, *, clear: bool) -> None:
    to = asking(how, anchors=FOREIGN)
    made = host(to, identity("ECDSA_P384"), version=version, clear=clear)
    with pytest.raises(PeerErrorReply) as error:
        made.session()
    assert error.value.code == ErrorCode.INVALID_RESPONSE_CODE
    refused(made, InvalidResponseCode.code)
    assert all(one.phase is Phase.HANDSHAKE for one in to.sessions.live)
    assert not any(one.requester_chain for one in to.sessions.live)


def test_a_foreign_root_is_refused_in_the_challenge() -> None:
    to = asking(MutualAuth(0), challenge=True, anchors=FOREIGN)
    made = host(to, identity("ECDSA_P384"))
    with pytest.raises(PeerErrorReply, match="INVALID_RESPONSE_CODE"):
        made.run(made.requester.challenge(0))
    assert made.endpoint.responder.connection.requester_chains == {}
    made.session()


def test_a_lenient_device_tells_what_is_wrong() -> None:
    to = asking(anchors=FOREIGN, lenient=True)
    seen: list[Change] = []
    to.watchers.append(seen.append)
    host(to, identity("ECDSA_P384")).session()
    [judged] = seen
    assert isinstance(judged, RequesterJudged)
    assert any(problem.startswith("anchor: ") for problem in judged.problems)


@every_version
def test_another_slot_than_the_device_asks_for(version: Version) -> None:
    made = host(asking(slot=1), identity("ECDSA_P384"), version=version)
    with pytest.raises(PeerErrorReply, match="INVALID_RESPONSE_CODE"):
        made.session()


@every_version
@clear_or_not
def test_a_wrong_signature_ends_the_session(version: Version, *, clear: bool) -> None:
    """The chain is one's, and the key another's."""
    to = asking(MutualAuth.REQUESTED, chains=known("ECDSA_P384"))
    other = Identity({SLOT: {"ECDSA_P384": own_chain("ECDSA_P384")}})
    made = host(to, other, version=version, clear=clear)
    session = made.run(made.requester.key_exchange(0))
    [held] = to.sessions.live
    held.requester_chain = to.slots[0].chains["ECDSA_P384"].spdm("SHA_384")
    with pytest.raises(PeerError):
        made.run(session.finish())
    refused(made, DecryptError.code)
    assert to.sessions.live == set()


@every_version
@pytest.mark.parametrize("mandatory", [False, True])
def test_a_requester_that_cannot(version: Version, *, mandatory: bool) -> None:
    to = asking(mandatory=mandatory)
    made = host(to, Identity(), version=version, flags=IN_SESSION & ~Cap.ENCAP | Cap.KEY_EX)
    if not mandatory:
        made.session()
        return
    code = ErrorCode.INVALID_POLICY if version >= Version.V1_3 else ErrorCode.UNSPECIFIED
    with pytest.raises(PeerErrorReply) as error:
        made.session()
    assert error.value.code == code
    assert to.sessions.live == set()


@fetched
@clear_or_not
def test_nothing_else_is_answered_before(how: MutualAuth, *, clear: bool) -> None:
    to = asking(how)
    made = host(to, identity("ECDSA_P384"), clear=clear)
    session = made.run(made.requester.key_exchange(0))
    asker = made.requester if clear else session
    with pytest.raises(PeerErrorReply) as error:
        made.run(asker.vendor(3, b"\0\0", b""))
    assert error.value.code == ErrorCode.REQUEST_IN_FLIGHT
    made.run(session.finish())
