"""Stage frame: one thing of the wrapping is wrong, and all the rest is right."""

import struct
from typing import Any

import pytest
from devices import GET_VERSION, frame, spdm_frame
from unit.faults.wired import NO_RESPONSE, OBJECT, VERSION, Wired, rule

from emulator.device.device import QEMU_REPLY
from emulator.endpoint import Close
from emulator.faults.effect import EFFECTS, Stage
from emulator.transport import doe, tcp

RIGHT = frame(OBJECT)

ALL = [name for name, cls in EFFECTS.items() if "effects.frame" in cls.__module__]


def headed(command: int = 1, transport: int = 2, size: int = len(OBJECT)) -> bytes:
    """The right reply with this in its frame's header."""
    return struct.pack(">III", command, transport, size) + OBJECT


def stating(length: int, data: bytes = OBJECT) -> bytes:
    """A data object with this length in its header, in the frame that holds it."""
    return frame(data[:4] + length.to_bytes(4, "little") + data[8:])


@pytest.mark.parametrize(
    ("do", "seen", "told"),
    [
        ("doe-length", stating(6), "DOE length 6 instead of 5"),
        ({"doe-length": {"by": -3}}, stating(2), "DOE length 2 instead of 5"),
        ({"doe-length": {"by": -6}}, stating(0x3FFFF), "DOE length 262143 instead of 5"),
        ({"doe-length": {"to": 0}}, stating(0), "DOE length 0 instead of 5"),
        (
            {"doe-length": {"to": 0xFFFC0005}},
            stating(0xFFFC0005),
            "DOE length 4294705157 instead of 5",
        ),
        ("doe-vendor", frame(b"\xff\xff" + OBJECT[2:]), "DOE vendor 0xffff"),
        ({"doe-vendor": {"to": 0x1AF4}}, frame(b"\xf4\x1a" + OBJECT[2:]), "DOE vendor 0x1af4"),
        ("doe-type", frame(OBJECT[:2] + b"\x02" + OBJECT[3:]), "DOE type 2"),
        ({"doe-type": {"to": 0}}, frame(OBJECT[:2] + b"\x00" + OBJECT[3:]), "DOE type 0"),
        ("doe-padding", stating(6, OBJECT + bytes(4)), "4 bytes of padding"),
        (
            {"doe-padding": {"count": 5, "hex": "ab cd"}},
            stating(7, OBJECT + b"\xab\xcd\xab\xcd\xab"),
            "5 bytes of padding",
        ),
        (
            {"doe-padding": {"count": 1, "hex": ""}},
            stating(6, OBJECT + b"\0"),
            "1 bytes of padding",
        ),
        ("no-response", NO_RESPONSE, "no response"),
        (
            "oversize",
            stating(1153, OBJECT + b"\xff" * (4612 - len(OBJECT))),
            "4612 bytes instead of 20",
        ),
        (
            {"oversize": {"size": 23, "hex": "010203"}},
            stating(6, OBJECT + b"\1\2\3"),
            "23 bytes instead of 20",
        ),
        ("frame-command", headed(command=0xFFFF), "frame command 0xffff"),
        ({"frame-command": {"to": "SHUTDOWN"}}, headed(command=0xFFFE), "frame command 0xfffe"),
        ({"frame-command": {"to": 0}}, headed(command=0), "frame command 0x0"),
        ("frame-transport", headed(transport=0xFF), "frame transport 255"),
        ({"frame-transport": {"to": "MCTP"}}, headed(transport=1), "frame transport 1"),
        ("frame-size", headed(size=21), "frame size 21 instead of 20"),
        ({"frame-size": {"by": -4}}, headed(size=16), "frame size 16 instead of 20"),
        ({"frame-size": {"by": -21}}, headed(size=0xFFFFFFFF), "frame size 4294967295"),
        ({"frame-size": {"to": 0}}, headed(size=0), "frame size 0 instead of 20"),
    ],
)
def test_exactly_this_is_wrong_once(do: Any, seen: bytes, told: str) -> None:
    wired = Wired(rule(do, times=1))
    assert wired.sent() == seen
    (line,) = wired.told
    assert line.startswith(f"odd at frame: {told}")
    assert wired.sent() == RIGHT
    wired.connect()
    assert wired.sent() == RIGHT
    assert wired.faults.counts == {"odd": 1}


def test_every_effect_is_tried_and_works_by_its_name_alone() -> None:
    assert ALL == [
        "doe-length",
        "doe-vendor",
        "doe-type",
        "doe-padding",
        "no-response",
        "oversize",
        "frame-command",
        "frame-transport",
        "frame-size",
    ]
    for name in ALL:
        assert EFFECTS[name].STAGES == (Stage.FRAME,)
        assert Wired(rule(name)).sent() != RIGHT


@pytest.mark.parametrize(
    "do",
    [
        {"doe-length": {"to": 5}},
        {"doe-length": {"by": 0}},
        {"doe-vendor": {"to": 1}},
        {"doe-type": {"to": 1}},
        {"oversize": {"size": 20}},
        {"oversize": {"size": 1}},
        {"frame-command": {"to": "NORMAL"}},
        {"frame-transport": {"to": "PCI_DOE"}},
        {"frame-size": {"to": 20}},
    ],
)
def test_what_changes_nothing_has_not_fired(do: Any) -> None:
    wired = Wired(rule(do))
    assert wired.sent() == RIGHT
    assert wired.told == []
    assert wired.faults.unfired == ["odd"]


