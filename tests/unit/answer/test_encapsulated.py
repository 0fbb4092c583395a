"""What a device asks: fetched, answered well and badly, one question after the other."""

from collections.abc import Callable

import pytest
from devices import GET_VERSION, error, frame, get_digests, get_measurements, seen_frames
from secured import ABLE, BY_KEY, BY_PSK, REQUESTER, Inside, Opening, Wire, able_device, plain
from secured import established as usual

from emulator.device.sessions import Sessions
from emulator.endpoint import Answered, Send
from emulator.errors import InvalidResponseCode
from emulator.spdm.capabilities import Cap
from emulator.spdm.key_schedule import Direction
from emulator.spdm.questions import IDLE, NewKeyQuestion
from emulator.transport.binding import Binding
from emulator.transport.doe import DOE
from emulator.transport.mctp import MCTP
from emulator.transport.tcp import TCP

ABLE_TO_ASK = ABLE | Cap.ENCAP
INVALID, UNEXPECTED, UNSUPPORTED, IN_FLIGHT, NO_ANSWER = 0x01, 0x04, 0x07, 0x08, 0x09
every_version = pytest.mark.parametrize("version", [0x11, 0x12, 0x13, 0x14])
every_way = pytest.mark.parametrize("opening", [BY_KEY, BY_PSK], ids=["key", "psk"])


def session(
    version: int = 0x14,
    *,
    opening: Opening = BY_KEY,
    binding: Binding = DOE,
    sessions: Sessions | None = None,
) -> Inside:
    """An established session with a device that may ask."""
    held = sessions or Sessions(keys={b"a hint": b"a pre-shared key"})
    to = able_device(capabilities=ABLE_TO_ASK, sessions=held)
    wire = Wire(to, version=version, flags=REQUESTER | Cap.ENCAP, binding=binding)
    return usual(wire, opening)


def nothing(version: int) -> bytes:
    """What a device with nothing to ask says."""
    return error(version, 0x45 if version >= 0x13 else UNEXPECTED)


def fetch(inside: Inside) -> bytes:
    return inside.ask(plain(inside.wire.version, 0xEA))


def deliver(inside: Inside, number: int, answer: bytes) -> bytes:
    return inside.ask(plain(inside.wire.version, 0xEB, number) + answer)


def acked(inside: Inside, asked: bytes) -> bytes:
    """KEY_UPDATE_ACK for what stands in a reply's end."""
    return plain(inside.wire.version, 0x69, asked[-2], asked[-1])


def acknowledged(version: int, number: int, answered: int, payload: bytes = b"") -> bytes:
    named = bytes((answered, 0, 0, 0)) if version >= 0x12 else b""
    return plain(version, 0x6B, number, 1 if payload else 0) + named + payload


def take(inside: Inside) -> None:
    """Answer the device's KEY_UPDATE, to its end."""
    version = inside.wire.version
    asked = fetch(inside)
    assert asked[:7] == plain(version, 0x6A, 1) + bytes((version, 0xE9, 1))
    before = inside.held.secrets.traffic(Direction.RESPONSE)
    answer = inside.seal(plain(version, 0xEB, 1) + acked(inside, asked))
    record = inside.wire.record(answer)
    assert record is not None
    assert inside.held.secrets.traffic(Direction.RESPONSE) is not before
    inside.secrets.update(Direction.RESPONSE)
    verify = inside.open(record)
    assert verify[:-1] == acknowledged(version, 2, 1, bytes((version, 0xE9, 3)))
    assert deliver(inside, 2, acked(inside, verify)) == acknowledged(version, 0, 2)
    assert inside.held.context.asking is IDLE or not inside.held.context.asking.due
    assert fetch(inside) == nothing(version)
    inside.good(get_measurements(version))


@every_version
@every_way
@pytest.mark.parametrize("binding", [DOE, MCTP, TCP], ids=lambda one: one.name)
def test_the_device_takes_a_new_key(version: int, opening: Opening, binding: Binding) -> None:
    inside = session(version, opening=opening, binding=binding)
    assert fetch(inside) == nothing(version)
    assert inside.wire.device.sessions.ask_new_keys() == 1
    inside.good(get_measurements(version))  # nothing is due before it was fetched
    take(inside)
    inside.update(2)
    inside.update(3)
    assert inside.good(plain(version, 0xEC)) == plain(version, 0x6C)


@every_version
def test_after_so_many_records(version: int) -> None:
    inside = session(version, sessions=Sessions(key_update_after=3))
    for _ in range(3):
        assert fetch(inside) == nothing(version)
    take(inside)
    while inside.held.records_sent < 3:
        inside.good(get_measurements(version))
    take(inside)


def out_of_band(wire: Wire, command: int, payload: bytes) -> None:
    """Tell the device over the socket to ask something."""
    sent = wire.endpoint.receive(frame(payload, command=command), wire.now)
    [action] = sent
    assert isinstance(action, Send)
    [answer] = seen_frames(action.data)
    assert (answer.command, answer.payload) == (command, b"")


@every_version
def test_the_sockets_out_of_band_command(version: int) -> None:
    inside = session(version)
    other = inside.wire.by_key(requester=0x77).finish()
    out_of_band(inside.wire, 0x8001, inside.id.to_bytes(4, "little"))
    out_of_band(inside.wire, 0x8001, inside.id.to_bytes(4, "little"))
    assert fetch(other) == nothing(version)
    take(inside)


