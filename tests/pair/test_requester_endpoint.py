"""The device asks what the requester is: over the socket, outside of sessions and in them."""

from dataclasses import replace

import pytest
from devices import chain, frame, seen_frames
from hosting import SecureHost
from mutual import SLOT, asking, host, identity, known_keys, own_chain

from emulator.ask.endpoint_info import read_classes
from emulator.device import Device
from emulator.device.changes import Change, RequesterDescribed
from emulator.device.endpoint_info import DeviceClass
from emulator.endpoint import Answered, Send
from emulator.errors import InvalidResponseCode, PeerErrorReply
from emulator.requester import Identity
from emulator.requester.offer import IN_SESSION
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code, ErrorCode
from emulator.spdm.messages import EndpointInfo
from emulator.spdm.messages.key_exchange import MutualAuth
from emulator.spdm.versions import Version
from emulator.transport.spdm_socket import Command
from emulator.wire import Shape, parse

CLASS = DeviceClass(3, b"\x86\x80", (b"\0\0\6", b"\1"))
SIGNED = RequesterDescribed((CLASS.encoded(),), signed=True)
UNSIGNED = replace(SIGNED, signed=False)
FORGED = replace(own_chain("ECDSA_P384"), key=chain("ECDSA_P384", 0).key)
OURSELVES = replace(identity("ECDSA_P384"), classes=(CLASS,))
FLAGS = IN_SESSION | Cap.KEY_EX | Cap.CERT | Cap.CHAL | Cap.MUT_AUTH
new = pytest.mark.parametrize("version", [Version.V1_3, Version.V1_4])


def watched(to: Device) -> list[Change]:
    seen: list[Change] = []

    def hear(change: Change) -> None:
        if isinstance(change, RequesterDescribed):
            seen.append(change)

    to.watchers.append(hear)
    return seen


def tell(made: SecureHost) -> None:
    """The socket's command, which names no session."""
    [action] = made.endpoint.receive(frame(b"", command=Command.OOB_ENCAP_ENDPOINT_INFO), made.now)
    assert isinstance(action, Send)
    [echo] = seen_frames(action.data)
    assert (echo.command, echo.payload) == (Command.OOB_ENCAP_ENDPOINT_INFO, b"")


@new
def test_outside_of_sessions_and_in_each_that_was_opened_last(version: Version) -> None:
    to = asking(challenge=True)
    seen = watched(to)
    made = host(to, OURSELVES, version=version)
    made.run(made.requester.challenge(0))
    assert made.run(made.requester.encapsulated()) == []
    tell(made)
    tell(made)
    assert made.run(made.requester.encapsulated()) == [Code.GET_ENDPOINT_INFO]
    assert seen == [SIGNED]
    first = made.session()
    second = made.session()
    tell(made)
    assert made.run(first.encapsulated()) == []
    assert made.run(made.requester.encapsulated()) == []
    made.run(second.measurements(signed_by=0))  # it waits until the requester has time
    assert made.run(second.encapsulated()) == [Code.GET_ENDPOINT_INFO]
    assert seen == [SIGNED] * 2
    made.run(second.end_session())
    tell(made)
    assert made.run(made.requester.encapsulated()) == [Code.GET_ENDPOINT_INFO]
    made.run(first.measurements(signed_by=0))
    made.run(made.requester.measurements(signed_by=0))


@new
def test_in_a_session_by_the_chain_it_was_authenticated_with(version: Version) -> None:
    to = asking()
    seen = watched(to)
    made = host(to, OURSELVES, version=version)
    session = made.session()
    tell(made)
    made.run(session.encapsulated())
    assert seen == [SIGNED]


@new
def test_by_a_key_that_was_provisioned(version: Version) -> None:
    to = asking(keys=known_keys("ECDSA_P384"))
    seen = watched(to)
    own = Identity(keys={"ECDSA_P384": own_chain("ECDSA_P384").key}, classes=(CLASS,))
    made = host(to, own, version=version)
    tell(made)
    made.run(made.requester.encapsulated())
    assert seen == [SIGNED]


@pytest.mark.parametrize("flags", [FLAGS | Cap.EP_INFO_SIG, FLAGS | Cap.EP_INFO_NO_SIG])
def test_unsigned_where_it_could_not_be_verified(flags: Cap) -> None:
    """Its chain is not known, or it signs nothing of the kind."""
    to = asking(MutualAuth(0), challenge=Cap.EP_INFO_NO_SIG in flags)
    seen = watched(to)
    made = host(to, OURSELVES, flags=flags)
    made.run(made.requester.challenge(0))
    tell(made)
    made.run(made.requester.encapsulated())
    assert seen == [UNSIGNED]


@pytest.mark.parametrize("version", [Version.V1_1, Version.V1_2, Version.V1_4])
def test_a_requester_that_does_not_say(version: Version) -> None:
    to = asking()
    own = OURSELVES if version < Version.V1_3 else replace(OURSELVES, classes=())
    made = host(to, own, version=version)
    tell(made)
    assert made.run(made.requester.encapsulated()) == []


@pytest.mark.parametrize(
    "other",
    [
        replace(OURSELVES, classes=()),
        replace(OURSELVES, slots={SLOT: {"ECDSA_P384": FORGED}}),
    ],
    ids=["an ERROR", "another's signature"],
)
def test_an_answer_that_is_none(other: Identity) -> None:
    to = asking(challenge=True)
    seen = watched(to)
    made = host(to, OURSELVES)
    made.run(made.requester.challenge(0))
    made.requester.identity = other
    tell(made)
    with pytest.raises(PeerErrorReply) as error:
        made.run(made.requester.encapsulated())
    assert error.value.code == ErrorCode.INVALID_RESPONSE_CODE
    told = [one.error for one in made.events if isinstance(one, Answered) and one.error]
    assert told[-1].code == InvalidResponseCode.code
    assert seen == []
    assert made.run(made.requester.encapsulated()) == []  # it was given up
    made.requester.identity = OURSELVES
    made.session()


ASKED = bytes((0x14, 0x87, 1, SLOT, 1, 0, 0, 0)) + bytes(32)


@pytest.mark.parametrize(
    ("flags", "request_", "refused"),
    [
        (Cap.EP_INFO_SIG, bytes((0x14, 0x87, 2)) + ASKED[3:], "7f0100"),
        (Cap.EP_INFO_SIG, ASKED[:-1], "7f0100"),
        (Cap.EP_INFO_SIG, ASKED[:3] + bytes((SLOT + 1,)) + ASKED[4:], "7f0100"),
        (Cap.EP_INFO_SIG, ASKED[:3] + b"\x08" + ASKED[4:], "7f0100"),
        (Cap.EP_INFO_SIG, ASKED[:3] + b"\x0f" + ASKED[4:], "7f0100"),
        (Cap.EP_INFO_SIG, b"\x13" + ASKED[1:], "7f4100"),
        (Cap.EP_INFO_NO_SIG, ASKED, "7f0787"),
        (Cap(0), ASKED[:8], "7f0787"),
    ],
)
def test_what_a_requester_does_not_answer(flags: Cap, request_: bytes, refused: str) -> None:
    made = host(asking(), OURSELVES, flags=FLAGS | flags)
    session = made.session()
    told = session._answers.answer(request_)
    assert told.hex() == "14" + refused
    if flags:
        good = session._answers.answer(bytes((0x14, 0x87, 1, 0)) + bytes(4))
        assert read_classes(parse(EndpointInfo, good, Shape(0x14))[0].info) == (CLASS,)
