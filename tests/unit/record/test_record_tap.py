"""What a recorded endpoint writes down, and that it behaves as one that is not recorded."""

import io
import logging
from typing import Any

import pytest
from devices import (
    GET_VERSION,
    challenge,
    data_object,
    device,
    frame,
    get_capabilities,
    negotiate_algorithms,
    spdm_frame,
)
from hypothesis import given
from hypothesis import strategies as st
from slow import quick_device, slow_device

from emulator.device import Device, Timing
from emulator.endpoint import STALL, Answered, Close, Endpoint, Event, Received, Send, carried_out
from emulator.entropy import Seeded
from emulator.faults import Rule, arm
from emulator.record import ENCODERS, Packet, RecordedEndpoint, Recorder, Tape, read
from emulator.record.packet import LinkType
from emulator.requester import Direction
from emulator.spdm.stages import Delivery, Situation, Stages
from emulator.transport.tcp import TCP

NOW = 1_700_000_000 * 10**9


class Desk:
    """A recorder into memory, and what it has written."""

    def __init__(self, form: str = "pcapng", limit: int = 1 << 20) -> None:
        self.stream = io.BytesIO()
        self.ticks = NOW
        self.recorder = Recorder(self.stream, ENCODERS[form](), clock=self.clock, limit=limit)

    def clock(self) -> int:
        self.ticks += 1
        return self.ticks

    def endpoint(self, to: Device | None = None, stages: Stages | None = None) -> RecordedEndpoint:
        return RecordedEndpoint(to or device(), tape=Tape(self.recorder), stages=stages)

    @property
    def packets(self) -> tuple[Packet, ...]:
        recording = read("a", self.stream.getvalue())
        assert recording.problem is None
        return recording.packets


def seen(packets: tuple[Packet, ...]) -> list[tuple[str | None, int, tuple[str, ...]]]:
    return [(packet.direction, len(packet.data), packet.comments) for packet in packets]


REQUEST, REPLY = Direction.REQUEST, Direction.REPLY
SHUTDOWN = frame(command=0xFFFE)


def test_a_conversation_with_everything_remarkable() -> None:
    desk = Desk()
    endpoint = desk.endpoint()
    stream = (
        frame(b"Client Hello!\0", command=0xDEAD)
        + spdm_frame(GET_VERSION)
        + spdm_frame(get_capabilities(0x20))
        + frame(data_object(b"", kind=2))
        + frame(b"short")
        + frame(data_object(bytes(4)), transport=7)
        + SHUTDOWN
    )
    endpoint.receive(stream, 0.0)
    assert seen(desk.packets) == [
        (REQUEST, 12, ("connection 1 opened",)),
        (REPLY, 20, ()),
        (REQUEST, 28, ()),
        (REPLY, 12, ("ERROR VERSION_MISMATCH: version 0x20 of GET_CAPABILITIES",)),
        (REQUEST, 8, ()),
        (REPLY, 0, ("no response: a record of session 00000000, and there is none",)),
        (REQUEST, 5, ()),
        (REPLY, 0, ("no response: malformed data object: 5 bytes where a header takes 8",)),
        (REQUEST, 12, ()),
        (REPLY, 0, ("no response: command 0x1 on transport 7",)),
        (None, 0, ("connection 1 closed: the peer shut the connection down",)),
    ]
    assert desk.packets[0].data == data_object(GET_VERSION)
    times = [packet.time for packet in desk.packets]
    assert times == sorted(times)
    assert {packet.device for packet in desk.packets} == {"device"}
    assert {packet.connection for packet in desk.packets} == {1}


def plainly(event: Event) -> tuple[str, ...]:
    """An event in words: errors are equal when they say the same."""
    return type(event).__name__, *(str(getattr(event, name)) for name in event.__slots__)


