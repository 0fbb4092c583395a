"""Encapsulated requests: asking for them, answering, and every reply that is wrong.

The replies are put together here, and so is what the device asks.
"""

from dataclasses import replace

import pytest
from devices import error
from hosting import BOTH, SecureHost, offering
from hypothesis import given, settings
from hypothesis import strategies as st
from secured import ABLE, able_device

from emulator.ask import Asked, EncapsulatedRequestRequest, EncapsulatedResponseRequest
from emulator.entropy import Seeded
from emulator.errors import BrokenReply, EmulatorError, PeerErrorReply, UnsupportedByPeer
from emulator.requester import SecureSession
from emulator.requester.answers import Answers
from emulator.requester.flow import Inside
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_schedule import Direction
from emulator.spdm.session import Session
from emulator.spdm.transcript import Part
from emulator.spdm.versions import Version
from emulator.transport.mctp import MCTP

VERSIONS = pytest.mark.parametrize("version", [one for one in Version if one >= Version.V1_1])


def opened(version: Version = Version.V1_4) -> tuple[SecureHost, SecureSession]:
    device = able_device(capabilities=ABLE | Cap.ENCAP)
    offer = offering(BOTH | Cap.ENCAP, versions=(version,))
    host = SecureHost(device, offer=offer, binding=MCTP).connected()
    return host, host.session()


def answering(session: Session) -> Answers:
    """What answers in a session."""
    return Answers(session.context, Seeded("answers"), session=session)


def acknowledged(version: int, answered: int, number: int, payload: bytes = b"") -> bytes:
    """ENCAPSULATED_RESPONSE_ACK, with the next request or none."""
    rest = bytes((answered, 0, 0, 0)) if version >= Version.V1_2 else b""
    return bytes((version, 0x6B, number, 1 if payload else 0)) + rest + payload


def update(version: int, operation: int, tag: int = 9) -> bytes:
    return bytes((version, 0xE9, operation, tag))


@VERSIONS
def test_a_device_gives_itself_a_new_key(version: Version) -> None:
    _, session = opened(version)
    secrets = session.session.secrets
    before = secrets.traffic(Direction.RESPONSE)
    flow = session.encapsulated()

    def say(reply: bytes) -> bytes:
        return flow.send(Inside(reply, session))

    assert next(flow) == bytes((version, 0xEA, 0, 0))
    answered = say(bytes((version, 0x6A, 3, 0)) + update(version, 1))
    assert answered == bytes((version, 0xEB, 3, 0)) + bytes((version, 0x69, 1, 9))
    now = secrets.traffic(Direction.RESPONSE)
    assert now is not before
    answered = say(acknowledged(version, 3, 4, update(version, 3, 10)))
    assert answered == bytes((version, 0xEB, 4, 0)) + bytes((version, 0x69, 3, 10))
    assert not secrets.revert(Direction.RESPONSE)
    with pytest.raises(StopIteration) as done:
        say(acknowledged(version, 4, 0))
    assert done.value.value == [0xE9, 0xE9]
    assert secrets.traffic(Direction.RESPONSE) is now


