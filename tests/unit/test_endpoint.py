"""An endpoint: bytes in, actions out. Facts of the wire: QEMU `backends/spdm-socket.c`, spdm-emu
`spdm_emu/spdm_emu_common/command.h`."""

import struct
from dataclasses import dataclass
from typing import Any

import pytest
from devices import (
    GET_VERSION,
    challenge,
    data_object,
    device,
    error,
    frame,
    get_capabilities,
    get_certificate,
    get_digests,
    negotiate_algorithms,
    seen_frames,
    spdm_frame,
    vendor_request,
)

from emulator.device import Device, Limits, Timing
from emulator.endpoint import (
    STALL,
    Action,
    Answered,
    Close,
    Ended,
    Endpoint,
    Event,
    Ignored,
    Limited,
    Received,
    Send,
)
from emulator.errors import InvalidRequest
from emulator.spdm.pending import Readiness
from emulator.spdm.stages import Delivery, Situation, Stages
from emulator.spdm.state import State
from emulator.vendor import Registry, VendorExchange

NO_RESPONSE = frame()
VERSION_REPLY = spdm_frame(bytes.fromhex("1004000000020012 0013"))
DISCOVERY = frame(data_object(bytes(4), kind=0))


def limited(timing: Timing | None = None, **limits: Any) -> Device:
    """A device with these limits."""
    made = device(timing=timing)
    made.limits = Limits(**limits)
    return made


class Watched:
    """An endpoint whose events are kept."""

    def __init__(
        self,
        to: Device | None = None,
        *,
        stages: Stages | None = None,
        vendors: Registry | None = None,
    ) -> None:
        self.events: list[Event] = []
        self.endpoint = Endpoint(
            device() if to is None else to,
            observer=self.events.append,
            stages=stages,
            vendors=vendors,
        )

    def send(self, data: bytes, now: float = 0.0) -> list[Action]:
        return self.endpoint.receive(data, now)


def test_an_spdm_request_is_answered_in_one_piece() -> None:
    watched = Watched()
    assert watched.send(spdm_frame(GET_VERSION)) == [Send(VERSION_REPLY)]
    reply = VERSION_REPLY[20:30]
    assert watched.events == [Received(GET_VERSION), Answered(reply)]


def test_an_error_is_an_answer_too() -> None:
    watched = Watched()
    assert watched.send(frame(data_object(b""))) == [Send(spdm_frame(error(0x10, 0x01)))]
    received, answered = watched.events
    assert received == Received(b"")
    assert isinstance(answered, Answered)
    assert answered.raw == error(0x10, 0x01)
    assert isinstance(answered.error, InvalidRequest)


def test_replies_are_padded_to_dwords() -> None:
    watched = Watched()
    (reply,) = watched.send(spdm_frame(GET_VERSION))
    assert isinstance(reply, Send)
    assert reply.data[-2:] == bytes(2)
    assert len(reply.data) == 12 + 8 + 12


def test_many_frames_in_one_read_are_answered_in_order() -> None:
    requests = (
        GET_VERSION,
        get_capabilities(),
        negotiate_algorithms(),
        get_digests(),
        get_certificate(),
        challenge(),
    )
    stream = b"".join(map(spdm_frame, requests))
    whole = Watched().send(stream)
    assert [_code(action) for action in whole] == [0x04, 0x61, 0x63, 0x01, 0x02, 0x03]
    slow = Watched()
    pieces: list[Action] = []
    for index in range(len(stream)):
        pieces += slow.send(stream[index : index + 1])
    assert pieces == whole


def _code(action: Action) -> int:
    assert isinstance(action, Send)
    ((command, transport, payload),) = seen_frames(action.data)
    assert (command, transport) == (1, 2)
    return payload[9]