@given(st.lists(st.integers(1, 40), max_size=12), st.data())
def test_behaves_as_an_endpoint_that_is_not_recorded(cuts: list[int], data: st.DataObject) -> None:
    parts = data.draw(
        st.lists(
            st.sampled_from(
                [
                    spdm_frame(GET_VERSION),
                    spdm_frame(get_capabilities()),
                    frame(b"short"),
                    frame(bytes(4), command=3),
                    SHUTDOWN,
                    frame()[:8] + b"\xff\xff\xff\xff",
                    b"\x01",
                ]
            ),
            max_size=5,
        )
    )
    stream = b"".join(parts)
    told: list[Event] = []
    recorder = Desk().recorder
    recorded = RecordedEndpoint(device(), tape=Tape(recorder), observer=told.append)
    expected: list[Event] = []
    plain = Endpoint(device(), observer=expected.append)
    for size in [*cuts, len(stream)]:
        part, stream = stream[:size], stream[size:]
        assert recorded.receive(part, 5.0) == plain.receive(part, 5.0)
        assert recorded.timer() == plain.timer()
    assert list(map(plainly, told)) == list(map(plainly, expected))


def test_ends_are_recorded_once_whoever_ends() -> None:
    desk = Desk()
    stalled, gone = desk.endpoint(), desk.endpoint()
    stalled.receive(b"\0", 1.0)
    (action,) = stalled.tick(1.0 + STALL)
    assert isinstance(action, Close)
    stalled.left("the peer left")
    gone.left("the peer left: reset")
    gone.left("again")
    assert [packet.comments for packet in desk.packets] == [
        (
            "connection 1 opened",
            "limit stall: a frame of 1 bytes so far was not finished in 30 s",
            "connection 1 closed: a frame of 1 bytes so far was not finished in 30 s",
        ),
        ("connection 1 opened", "connection 1 closed: the peer left: reset"),
    ]
    assert [packet.device for packet in desk.packets] == ["device", "device (2)"]
    assert gone.receive(spdm_frame(GET_VERSION), 2.0) == []


class Odd(Stages):
    """Delivers the frame in two pieces with rubbish behind, or nothing at all."""

    def __init__(self, *, silent: bool = False) -> None:
        self.silent = silent

    def delivery(self, situation: Situation, delivery: Delivery) -> Delivery:
        del situation
        if self.silent:
            return Delivery((), close=True)
        (whole,) = delivery.pieces
        return Delivery((whole[:3], whole[3:] + b"rubbish behind it"), delay=delivery.delay)


def test_what_faults_deliver_is_recorded_as_it_leaves() -> None:
    desk = Desk()
    actions = desk.endpoint(stages=Odd()).receive(spdm_frame(GET_VERSION), 0.0)
    assert sum(len(action.data) for action in actions if isinstance(action, Send)) == 12 + 20 + 17
    assert seen(desk.packets)[1:] == [
        (REPLY, 20, ()),
        (REPLY, 17, ("17 bytes that are no whole frame",)),
    ]
    desk = Desk()
    desk.endpoint(stages=Odd(silent=True)).receive(spdm_frame(GET_VERSION), 0.0)
    assert seen(desk.packets)[1:] == [
        (REPLY, 0, ("nothing was sent",)),
        (None, 0, ("connection 1 closed: a fault closes the connection",)),
    ]


SECOND = 10**9
CUT, DROPPED = "fault odd at delivery: ", "connection 1 closed: a fault closes the connection"
REPLIED = data_object(bytes.fromhex("1004000000020012 0013"))