def test_the_default_size_is_the_least_that_qemu_does_not_take() -> None:
    reply = Wired(rule("oversize")).sent()
    assert len(reply) == 12 + QEMU_REPLY + 4
    assert doe.parse(reply[12:]).payload.startswith(VERSION)


MCTP = b"\x05" + GET_VERSION
TCP = bytes.fromhex("0600 01 05") + GET_VERSION


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith("doe-")])
@pytest.mark.parametrize(
    "request_",
    [frame(MCTP, transport=1), frame(TCP, transport=3), frame(GET_VERSION, transport=0), TCP],
    ids=["mctp", "tcp", "none", "tcp alone"],
)
def test_data_objects_are_doe_alone(name: str, request_: bytes) -> None:
    wired = Wired(rule(name))
    assert wired.sent(request_) == Wired().sent(request_)
    assert wired.faults.unfired == ["odd"]


@pytest.mark.parametrize("name", ["no-response", "frame-command", "frame-transport", "frame-size"])
def test_tcp_messages_alone_have_no_frame(name: str) -> None:
    wired = Wired(rule(name))
    assert wired.sent(TCP) == tcp.TCP.wrap(VERSION)
    assert wired.faults.unfired == ["odd"]
    # In frames the same transport has one.
    wired.connect()
    assert wired.sent(frame(TCP, transport=3)) != frame(tcp.TCP.wrap(VERSION), transport=3)
    assert wired.faults.counts == {"odd": 1}


def test_no_response_is_of_the_transport_that_asked() -> None:
    wired = Wired(rule("no-response"))
    assert wired.sent(frame(MCTP, transport=1)) == frame(transport=1)


def test_oversize_on_other_transports_has_their_lengths_right() -> None:
    wired = Wired(rule({"oversize": {"size": 100}}))
    filled = VERSION + b"\xff" * (96 - len(VERSION))
    assert wired.sent(frame(TCP, transport=3)) == frame(tcp.TCP.wrap(filled), transport=3)
    mctp = b"\x05" + VERSION + b"\xff" * (99 - len(VERSION))
    assert wired.sent(frame(MCTP, transport=1)) == frame(mctp, transport=1)
    bare = filled + b"\xff" * 4
    assert wired.sent(frame(GET_VERSION, transport=0)) == frame(bare, transport=0)
    wired.connect()
    assert wired.sent(TCP) == tcp.TCP.wrap(filled)


def test_effects_of_a_rule_build_on_each_other() -> None:
    typed = OBJECT[:2] + b"\x02" + OBJECT[3:4] + (6).to_bytes(4, "little") + OBJECT[8:] + bytes(4)
    assert Wired(rule("doe-type", "doe-padding")).sent() == frame(typed)
    assert Wired(rule("doe-padding", "doe-type")).sent() == frame(typed)
    # A size that is wrong on purpose stays so.
    padded = Wired(rule({"frame-size": {"to": 7}}, "doe-padding")).sent()
    assert padded == headed(size=7)[:12] + stating(6, OBJECT + bytes(4))[12:]


def test_what_is_left_of_a_frame_is_no_reason_to_fail() -> None:
    for name in ALL:
        changed = Wired(rule("no-response", name)).sent()
        assert (changed != NO_RESPONSE) == (
            name in {"frame-command", "frame-transport", "frame-size"}
        )
        assert len(changed) == len(NO_RESPONSE)
    assert Wired(rule(*ALL)).sent() == frame(command=0xFFFF, transport=0xFF)[:8] + b"\0\0\0\1"


@pytest.mark.parametrize("by", [1, -1])
def test_a_frame_whose_size_is_wrong_ends_the_connection_in_time(by: int) -> None:
    wired = Wired(rule({"frame-size": {"by": by}}, times=1))
    wired.actions(now=10.0)
    assert wired.endpoint.timer() == 40.0
    assert wired.endpoint.tick(39.9) == []
    assert wired.endpoint.tick(40.0) == [Close("after a fault the peer asked nothing for 30 s")]
    assert wired.actions(spdm_frame(GET_VERSION), 41.0) == []


@pytest.mark.parametrize("asked", [spdm_frame(GET_VERSION), frame(command=0xDEAD)])
def test_a_peer_that_asks_anew_is_given_more_time(asked: bytes) -> None:
    wired = Wired(rule("frame-size", times=1))
    wired.actions(now=10.0)
    wired.actions(asked, now=20.0)
    assert wired.endpoint.timer() == 50.0
    wired.actions(asked[:3], now=19.0)
    assert wired.endpoint.timer() == 49.0
    assert wired.endpoint.tick(49.5) == [
        Close("a frame of 3 bytes so far was not finished in 30 s")
    ]


@pytest.mark.parametrize("name", [name for name in ALL if name != "frame-size"])
def test_what_leaves_the_stream_in_step_ends_no_connection(name: str) -> None:
    wired = Wired(rule(name))
    wired.actions(now=10.0)
    assert wired.endpoint.timer() is None