@pytest.mark.parametrize("payload", [b"", b"\1", bytes(4), b"\xff" * 9])
@pytest.mark.parametrize("command", [0x8001, 0x8002])
def test_out_of_band_for_no_session(command: int, payload: bytes) -> None:
    inside = session()
    out_of_band(inside.wire, command, payload)
    assert fetch(inside) == nothing(0x14)


def test_the_same_is_asked_again_until_it_is_answered() -> None:
    inside = session()
    inside.wire.device.sessions.ask_new_keys()
    asked = fetch(inside)
    assert fetch(inside) == asked
    for request in (get_measurements(0x14), plain(0x14, 0xE8), get_digests(0x14)):
        assert inside.ask(request) == error(0x14, IN_FLIGHT)
    other = inside.wire.by_key(requester=0x77).finish()
    other.good(get_measurements(0x14))
    take(inside)
    inside.wire.device.sessions.ask_new_keys()
    fetch(inside)
    inside.wire.good(GET_VERSION)
    assert inside.wire.connection.sessions == {}


@every_version
@pytest.mark.parametrize("number", [0, 1])
def test_an_answer_to_nothing(version: int, number: int) -> None:
    inside = session(version)
    assert deliver(inside, number, plain(version, 0x69, 1, 1)) == error(version, UNEXPECTED)
    inside.wire.device.sessions.ask_new_keys()
    take(inside)


@every_version
@pytest.mark.parametrize(("number", "cut"), [(0, 4), (2, 4), (0xFF, 4), (1, 3), (1, 0)])
def test_what_does_not_fit_the_question_changes_nothing(
    version: int, number: int, cut: int
) -> None:
    inside = session(version)
    inside.wire.device.sessions.ask_new_keys()
    asked = fetch(inside)
    before = inside.held.context.asking
    assert deliver(inside, number, acked(inside, asked)[:cut]) == error(version, INVALID)
    assert inside.held.context.asking is before
    take(inside)


WRONG: dict[str, Callable[[bytes], bytes]] = {
    "another tag": lambda ack: ack[:3] + bytes((ack[3] ^ 1,)),
    "another operation": lambda ack: ack[:2] + b"\3" + ack[3:],
    "another reply": lambda ack: ack[:1] + b"\x68" + ack[2:],
    "another version": lambda ack: b"\x10" + ack[1:],
    "too long": lambda ack: ack + b"\0",
    "an ERROR": lambda ack: error(ack[0], 0x05),
}


@every_version
@pytest.mark.parametrize("wrong", WRONG)
def test_an_answer_that_is_none_ends_the_question(version: int, wrong: str) -> None:
    inside = session(version)
    inside.wire.device.sessions.ask_new_keys()
    answer = WRONG[wrong](acked(inside, fetch(inside)))
    before = inside.held.secrets.traffic(Direction.RESPONSE)
    assert deliver(inside, 1, answer) == error(version, NO_ANSWER)
    told = inside.wire.events[-1]
    assert isinstance(told, Answered)
    assert isinstance(told.error, InvalidResponseCode)
    assert inside.held.secrets.traffic(Direction.RESPONSE) is before
    assert fetch(inside) == nothing(version)
    inside.wire.device.sessions.ask_new_keys()
    take(inside)


@every_version
def test_an_answer_that_is_not_ready_ends_the_question_without_an_error(version: int) -> None:
    inside = session(version)
    inside.wire.device.sessions.ask_new_keys()
    fetch(inside)
    waiting = error(version, 0x42, extended=bytes((1, 0xE9, 1, 1)))
    assert deliver(inside, 1, waiting) == acknowledged(version, 0, 1)
    assert fetch(inside) == nothing(version)


def test_who_cannot_open_our_records_has_lost_the_session() -> None:
    inside = session()
    other = inside.wire.by_key(requester=0x77).finish()
    inside.wire.device.sessions.ask_new_keys()
    fetch(inside)
    assert deliver(inside, 1, error(0x14, 0x06)) == error(0x14, NO_ANSWER)
    assert list(inside.wire.connection.sessions) == [other.id]
    take(other)


@pytest.mark.parametrize(
    ("ours", "theirs", "version", "code"),
    [
        (Cap.ENCAP, Cap(0), 0x13, UNSUPPORTED),
        (Cap(0), Cap.ENCAP, 0x13, UNSUPPORTED),
        (Cap.ENCAP, Cap.ENCAP, 0x13, 0x45),
        (Cap.ENCAP, Cap.MUT_AUTH, 0x12, UNEXPECTED),
        (Cap.ENCAP, Cap.MUT_AUTH, 0x13, UNSUPPORTED),
    ],
)
def test_both_sides_must_have_it(ours: Cap, theirs: Cap, version: int, code: int) -> None:
    to = able_device(capabilities=ABLE | ours)
    wire = Wire(to, version=version, flags=REQUESTER | theirs)
    data = 0xEA if code == UNSUPPORTED else 0
    assert wire.ask(plain(version, 0xEA))[:4] == error(version, code, data)


def test_a_new_key_is_of_sessions_that_may_have_one() -> None:
    to = able_device(capabilities=ABLE_TO_ASK)
    inside = usual(Wire(to, flags=(REQUESTER | Cap.ENCAP) & ~Cap.KEY_UPD))
    assert to.sessions.ask_new_keys() == 1
    assert fetch(inside) == nothing(0x13)
    begun = inside.wire.by_key(requester=0x77)
    assert to.sessions.ask_new_keys() == 1
    begun.held.context.asking = begun.held.context.asking.also(NewKeyQuestion())
    assert fetch(begun) == nothing(0x13)
    begun.finish()
