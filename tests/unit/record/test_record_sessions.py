"""Conversations in a recording: which there are, what passed in them, and which way."""

import pytest
from devices import GET_VERSION, data_object, error, get_capabilities

from emulator.record import (
    Content,
    Kind,
    LinkType,
    Packet,
    Session,
    content,
    exchanges,
    sessions,
)
from emulator.record import data_object as said_again
from emulator.requester import Direction

DOE, MCTP = LinkType.PCI_DOE, LinkType.MCTP
REQUEST, REPLY = Direction.REQUEST, Direction.REPLY
HEADER = bytes.fromhex("000000c0")
DISCOVERY = data_object(bytes(4), kind=0)
SECURED = data_object(b"secret!!", kind=2)


@pytest.mark.parametrize(
    ("link", "data", "expected"),
    [
        (DOE, b"", Content(Kind.NOTHING, b"")),
        (DOE, data_object(GET_VERSION), Content(Kind.SPDM, GET_VERSION)),
        (DOE, SECURED, Content(Kind.SECURED, b"secret!!")),
        (DOE, DISCOVERY, Content(Kind.DISCOVERY, bytes(4))),
        (
            DOE,
            data_object(b"", vendor=2),
            Content(Kind.OTHER, b"", "data object of vendor 0x0002, type 1"),
        ),
        (
            DOE,
            b"abc",
            Content(Kind.OTHER, b"abc", "malformed data object: 3 bytes where a header takes 8"),
        ),
        (MCTP, HEADER + b"\x05" + GET_VERSION, Content(Kind.SPDM, GET_VERSION)),
        (MCTP, HEADER + b"\x86abc", Content(Kind.SECURED, b"abc")),
        (MCTP, HEADER + b"\x01", Content(Kind.OTHER, HEADER + b"\x01", "MCTP message of type 1")),
        (MCTP, HEADER, Content(Kind.OTHER, HEADER, "no MCTP message")),
        (1, b"x", Content(Kind.OTHER, b"x", "link type 1, neither DOE nor MCTP")),
    ],
)
def test_what_a_packet_carries(link: int, data: bytes, expected: Content) -> None:
    assert content(Packet(0, link, data)) == expected


def test_packets_are_told_apart_by_device_and_connection() -> None:
    places = [("a", 1), ("a", 2), ("b", 1), ("a", 1)]
    packets = [Packet(time, DOE, b"", REQUEST, *at) for time, at in enumerate(places)]
    found = sessions(packets)
    assert [(one.device, one.connection) for one in found] == [("a", 1), ("a", 2), ("b", 1)]
    assert [packet.time for packet in found[0].packets] == [0, 3]
    assert [one.title for one in found] == ["a connection 1", "a connection 2", "b connection 1"]
    assert Session("", 0, ()).title == "conversation"


def test_directions_are_found_out_where_the_file_does_not_say() -> None:
    sent = [
        (DISCOVERY, REQUEST),
        (DISCOVERY, REPLY),
        (data_object(GET_VERSION), REQUEST),
        (data_object(error(0x10, 3)), REPLY),
        (data_object(get_capabilities()), REQUEST),
        (data_object(get_capabilities()), REQUEST),
        (SECURED, REPLY),
        (SECURED, REQUEST),
        (b"what?", REPLY),
        (b"", None),
    ]
    (session,) = sessions(Packet(0, DOE, data) for data, _ in sent)
    assert [packet.direction for packet in session.packets] == [way for _, way in sent]


def test_directions_the_file_states_are_kept() -> None:
    told = [Packet(0, DOE, data_object(GET_VERSION), REPLY), Packet(0, DOE, DISCOVERY)]
    (session,) = sessions(told)
    assert [packet.direction for packet in session.packets] == [REPLY, REQUEST]


def test_each_request_has_the_reply_that_follows_it() -> None:
    ways = [REPLY, REQUEST, REPLY, REQUEST, None, REPLY, REQUEST, REQUEST]
    packets = tuple(Packet(at, DOE, b"", way) for at, way in enumerate(ways))
    found = exchanges(Session("", 0, packets))
    times = [(one.request.time, one.reply.time if one.reply else None) for one in found]
    assert times == [(1, 2), (3, 5), (6, None), (7, None)]


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (Packet(0, DOE, data_object(GET_VERSION)), data_object(GET_VERSION)),
        (Packet(0, MCTP, HEADER + b"\x05" + GET_VERSION), data_object(GET_VERSION)),
        (Packet(0, DOE, b"odd"), b"odd"),
        (Packet(0, MCTP, b""), b""),
        (Packet(0, DOE, SECURED), None),
        (Packet(0, MCTP, HEADER + b"\x01"), None),
    ],
)
def test_what_can_be_said_again(packet: Packet, expected: bytes | None) -> None:
    assert said_again(packet) == expected