def test_a_reply_that_is_not_ready_is_ready_by_the_clock_of_the_caller() -> None:
    timing = Timing(not_ready=Readiness(rdt_exponent=20))
    watched = Watched(device(timing=timing))
    for request in (GET_VERSION, get_capabilities(), negotiate_algorithms()):
        watched.send(spdm_frame(request), 100.0)
    again = spdm_frame(bytes((0x13, 0xFF, 0x83, 0)))
    codes = [
        _code(watched.send(request, now)[0])
        for request, now in (
            (spdm_frame(challenge()), 100.0),
            (again, 101.0),
            (again, 101.1),
        )
    ]
    assert codes == [0x7F, 0x7F, 0x03]


def test_discovery_is_answered() -> None:
    answers = [
        Watched().send(frame(data_object(bytes((index, 0, 0, 0)), kind=0)))
        for index in (0, 1, 2, 3, 255)
    ]
    expected = ["01000001", "01000102", "01000200", "ffff0000", "ffff0000"]
    assert answers == [[Send(frame(data_object(bytes.fromhex(e), kind=0)))] for e in expected]


@pytest.mark.parametrize("transport", [0, 1, 2, 3, 4, 0xFFFFFFFF])
def test_a_hello_is_answered_on_any_transport(transport: int) -> None:
    hello = frame(b"Client Hello!\0", command=0xDEAD, transport=transport)
    expected = frame(b"Server Hello!\0", command=0xDEAD, transport=transport)
    assert Watched().send(hello) == [Send(expected)]
    assert Watched().send(frame(command=0xDEAD, transport=transport)) == [Send(expected)]


def test_continue_is_echoed() -> None:
    watched = Watched()
    watched.send(spdm_frame(GET_VERSION))
    assert watched.send(frame(b"?", command=0xFFFD)) == [Send(frame(command=0xFFFD))]
    assert watched.endpoint.responder.connection.state == State.AFTER_VERSION


def test_after_continue_the_next_connection_goes_on() -> None:
    held = device()
    first = Watched(held)
    for request in (GET_VERSION, get_capabilities(), negotiate_algorithms()):
        first.send(spdm_frame(request))
    first.send(frame(command=0xFFFD))
    later = Watched(held)
    assert _code(later.send(spdm_frame(get_digests()))[0]) == 0x01
    assert _code(later.send(spdm_frame(challenge()))[0]) == 0x03
    # Only one goes on, and the first begins anew.
    for other in (Watched(held), first):
        assert other.send(spdm_frame(get_digests())) == [Send(spdm_frame(error(0x10, 0x04)))]
    assert _code(later.send(spdm_frame(get_digests()))[0]) == 0x01


def test_after_continue_the_same_connection_may_go_on_itself() -> None:
    held = device()
    watched = Watched(held)
    for request in (GET_VERSION, get_capabilities(), negotiate_algorithms()):
        watched.send(spdm_frame(request))
    watched.send(frame(command=0xFFFD))
    assert _code(watched.send(spdm_frame(get_digests()))[0]) == 0x01
    other = Watched(held)
    assert other.send(spdm_frame(get_digests())) == [Send(spdm_frame(error(0x10, 0x04)))]


@pytest.mark.parametrize("transport", [0, 2])
def test_shutdown_is_echoed_and_closes(transport: int) -> None:
    watched = Watched()
    shutdown = frame(command=0xFFFE, transport=transport)
    actions = watched.send(shutdown + spdm_frame(GET_VERSION))
    reason = "the peer shut the connection down"
    assert actions == [Send(shutdown), Close(reason)]
    assert watched.events == [Ended(reason)]
    assert watched.send(spdm_frame(GET_VERSION)) == []
    assert watched.endpoint.timer() is None
    assert watched.endpoint.tick(1e9) == []


