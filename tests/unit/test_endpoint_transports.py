"""An endpoint on every transport: framed, and TCP messages alone."""

import pytest
from devices import (
    GET_VERSION,
    device,
    frame,
    get_capabilities,
    negotiate_algorithms,
    vendor_request,
)

from emulator.device import Timing
from emulator.endpoint import Answered, Close, Endpoint, Event, Ignored, Received, Send
from emulator.errors import InvalidRequest
from emulator.spdm.codes import ErrorCode
from emulator.spdm.stages import Situation, Stages
from emulator.transport.binding import Binding
from emulator.transport.bindings import ALL
from emulator.transport.doe import DOE
from emulator.transport.mctp import MCTP
from emulator.transport.none import NONE
from emulator.transport.tcp import TCP

VERSION_REPLY = bytes.fromhex("1004000000020012 0013")

each = pytest.mark.parametrize("binding", ALL, ids=lambda binding: binding.name)


def carried(binding: Binding, payload: bytes) -> bytes:
    return frame(payload, transport=binding.transport)


@each
def test_a_request_is_answered_as_it_was_asked(binding: Binding) -> None:
    events: list[Event] = []
    endpoint = Endpoint(device(), observer=events.append)
    (reply,) = endpoint.receive(carried(binding, binding.wrap(GET_VERSION)), 0.0)
    assert reply == Send(carried(binding, binding.wrap(VERSION_REPLY)))
    assert events == [Received(GET_VERSION), Answered(VERSION_REPLY)]


@pytest.mark.parametrize("binding", [MCTP, TCP, NONE], ids=lambda binding: binding.name)
@pytest.mark.parametrize("more", [1, 3])
def test_only_doe_takes_padding(binding: Binding, more: int) -> None:
    events: list[Event] = []
    endpoint = Endpoint(device(), observer=events.append)
    endpoint.receive(carried(binding, binding.wrap(GET_VERSION + bytes(more))), 0.0)
    _, answered = events
    assert isinstance(answered, Answered)
    assert isinstance(answered.error, InvalidRequest)


def test_doe_takes_what_fills_a_dword() -> None:
    endpoint = Endpoint(device())
    for request in (GET_VERSION, get_capabilities(), negotiate_algorithms()):
        endpoint.receive(frame(DOE.wrap(request)), 0.0)
    odd = vendor_request()
    assert len(odd) % 4 == 3
    for binding, code in ((DOE, ErrorCode.UNSUPPORTED_REQUEST), (MCTP, ErrorCode.INVALID_REQUEST)):
        events: list[Event] = []
        endpoint._observer = events.append
        endpoint.receive(carried(binding, binding.wrap(odd + b"\0")), 0.0)
        _, answered = events
        assert isinstance(answered, Answered)
        assert answered.raw[2] == code


@pytest.mark.parametrize(
    ("binding", "payload", "reason"),
    [
        (MCTP, b"", "malformed MCTP message"),
        (MCTP, b"\x05", "malformed MCTP message"),
        (MCTP, b"\x7e\x10\x84\x00\x00", "MCTP message of type 0x7e"),
        (MCTP, b"\x06" + bytes(20), "a record of session 00000000, and there is none"),
        (TCP, b"\x06\x00\x01", "malformed TCP message"),
        (TCP, b"\x08\x00\x01\x06" + bytes(6), "a record of session 00000000, and there is none"),
        (TCP, b"\x00\x00\x01\xc1", "TCP error message 0xc1 (NOT_SUPPORTED)"),
        (NONE, b"", "empty payload"),
    ],
)
def test_no_response_is_an_empty_frame_of_the_transport(
    binding: Binding, payload: bytes, reason: str
) -> None:
    events: list[Event] = []
    endpoint = Endpoint(device(), observer=events.append)
    assert endpoint.receive(carried(binding, payload), 0.0) == [Send(carried(binding, b""))]
    (event,) = events
    assert isinstance(event, Ignored)
    assert event.reason.startswith(reason)


@pytest.mark.parametrize(
    ("asked", "answer", "reason"),
    [
        ("000001bf", "000001c2", "Role-Inquiry: this end is a responder"),
        ("06000107 10840000", "000001c1", "TCP message of type 0x07"),
    ],
)
def test_tcp_has_refusals_of_its_own(asked: str, answer: str, reason: str) -> None:
    events: list[Event] = []
    endpoint = Endpoint(device(), observer=events.append)
    actions = endpoint.receive(carried(TCP, bytes.fromhex(asked)), 0.0)
    assert actions == [Send(carried(TCP, bytes.fromhex(answer)))]
    assert events == [Ignored(reason)]


def test_tcp_messages_alone_are_answered_alone() -> None:
    stream = TCP.wrap(GET_VERSION) + bytes.fromhex("000001bf") + TCP.wrap(GET_VERSION)
    expected = [
        Send(TCP.wrap(VERSION_REPLY)),
        Send(bytes.fromhex("000001c2")),
        Send(TCP.wrap(VERSION_REPLY)),
    ]
    assert Endpoint(device()).receive(stream, 0.0) == expected
    slow = Endpoint(device())
    found = [
        action
        for index in range(len(stream))
        for action in slow.receive(stream[index : index + 1], float(index))
    ]
    assert found == expected
    assert slow.timer() is None


def test_no_response_over_tcp_alone_is_silence() -> None:
    endpoint = Endpoint(device())
    assert endpoint.receive(TCP.wrap(GET_VERSION)[:3], 5.0) == []
    assert endpoint.timer() == 35.0
    assert endpoint.receive(TCP.wrap(GET_VERSION)[3:], 6.0) == [Send(TCP.wrap(VERSION_REPLY))]
    assert endpoint.receive(b"\x08\x00\x01\x06" + bytes(6), 7.0) == []


def test_a_stream_of_tcp_that_cannot_be_followed_is_closed() -> None:
    endpoint = Endpoint(device())
    first, close = endpoint.receive(TCP.wrap(GET_VERSION) + b"\x01\x00\x01\x05", 0.0)
    assert first == Send(TCP.wrap(VERSION_REPLY))
    assert close == Close("a TCP message of length 1, less than its header")


@pytest.mark.parametrize("framed", [True, False])
def test_a_delay_holds_replies_back_on_every_transport(framed: bool) -> None:  # noqa: FBT001
    endpoint = Endpoint(device(timing=Timing(delay=0.25)))
    request = TCP.wrap(GET_VERSION)
    (reply,) = endpoint.receive(carried(TCP, request) if framed else request, 10.0)
    assert reply.not_before == 10.25


class Large(Stages):
    """A stage that answers everything itself, with more than TCP can carry."""

    def request(self, situation: Situation) -> bytes | None:
        del situation
        return bytes(0x10000)


@each
def test_a_fault_may_send_more_than_a_length_can_say(binding: Binding) -> None:
    endpoint = Endpoint(device(), stages=Large())
    (reply,) = endpoint.receive(carried(binding, binding.wrap(GET_VERSION)), 0.0)
    assert isinstance(reply, Send)
    assert len(reply.data) >= 0x10000


def test_a_reply_is_bounded_by_what_its_transport_can_carry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(type(TCP), "largest", len(VERSION_REPLY) - 1)
    events: list[Event] = []
    endpoint = Endpoint(device(), observer=events.append)
    endpoint.receive(carried(TCP, TCP.wrap(GET_VERSION)), 0.0)
    answered = events[-1]
    assert isinstance(answered, Answered)
    assert answered.raw[1] == 0x7F
    endpoint.receive(carried(MCTP, MCTP.wrap(GET_VERSION)), 0.0)
    assert events[-1] == Answered(VERSION_REPLY)