@pytest.mark.parametrize(
    ("do", "replies", "closed"),
    [
        (
            "cut",
            [(0, REPLIED[:4], (CUT + "16 of 32 bytes", "16 bytes that are no whole frame"))],
            0,
        ),
        (
            {"cut": {"after": 3}},
            [(0, b"", (CUT + "3 of 32 bytes", "3 bytes that are no whole frame"))],
            0,
        ),
        (
            {"drop": {"deadline": 3, "then": "close"}},
            [(0, b"", (CUT + "nothing for 3 s, then close", "nothing was sent"))],
            3 * SECOND,
        ),
        ("drop", [(2 * SECOND, b"", (CUT + "nothing for 2 s, then no-response",))], None),
        ("delay", [(SECOND, REPLIED, (CUT + "1 s late",))], None),
        ("split", [(0, REPLIED, (CUT + "32 pieces",))], None),
        (
            {"drip": {"bytes": 16, "every": 1}},
            [(SECOND, REPLIED, (CUT + "2 pieces, one every 1 s",))],
            None,
        ),
        (
            {"frame-transport": {"to": "MCTP"}},
            [(0, REPLIED, ("fault odd at frame: frame transport 1",))],
            None,
        ),
        (
            {"frame-size": {"by": -4}},
            [
                (0, REPLIED[:16], ("fault odd at frame: frame size 16 instead of 20",)),
                (0, REPLIED[16:], ("4 bytes that are no whole frame",)),
            ],
            None,
        ),
    ],
)
def test_a_fault_is_recorded_with_what_it_left_of_the_reply(
    do: Any, replies: list[tuple[int, bytes, tuple[str, ...]]], closed: int | None
) -> None:
    """The reply has the time its last byte leaves, and the end of the connection its own."""
    desk, to = Desk(), device()
    arm(to, [Rule.model_validate({"name": "odd", "do": [do]})], Seeded("faults"))
    desk.endpoint(to).receive(spdm_frame(GET_VERSION), 7.0)
    request, *others = desk.packets
    end = others.pop() if closed is not None else None
    after = [packet.time - request.time for packet in others]
    assert [
        (tick // SECOND * SECOND, packet.data, packet.comments)
        for tick, packet in zip(after, others, strict=True)
    ] == replies
    assert {packet.link for packet in others} == {LinkType.PCI_DOE}
    if end is not None:
        assert end.comments == (DROPPED,)
        assert (end.time - request.time) // SECOND * SECOND == closed


def test_a_delayed_reply_has_the_time_it_leaves() -> None:
    desk = Desk()
    desk.endpoint(device(timing=Timing(delay=0.25))).receive(spdm_frame(GET_VERSION), 7.0)
    request, reply = desk.packets
    assert reply.time - request.time == 250_000_000 + 1


def test_the_limit_ends_the_recording_and_not_the_device(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(limit=300)
    endpoint = desk.endpoint()
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            assert endpoint.receive(spdm_frame(GET_VERSION), 0.0)
    assert len(desk.stream.getvalue()) <= 300
    assert len(desk.packets) >= 1
    (record,) = caplog.records
    assert "recording ends here: its limit is reached" in record.getMessage()


class Full(io.BytesIO):
    """A disk that is full after some bytes, and counts how often it was flushed."""

    flushed = 0

    def write(self, data: object) -> int:
        if self.tell() > 300:
            raise OSError(28, "No space left on device")
        return super().write(data)  # type: ignore[arg-type]  # bytes are all that comes

    def flush(self) -> None:
        self.flushed += 1


def test_a_full_disk_ends_the_recording_and_not_the_device(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stream = Full()
    recorder = Recorder(stream, ENCODERS["pcapng"](), clock=lambda: NOW)
    endpoint = RecordedEndpoint(device(), tape=Tape(recorder))
    with caplog.at_level(logging.WARNING):
        for _ in range(9):
            endpoint.receive(spdm_frame(GET_VERSION), 0.0)
    (record,) = caplog.records
    assert "No space left on device" in record.getMessage()


def test_every_frame_is_flushed() -> None:
    stream = Full()
    recorder = Recorder(stream, ENCODERS["pcapng"](), clock=lambda: NOW)
    assert stream.flushed == 1
    for _ in range(2):
        recorder.write(Packet(NOW, 292, b""))
    assert stream.flushed == 3


def test_observers_hear_what_they_heard_before() -> None:
    heard: list[Event] = []
    desk = Desk()
    endpoint = RecordedEndpoint(device(), tape=Tape(desk.recorder), observer=heard.append)
    endpoint.receive(spdm_frame(GET_VERSION), 0.0)
    received, answered = heard
    assert isinstance(received, Received)
    assert isinstance(answered, Answered)


def test_what_no_packet_is_recorded_of_does_not_pile_up() -> None:
    desk = Desk()
    endpoint = desk.endpoint()
    for _ in range(1000):
        endpoint.receive(frame(command=3), 0.0)
    assert len(endpoint._comments) == 17
    endpoint.receive(spdm_frame(GET_VERSION), 0.0)
    request, _ = desk.packets
    assert request.comments[-2:] == ("no response: command 0x3 on transport 2", "and more")


def test_a_limit_is_a_comment() -> None:
    desk = Desk()
    endpoint = desk.endpoint()
    endpoint.limited("rate", "more than 5 requests/s")
    endpoint.left("gone")
    (end,) = desk.packets
    assert end.comments[1] == "limit rate: more than 5 requests/s"


def test_a_frame_that_comes_byte_by_byte_is_one_packet() -> None:
    desk = Desk()
    endpoint = desk.endpoint()
    for byte in spdm_frame(GET_VERSION):
        endpoint.receive(bytes((byte,)), 0.0)
    assert [len(packet.data) for packet in desk.packets] == [12, 20]


def test_a_recording_begins_and_ends_while_the_peer_is_there() -> None:
    desk = Desk()
    tape = Tape()
    endpoint = RecordedEndpoint(device(), tape=tape)
    version = spdm_frame(GET_VERSION)
    endpoint.receive(version, 0.0)
    endpoint.receive(version[:7], 0.0)
    tape.recorder = desk.recorder
    assert desk.recorder.packets == 0
    endpoint.receive(version[7:], 0.0)
    tape.recorder = None
    endpoint.receive(version, 0.0)
    packets = read("memory", desk.stream.getvalue()).packets
    assert [packet.direction for packet in packets] == [Direction.REQUEST, Direction.REPLY]
    assert packets[0].comments == ("connection 1 was open before",)
    assert desk.recorder.packets == len(packets)
    assert desk.recorder.size == len(desk.stream.getvalue())


def test_what_is_computed_is_recorded_behind_its_request() -> None:
    requests = (GET_VERSION, get_capabilities(), negotiate_algorithms(), challenge(), challenge())
    stream = b"".join(map(spdm_frame, requests)) + SHUTDOWN
    quick, slow = Desk(), Desk()
    quick.endpoint(quick_device()).receive(stream, 0.0)
    endpoint = slow.endpoint(slow_device())
    actions = endpoint.receive(stream[:-20], 0.0)
    assert [packet.direction for packet in slow.packets] == [REQUEST, REPLY] * 3 + [REQUEST]
    assert endpoint.receive(stream[-20:], 0.0) == []
    carried_out(endpoint, actions, 0.0)
    assert slow.stream.getvalue() == quick.stream.getvalue()


def test_a_peer_that_leaves_while_it_is_computed_for_has_no_reply() -> None:
    desk = Desk()
    endpoint = desk.endpoint(slow_device())
    for request in (GET_VERSION, get_capabilities(), negotiate_algorithms(), challenge()):
        endpoint.receive(spdm_frame(request), 0.0)
    endpoint.left("the peer left")
    assert seen(desk.packets)[-2:] == [
        (REQUEST, 52, ()),
        (None, 0, ("connection 1 closed: the peer left",)),
    ]


def test_tcp_messages_alone_are_recorded_as_such() -> None:
    desk = Desk()
    endpoint = desk.endpoint()
    endpoint.receive(TCP.wrap(GET_VERSION)[:3], 0.0)
    endpoint.receive(TCP.wrap(GET_VERSION)[3:] + TCP.wrap(get_capabilities()), 0.0)
    sizes = [(packet.direction, len(packet.data)) for packet in desk.packets]
    assert sizes == [(REQUEST, 8), (REPLY, 14), (REQUEST, 24), (REPLY, 24)]