@pytest.mark.parametrize(
    ("command", "transport"),
    [
        (0x0000, 2),
        (0x0002, 2),
        (0x0003, 4),
        (0x8000, 2),
        (0x8003, 2),
        (0xFFFF, 2),
        (0xFFFFFFFF, 2),
        (0x0001, 4),
        (0x0001, 5),
        (0x0001, 0xFFFFFFFF),
        (0x0002, 3),
        (0x0004, 3),
    ],
)
def test_what_nobody_knows_is_unknown(command: int, transport: int) -> None:
    watched = Watched()
    odd = frame(data_object(GET_VERSION), command=command, transport=transport)
    assert watched.send(odd) == [Send(frame(command=0xFFFF, transport=transport))]
    assert watched.events == [Ignored(f"command 0x{command:x} on transport {transport}")]
    assert watched.send(spdm_frame(GET_VERSION)) == [Send(VERSION_REPLY)]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "malformed data object: 0 bytes where a header takes 8"),
        (bytes(7), "malformed data object: 7 bytes where a header takes 8"),
        (data_object(GET_VERSION) + b"\0", "malformed data object: its length says 12 bytes"),
        (data_object(GET_VERSION)[:-1], "malformed data object: its length says 12 bytes"),
        (bytes.fromhex("0100010000000000"), "malformed data object: its length says 1048576"),
        (data_object(GET_VERSION, vendor=0x1AF4), "data object of vendor 0x1af4"),
        (data_object(GET_VERSION, vendor=0xFFFF, kind=0), "data object of vendor 0xffff"),
        (data_object(bytes(16), kind=2), "a record of session 00000000, and there is none"),
        (data_object(GET_VERSION, kind=3), "data object of type 3"),
        (data_object(GET_VERSION, kind=0xFF), "data object of type 255"),
    ],
)
def test_what_is_no_request_gets_no_response(payload: bytes, reason: str) -> None:
    watched = Watched()
    assert watched.send(frame(payload)) == [Send(NO_RESPONSE)]
    (event,) = watched.events
    assert isinstance(event, Ignored)
    assert event.reason.startswith(reason)
    assert watched.send(spdm_frame(GET_VERSION)) == [Send(VERSION_REPLY)]


