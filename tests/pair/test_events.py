"""Events: what is subscribed to is told at the next chance, with the number each has."""

import struct

import pytest
from hosting import SecureHost, offering
from secured import ABLE, able_device
from unit.control.desks import lab

from emulator.ask import EventTypesRequest
from emulator.device import Device
from emulator.device.sessions import Sessions
from emulator.errors import PeerErrorReply, UnsupportedByPeer
from emulator.requester import Offer, SecureSession
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.messages import SendEvent
from emulator.spdm.messages.events import EventData, EventType
from emulator.spdm.messages.key_exchange import SessionPolicy
from emulator.spdm.messages.measurements import ContentChanged
from emulator.spdm.versions import Version
from emulator.wire import Shape, encode

MEASURED, PRE_UPDATE = EventType.MEASUREMENT_CHANGED, EventType.MEASUREMENT_PRE_UPDATE
TELLING = ABLE | Cap.EVENT | Cap.ENCAP
NEW = pytest.mark.parametrize("version", [Version.V1_3, Version.V1_4])


def offer(version: Version = Version.V1_3) -> Offer:
    return offering(Cap.KEY_EX | Cap.ENCAP, versions=(version,))


def made(*, limit: int = 16) -> Device:
    held = able_device(capabilities=TELLING)
    held.sessions = Sessions(event_limit=limit)
    return held


def began(
    held: Device, version: Version = Version.V1_3, *wanted: EventType
) -> tuple[SecureHost, SecureSession]:
    """A session that has subscribed to `wanted`, to all where nothing is named."""
    host = SecureHost(held, offer=offer(version)).connected()
    session = host.session()
    host.run(session.subscribe(*(wanted or EventType)))
    return host, session


def told(session: SecureSession) -> list[tuple[int, EventType, int]]:
    """The events: number, type, and the detail as a number."""
    return [
        (one.number, EventType(one.kind), int.from_bytes(one.detail, "little"))
        for one in session.events
    ]


@NEW
def test_what_there_is(version: Version) -> None:
    host = SecureHost(made(), offer=offer(version)).connected()
    [group] = host.run(host.session().event_types())
    assert (group.registry, group.vendor, group.version) == (0, b"", 1)
    assert [one.kind for one in group.types] == [1, 2, 3, 4]


@NEW
async def test_a_change_over_control_arrives_and_a_reading_shows_it(version: Version) -> None:
    held = made()
    host, session = began(held, version)
    host.run(session.measurements(1, signed_by=None))  # a reading is under way
    async with lab(["one"]) as at:
        served = at.fleet.served["one"]
        served.device.measurements, served.device.sessions = held.measurements, held.sessions
        await at.call("measurement.change", index=2, text="patched")
    changed = host.run(session.measurements(2, raw=True))  # signed: the reading ends
    assert changed.content_changed == ContentChanged.CHANGED
    assert host.run(session.encapsulated()) == [Code.SEND_EVENT]
    assert told(session) == [(1, MEASURED, 1 << 2)]
    # What was asked in between has begun a new reading.
    reading = host.run(session.measurements(2, raw=True))
    assert reading.content_changed == ContentChanged.UNCHANGED
    assert reading.measurements[0].value == changed.measurements[0].value == b"patched"
    assert host.run(session.encapsulated()) == []


def test_events_of_every_kind() -> None:
    held = made()
    host, session = began(held)
    held.change_measurement(1, b"a", pending=True)
    held.put_slots({2: None})
    held.change_measurement(3, b"b")
    assert host.run(session.encapsulated()) == [Code.SEND_EVENT]
    assert told(session) == [
        (1, PRE_UPDATE, 1 << 1),
        (2, EventType.CERTIFICATE_CHANGED, 1 << 2),
        (3, MEASURED, 1 << 3),
    ]


def test_only_what_is_wanted_and_nothing_any_more() -> None:
    held = made()
    host, session = began(held, Version.V1_3, PRE_UPDATE)
    held.change_measurement(1, b"a")
    assert host.run(session.encapsulated()) == []
    held.change_measurement(1, b"a", pending=True)
    host.run(session.subscribe())
    assert host.run(session.encapsulated()) == []
    host.run(session.subscribe(MEASURED))
    held.change_measurement(1, b"b")
    host.run(session.encapsulated())
    assert told(session) == [(2, MEASURED, 1 << 1)]


def test_of_more_than_can_wait_event_lost_tells() -> None:
    held = made(limit=2)
    host, session = began(held)
    held.change_measurement(1, b"a")
    host.run(session.encapsulated())
    for index in (1, 2, 3, 1):
        held.change_measurement(index, b"b")
    assert host.run(session.encapsulated()) == [Code.SEND_EVENT]
    lost = 1 | 4 << 32  # 1 was acknowledged, 2 to 4 are lost
    assert told(session) == [
        (1, MEASURED, 1 << 1),
        (5, EventType.EVENT_LOST, lost),
        (6, MEASURED, 1 << 1),
    ]


