"""A requester whose slots have different keys: its DIGESTS tell of them, and are signed with."""

from dataclasses import replace

import pytest
from chains import issued
from hosting import SecureHost
from mutual import MUTUAL, asking, host, own_chain

from emulator.device import Device
from emulator.device.key_pairs import pairs_of
from emulator.device.provisioning import Policy, Provisioning
from emulator.endpoint import Received
from emulator.errors import BrokenReply
from emulator.pki.export import REQUESTER
from emulator.requester import Identity
from emulator.requester.offer import IN_SESSION
from emulator.spdm.capabilities import Cap
from emulator.spdm.chain import CertificateChain
from emulator.spdm.key_pairs import RESPONDER_USES, CertificateModel
from emulator.spdm.messages import Digests
from emulator.spdm.messages.key_exchange import MutualAuth
from emulator.spdm.session_transcript import REQUESTER_CHAIN
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version
from emulator.wire import parse

SCHEME = "ECDSA_P384"
SEVERAL = MUTUAL | Cap.MULTI_KEY_NEG | Cap.GET_KEY_PAIR_INFO
FLAGS = IN_SESSION | Cap.KEY_EX | Cap.CERT | Cap.CHAL | Cap.MUT_AUTH
FETCHED = (MutualAuth.ENCAPSULATED, MutualAuth.GET_DIGESTS)
new = pytest.mark.parametrize("version", [Version.V1_3, Version.V1_4])
fetched = pytest.mark.parametrize("how", FETCHED, ids=lambda one: one.name.lower())
clear_or_not = pytest.mark.parametrize("clear", [False, True], ids=["encrypted", "clear"])


def another() -> CertificateChain:
    made = issued(SCHEME, common_name="requester", secret=b"another", options=REQUESTER)
    return CertificateChain(made.certificates, made.root, made.key.under(SCHEME))


OURSELVES = Identity(
    {0: {SCHEME: own_chain(SCHEME)}, 2: {SCHEME: another()}, 5: {SCHEME: own_chain(SCHEME)}},
    several_keys=True,
)


def judging(how: MutualAuth, **policy: object) -> Device:
    """A device of several keys that asks for the requester's slot 2."""
    to = asking(how, capabilities=SEVERAL, slot=2, **policy)  # type: ignore[arg-type]
    pairs = pairs_of(to.slots, schemes=(SCHEME,))
    to.provisioning = Provisioning(Policy(), to.slots, pairs)
    return to


def told(made: SecureHost) -> list[Digests]:
    """The DIGESTS that the device was delivered outside of sessions."""
    shape = made.endpoint.responder.connection.turn().shape()
    raw = [one.raw for one in made.events if isinstance(one, Received)]
    return [parse(Digests, one[4:], shape)[0] for one in raw if one[1] == 0xEB and one[5] == 0x01]


@new
@fetched
@clear_or_not
def test_a_session(version: Version, how: MutualAuth, *, clear: bool) -> None:
    to = judging(how)
    made = host(to, OURSELVES, version=version, clear=clear)
    assert made.connection.algorithms.requester_keys
    session = made.session()
    [held] = to.sessions.live
    assert held.requester_chain == another().spdm("SHA_384")
    assert held.requester_digests
    for side in (held.transcript.view, session.session.transcript.view):
        [at] = [n for n, one in enumerate(side) if one.name == REQUESTER_CHAIN]
        assert side[at - 1].raw == held.requester_digests[0].raw
    made.run(session.measurements(signed_by=0))
    made.session()


@new
def test_what_digests_tell_of_the_keys(version: Version) -> None:
    to = judging(MutualAuth.ENCAPSULATED, challenge=True)
    made = host(to, OURSELVES, version=version, clear=True)
    made.run(made.requester.challenge(0))
    made.session()
    for digests in told(made):
        assert digests.provisioned_slots == digests.supported_slots == 0b100101
        assert digests.key_pair_ids == bytes((1, 2, 1))
        assert digests.certificate_info == bytes([CertificateModel.DEVICE] * 3)
        assert digests.key_usages == RESPONDER_USES.to_bytes(2, "little") * 3
    assert len(told(made)) == 2


@new
def test_a_chain_that_the_challenge_has_fetched_comes_without_digests(version: Version) -> None:
    to = judging(MutualAuth.REQUESTED, challenge=True)
    made = host(to, OURSELVES, version=version)
    made.run(made.requester.challenge(0))
    made.session()
    [held] = to.sessions.live
    assert held.mutual is MutualAuth.REQUESTED
    assert held.requester_digests == ()


@pytest.mark.parametrize(
    ("able", "flag", "agreed"),
    [
        (SEVERAL, Cap.MULTI_KEY_NEG, True),
        (SEVERAL, Cap.MULTI_KEY_ONLY, True),
        (SEVERAL, Cap(0), False),
        (MUTUAL, Cap.MULTI_KEY_NEG, False),
        (MUTUAL, Cap.MULTI_KEY_ONLY, True),
    ],
)
def test_what_is_agreed(able: Cap, flag: Cap, *, agreed: bool) -> None:
    to = asking(capabilities=able, slot=2)
    made = host(to, OURSELVES, flags=FLAGS | flag)
    assert made.connection.algorithms.requester_keys is agreed
    assert made.endpoint.responder.connection.algorithms.requester_keys is agreed
    made.session()
    assert bool(made.endpoint.responder.connection.turn().algorithms.multi_key) is agreed


@pytest.mark.parametrize(("flag", "wrong"), [(Cap(0), 0x10), (Cap.MULTI_KEY_ONLY, 0x10)])
def test_a_device_that_says_otherwise(flag: Cap, wrong: int) -> None:
    """It lets us who cannot, or does not let us who can only so."""
    made = host(judging(MutualAuth.ENCAPSULATED), OURSELVES, flags=FLAGS | flag)

    def bent(payload: bytes) -> bytes:
        message = bytearray(payload)
        if message[9] == 0x63:  # behind DOE's header
            message[15] ^= wrong
        return bytes(message)

    made.bend = bent
    with pytest.raises(BrokenReply, match="other_params"):
        made.run(made.requester.connect())


def test_both_use_several() -> None:
    to = judging(MutualAuth.ENCAPSULATED, challenge=True)
    made = host(to, OURSELVES)
    made.requester.offer = replace(made.requester.offer, multi_key=True)
    made.connected()
    agreed = made.connection.algorithms
    assert agreed.multi_key
    assert agreed.requester_keys
    made.run(made.requester.digests())
    made.run(made.requester.challenge(0))
    session = made.session()
    assert made.connection.transcript.part(Part.D)
    made.run(session.measurements(signed_by=0))