class Silent:
    """A vendor protocol without an answer."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes | None:
        del payload, exchange
        return None


def test_a_vendor_protocol_may_have_no_response() -> None:
    vendors = Registry()
    vendors.add(3, b"\x01\x00", Silent())
    watched = Watched(vendors=vendors)
    for request in (GET_VERSION, get_capabilities(), negotiate_algorithms()):
        watched.send(spdm_frame(request))
    watched.events.clear()
    assert watched.send(spdm_frame(vendor_request())) == [Send(NO_RESPONSE)]
    padded = vendor_request() + b"\0"
    assert watched.events == [Received(padded), Ignored("no response")]


def test_a_claim_of_four_gibibytes_closes_at_once() -> None:
    watched = Watched()
    claim = struct.pack(">III", 1, 2, 0xFFFFFFFF)
    first, close = watched.send(spdm_frame(GET_VERSION) + claim)
    assert first == Send(VERSION_REPLY)
    assert isinstance(close, Close)
    assert "claims 4294967295 bytes of payload" in close.reason
    assert watched.events[-1] == Ended(close.reason)
    assert watched.send(spdm_frame(GET_VERSION)) == []
    assert watched.endpoint.timer() is None


def test_a_frame_left_unfinished_ends_the_connection() -> None:
    watched = Watched()
    assert watched.endpoint.timer() is None
    half = spdm_frame(GET_VERSION)[:15]
    assert watched.send(half, 100.0) == []
    assert watched.endpoint.timer() == 100.0 + STALL
    assert watched.endpoint.tick(100.0 + STALL - 0.001) == []
    (close,) = watched.endpoint.tick(100.0 + STALL)
    assert close == Close("a frame of 15 bytes so far was not finished in 30 s")
    assert watched.events == [Limited("stall", close.reason), Ended(close.reason)]
    assert watched.endpoint.timer() is None
    assert watched.endpoint.tick(1e9) == []
    assert watched.send(spdm_frame(GET_VERSION)) == []


def test_what_trickles_in_buys_no_more_time() -> None:
    watched = Watched()
    whole = spdm_frame(GET_VERSION)
    for index in range(15):
        watched.send(whole[index : index + 1], 100.0 + index)
        assert watched.endpoint.timer() == 100.0 + STALL
    # The next frame has its own time, from its own first byte on.
    watched.send(whole[15:] + whole[:1], 129.0)
    assert watched.endpoint.timer() == 129.0 + STALL


def test_a_frame_finished_in_time_does_not() -> None:
    watched = Watched()
    whole = spdm_frame(GET_VERSION)
    watched.send(whole[:15], 100.0)
    assert watched.send(whole[15:], 129.0) == [Send(VERSION_REPLY)]
    assert watched.endpoint.timer() is None
    assert watched.endpoint.tick(1000.0) == []
    watched.send(whole + whole[:1], 200.0)
    assert watched.endpoint.timer() == 230.0


def test_a_delay_holds_spdm_replies_back() -> None:
    watched = Watched(device(timing=Timing(delay=0.25)))
    stream = spdm_frame(GET_VERSION) + frame(command=0xDEAD)
    spdm, hello = watched.send(stream, 10.0)
    assert spdm == Send(VERSION_REPLY, 10.25)
    assert isinstance(hello, Send)
    assert hello.not_before == 0.0


def test_an_endpoint_needs_no_observer() -> None:
    endpoint = Endpoint(device())
    assert endpoint.number == 1
    assert endpoint.receive(spdm_frame(GET_VERSION) + frame(command=0), 0.0) == [
        Send(VERSION_REPLY),
        Send(frame(command=0xFFFF)),
    ]


@dataclass
class Frames(Stages):
    """Reaches into the frame and into how it leaves."""

    instead: bytes | None = None
    pieces: tuple[bytes, ...] | None = None
    delay: float = 0.0
    close: bool = False
    state_at_frame: State | None = None
    state_at_delivery: State | None = None

    def frame(self, situation: Situation, frame: bytes) -> bytes:
        self.state_at_frame = situation.connection.state
        return frame if self.instead is None else self.instead

    def delivery(self, situation: Situation, delivery: Delivery) -> Delivery:
        self.state_at_delivery = situation.connection.state
        pieces = delivery.pieces if self.pieces is None else self.pieces
        return Delivery(pieces, delivery.delay + self.delay, close=self.close)


def test_stages_that_do_nothing_leave_the_actions_alone() -> None:
    stream = b"".join(map(spdm_frame, (GET_VERSION, get_capabilities(), b"?")))
    assert Watched(stages=Stages()).send(stream) == Watched().send(stream)
    slow = device(timing=Timing(delay=2.0))
    assert Watched(slow, stages=Stages()).send(stream, 1.0)[0] == Send(VERSION_REPLY, 3.0)


def test_a_frame_may_be_exchanged_after_it_is_made() -> None:
    stages = Frames(instead=b"no frame at all")
    watched = Watched(stages=stages)
    assert watched.send(spdm_frame(GET_VERSION)) == [Send(b"no frame at all")]
    # Both come before the commit: a fault may decide that it does not stand.
    assert (stages.state_at_frame, stages.state_at_delivery) == (State.NOT_STARTED,) * 2
    assert watched.events == [Received(GET_VERSION), Answered(VERSION_REPLY[20:30])]


def test_a_frame_may_leave_in_pieces_and_late() -> None:
    pieces = (VERSION_REPLY[:5], VERSION_REPLY[5:])
    watched = Watched(device(timing=Timing(delay=1.0)), stages=Frames(pieces=pieces, delay=2.0))
    assert watched.send(spdm_frame(GET_VERSION), 10.0) == [
        Send(pieces[0], 13.0),
        Send(pieces[1], 13.0),
    ]


def test_nothing_may_leave_at_all() -> None:
    watched = Watched(stages=Frames(pieces=()))
    assert watched.send(spdm_frame(GET_VERSION)) == []
    assert watched.endpoint.responder.connection.state == State.AFTER_VERSION


def test_the_connection_may_be_closed_instead_or_afterwards() -> None:
    watched = Watched(stages=Frames(pieces=(VERSION_REPLY[:3],), close=True, delay=1.0))
    half = len(spdm_frame(GET_VERSION)) // 2
    watched.send(spdm_frame(GET_VERSION)[:half], 5.0)
    actions = watched.send(spdm_frame(GET_VERSION)[half:] + DISCOVERY, 6.0)
    assert actions == [
        Send(VERSION_REPLY[:3], 7.0),
        Close("a fault closes the connection", 7.0),
    ]
    assert watched.send(DISCOVERY) == []
    assert watched.endpoint.timer() is None
    assert watched.endpoint.tick(1e9) == []


def test_the_time_to_finish_a_frame_is_the_devices() -> None:
    watched = Watched(limited(stall=1.5))
    watched.send(b"\0", 1.0)
    assert watched.endpoint.timer() == 2.5
    watched = Watched(limited(stall=0))
    watched.send(b"\0", 1.0)
    assert watched.endpoint.timer() is None


def test_a_peer_that_asks_nothing_is_idle() -> None:
    watched = Watched(limited(idle=5))
    assert watched.endpoint.tick(1.0) == []
    assert watched.endpoint.timer() == 6.0
    watched.send(spdm_frame(GET_VERSION), 4.0)
    assert watched.endpoint.timer() == 9.0
    assert watched.endpoint.tick(8.9) == []
    (close,) = watched.endpoint.tick(9.0)
    assert close == Close("the peer asked nothing for 5 s")
    assert watched.events[-2:] == [Limited("idle", close.reason), Ended(close.reason)]
    assert watched.endpoint.tick(10.0) == []
    assert watched.endpoint.timer() is None


def test_a_peer_whose_reply_is_held_back_is_not() -> None:
    watched = Watched(limited(timing=Timing(delay=60.0), idle=5))
    watched.send(spdm_frame(GET_VERSION), 4.0)
    assert watched.endpoint.timer() == 69.0


def test_a_limit_is_counted_each_time_and_told_once() -> None:
    watched = Watched()
    for _ in range(3):
        watched.endpoint.limited("rate", "too fast")
    watched.endpoint.limited("buffered", "unread")
    assert watched.events == [Limited("rate", "too fast"), Limited("buffered", "unread")]
    assert watched.endpoint.device.limited == {"rate": 3, "buffered": 1}


@pytest.mark.parametrize(
    ("stream", "what"),
    [
        (frame(bytes(41)), "frame of command 0x1 claims 41 bytes of payload, at most 40 are taken"),
        (bytes.fromhex("28000105") + bytes(38), "a TCP message of 42 bytes, at most 40 are taken"),
    ],
)
def test_a_frame_larger_than_the_limit_ends_the_connection(stream: bytes, what: str) -> None:
    watched = Watched(limited(frame=40))
    assert watched.send(stream) == [Close(what)]
    assert watched.events == [Limited("frame", what), Ended(what)]


def test_a_full_transcript_is_a_limit() -> None:
    to = limited(transcript=2000)
    watched = Watched(to)
    for request in (GET_VERSION, get_capabilities(), negotiate_algorithms(), get_digests()):
        watched.send(spdm_frame(request))
    replies = 0
    while not to.limited:
        watched.send(spdm_frame(get_certificate(length=200)))
        replies += 1
    assert replies < 10
    (told,) = [event for event in watched.events if isinstance(event, Limited)]
    assert told == Limited("transcript", "part B of the transcript is full")
    # GET_DIGESTS begins the part anew.
    watched.send(spdm_frame(get_digests()))
    watched.send(spdm_frame(get_certificate(length=200)))
    assert to.limited["transcript"] == 1


def test_a_peer_that_left_is_told_once() -> None:
    watched = Watched()
    watched.send(b"\0")
    watched.endpoint.left("the peer left")
    watched.endpoint.left("again")
    assert watched.events == [Ended("the peer left")]
    assert watched.endpoint.timer() is None
    assert watched.send(spdm_frame(GET_VERSION)) == []