@pytest.mark.parametrize(
    ("version", "code"),
    [(Version.V1_1, 0x04), (Version.V1_2, 0x04), (Version.V1_3, 0x45), (Version.V1_4, 0x45)],
)
def test_a_device_that_has_nothing_to_ask_says_so(version: Version, code: int) -> None:
    _, session = opened(version)
    request = EncapsulatedRequestRequest(session.connection)
    assert request.accept(error(version, code)) is None
    other = 0x45 if code == 0x04 else 0x04
    with pytest.raises(PeerErrorReply) as refused:
        request.accept(error(version, other))
    assert refused.value.code == other


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("146a0300", r"ENCAPSULATED_REQUEST.request: found nothing, expected a request"),
        ("136a030013e90109", r"ENCAPSULATED_REQUEST.version: found 0x13"),
        ("146b030014e90109", r"ENCAPSULATED_REQUEST.code: found ENCAPSULATED_RESPONSE_ACK"),
    ],
)
def test_broken_requests(reply: str, reason: str) -> None:
    _, session = opened()
    request = EncapsulatedRequestRequest(session.connection)
    with pytest.raises(BrokenReply, match=reason):
        request.accept(bytes.fromhex(reply))


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("146b000002000000", "ack_request_id: found 2, expected 1"),
        ("146b000101000000", "payload_type: found type 1, 0 bytes, expected a request or nothing"),
        ("146b000201000000", "payload: found none, expected a slot below 8"),
        ("146b00020100000008", "payload: found slot 8, expected a slot below 8"),
        ("146b00070100000000", "payload_type: found type 7, 1 bytes"),
        ("146b0000", "ack_request_id|size"),
    ],
)
def test_broken_acknowledgements(reply: str, reason: str) -> None:
    _, session = opened()
    request = EncapsulatedResponseRequest(session.connection, Asked(1, b""), b"\x14\x69\1\0")
    with pytest.raises(BrokenReply, match=f"ENCAPSULATED_RESPONSE_ACK.({reason})"):
        request.accept(bytes.fromhex(reply))


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        ("1481 0000", "147f 0781"),  # GET_DIGESTS: nothing but KEY_UPDATE is answered
        ("13e9 0109", "147f 4100"),
        ("14e9 0209", "147f 0100"),  # both keys are the requester's to update
        ("14e9 0309", "147f 0100"),  # no new key to verify
        ("14e9 0409", "147f 0100"),
        ("14e9 0109 00", "147f 0100"),
        ("14e9", "147f 0100"),
        ("", "147f 0100"),
    ],
)
def test_what_cannot_be_met_is_answered_with_its_error(request_: str, response: str) -> None:
    _, session = opened()
    before = session.session.secrets.traffic(Direction.RESPONSE)
    found = answering(session.session).answer(bytes.fromhex(request_))
    assert found == bytes.fromhex(response)
    assert session.session.secrets.traffic(Direction.RESPONSE) is before


def test_a_second_new_key_waits_for_the_first_to_be_verified() -> None:
    _, session = opened()
    answers = answering(session.session)
    refused = bytes.fromhex("147f0100")
    assert answers.answer(update(0x14, 1)) == bytes((0x14, 0x69, 1, 9))
    assert answers.answer(update(0x14, 1)) == refused
    session.session.outdated = True
    assert answers.answer(update(0x14, 3)) == refused  # under the old key it verifies nothing
    session.session.outdated = False
    assert answers.answer(update(0x14, 3)) == bytes((0x14, 0x69, 3, 9))
    assert answers.answer(update(0x14, 1)) == bytes((0x14, 0x69, 1, 9))


def test_without_key_update_the_device_gets_none() -> None:
    device = able_device(capabilities=(ABLE | Cap.ENCAP) & ~Cap.KEY_UPD)
    host = SecureHost(device, offer=offering(BOTH | Cap.ENCAP), binding=MCTP).connected()
    answers = answering(host.session().session)
    assert answers.answer(update(0x14, 1)) == bytes.fromhex("147f07e9")


@pytest.mark.parametrize(
    ("theirs", "ours", "reason"),
    [(Cap(0), Cap.ENCAP, "which the peer lacks"), (Cap.ENCAP, Cap(0), "which was not offered")],
)
def test_both_sides_must_offer_it(theirs: Cap, ours: Cap, reason: str) -> None:
    device = able_device(capabilities=ABLE | theirs)
    offer = offering(BOTH)
    offer = replace(offer, capabilities=offer.capabilities & ~Cap.ENCAP | ours)
    host = SecureHost(device, offer=offer, binding=MCTP).connected()
    session = host.session()
    with pytest.raises(UnsupportedByPeer, match=reason):
        host.run(session.encapsulated())


def test_before_a_negotiation_there_is_nothing_to_ask_for() -> None:
    host, _ = opened()
    host.run(host.requester.version())
    host.connection.local_capabilities = Cap.ENCAP
    with pytest.raises(EmulatorError, match="GET_ENCAPSULATED_REQUEST cannot be sent in state"):
        EncapsulatedRequestRequest(host.connection)


def test_measuring_starts_anew_afterwards() -> None:
    host, session = opened()
    host.run(session.measurements(1, signed_by=None))
    assert session.connection.transcript.part(Part.M)
    EncapsulatedRequestRequest(session.connection).accept(error(0x14, 0x45))
    assert not session.connection.transcript.part(Part.M)


@settings(max_examples=10, deadline=None)
@given(requests=st.lists(st.tuples(st.booleans(), st.binary(max_size=12)), max_size=8))
def test_whatever_is_asked_is_answered(requests: list[tuple[bool, bytes]]) -> None:
    answers = answering(opened()[1].session)
    for headed, request in requests:
        response = answers.answer(b"\x14\xe9" + request if headed else request)
        assert response[0] == 0x14
        assert response[1] in (0x7F, 0x69)