def test_a_session_subscribed_from_its_beginning() -> None:
    held = made()
    host = SecureHost(held, offer=offer()).connected()
    policy = SessionPolicy.TERMINATION | SessionPolicy.EVENT_ALL
    session = host.run(host.requester.key_exchange(policy=policy))
    held.change_measurement(1, b"a")
    host.run(session.finish())
    assert host.run(session.encapsulated()) == [Code.SEND_EVENT]
    assert told(session) == [(1, MEASURED, 1 << 1)]


def test_each_session_has_its_own() -> None:
    held = made()
    host, one = began(held)
    other = host.session()
    host.run(other.subscribe(PRE_UPDATE))
    held.change_measurement(1, b"a")
    assert (host.run(one.encapsulated()), host.run(other.encapsulated())) == ([Code.SEND_EVENT], [])


def group(
    *, registry: int = 0, version: int = 1, attributes: int = 0, kinds: tuple[int, ...] = (2,)
) -> bytes:
    types = b"".join(struct.pack("<HH", kind, 0) for kind in kinds)
    vendor = 2 if registry == 3 else 0
    head = struct.pack("<BB", registry, vendor) + bytes(vendor)
    return head + struct.pack("<HHI", len(kinds), version, attributes) + types


def listed(*groups: bytes) -> bytes:
    return struct.pack("<I", len(b"".join(groups))) + b"".join(groups)


@pytest.mark.parametrize(
    ("count", "rest"),
    [
        (1, listed(group(registry=3))),
        (1, listed(group(registry=9))),
        (1, listed(group(version=2))),
        (1, listed(group(kinds=()))),
        (1, listed(group(kinds=(5,)))),
        (1, listed(group(kinds=(0,)))),
        (1, listed(group(kinds=(2, 2)))),
        (1, listed(group(attributes=1))),
        (1, listed(group()) + b"\0"),
        (1, listed(group())[:-1]),
        (1, listed(group() + b"\0")),
        (1, b""),
        (1, listed()),
        (0, listed(group())),
        (2, listed(group())),
        (2, listed(group(), group())),
    ],
)
def test_subscriptions_that_break_a_rule_change_nothing(count: int, rest: bytes) -> None:
    held = made()
    host, session = began(held)
    request = EventTypesRequest(session.connection)
    request.raw = bytes((0x13, Code.SUBSCRIBE_EVENT_TYPES, count, 0)) + rest
    with pytest.raises(PeerErrorReply, match=r"INVALID_REQUEST \(0x01\)"):
        host.run(session.ask(request))
    held.change_measurement(1, b"a")
    assert host.run(session.encapsulated()) == [Code.SEND_EVENT]


@pytest.mark.parametrize("rest", [listed(group()), listed(group(attributes=1, kinds=()))])
def test_good_subscriptions(rest: bytes) -> None:
    host, session = began(made())
    raw = bytes((0x13, Code.SUBSCRIBE_EVENT_TYPES, 1, 0)) + rest
    request = EventTypesRequest(session.connection)
    request.raw = raw
    assert host.inside(session, request)[:2] == b"\x13\x70"


def test_outside_of_sessions_there_are_none() -> None:
    host = SecureHost(made(), offer=offer()).connected()
    with pytest.raises(PeerErrorReply, match="SESSION_REQUIRED"):
        host.run(host.requester.ask(EventTypesRequest(host.connection)))


def test_a_device_without_events() -> None:
    held = able_device(capabilities=ABLE | Cap.ENCAP)
    host = SecureHost(held, offer=offer()).connected()
    session = host.session()
    with pytest.raises(UnsupportedByPeer, match="EVENT"):
        host.run(session.event_types())


@pytest.mark.parametrize(
    "events",
    [
        (),
        (EventData(number=1, registry=0, kind=2, detail=bytes(31)),),
        (EventData(number=1, registry=0, kind=9, detail=b""),),
        (EventData(number=1, registry=0x0C, kind=2, detail=b""),),
        (EventData(number=1, registry=3, vendor=b"a", kind=2, detail=b""),),
        (
            EventData(number=1, registry=0, kind=4, detail=b"\x01"),
            EventData(number=3, registry=0, kind=4, detail=b"\x01"),
        ),
    ],
)
def test_events_that_a_requester_takes_no_note_of(events: tuple[EventData, ...]) -> None:
    _, session = began(made())
    request = encode(SendEvent(version=0x13, events=events), Shape(0x13))
    answered = session._answers.answer(request)
    assert answered == bytes((0x13, Code.ERROR, 0x01, 0))
    assert session.events == []
