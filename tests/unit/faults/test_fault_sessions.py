"""Sessions that are lost or end at another time, what is signed, and which exchanges are meant."""

from typing import Any

import pytest
from hosting import CLEAR, SecureHost, offering
from secured import ABLE, plain
from unit.faults.secure import armed, clean, fired, hosted, rule, use, wired

from emulator.errors import (
    BrokenReply,
    NoResponse,
    PeerError,
    PeerErrorReply,
    SignatureMismatch,
)
from emulator.faults.stages import KEPT_ANSWERS
from emulator.requester import Requester, SecureSession
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import ErrorCode
from emulator.spdm.messages.session import KeyOperation

HEARTBEAT, DIGESTS = plain(0x13, 0xE8), plain(0x13, 0x81)
ON = {"message": "HEARTBEAT"}


def test_a_session_is_lost_and_its_records_get_no_answer() -> None:
    host = hosted(rule("forget-session", ON | {"session": 1}))
    lost, other = host.session(), host.session()
    host.run(lost.heartbeat())  # that is answered still
    with pytest.raises(NoResponse):
        host.run(lost.heartbeat())
    host.run(other.heartbeat())
    assert fired(host.events) == ["device: forgot 1 session"]
    assert len(host.device.sessions.live) == 1
    assert lost.id not in host.endpoint.responder.connection.sessions
    use(host, other)
    clean(host.device)


def test_an_error_answers_the_records_of_a_lost_session() -> None:
    do = {"forget-session": {"answer": "REQUEST_RESYNCH"}}
    wire = wired(rule(do, ON | {"session": 1}))
    lost = wire.by_key(requester=1).finish()
    other = wire.by_key(requester=2).finish()
    lost.good(HEARTBEAT)
    payload = wire.send(wire._binding.wrap_record(lost.seal(HEARTBEAT)))
    _, data, _ = wire._binding.unwrap(payload)
    assert data == bytes.fromhex("137f4300")
    other.good(HEARTBEAT)
    assert wire.record(b"\1\2\3\4" + bytes(30)) is None  # of no session at all
    host = hosted(to=armed(rule(do, ON)))
    session = host.session()
    host.run(session.heartbeat())
    with pytest.raises(BrokenReply, match="type"):
        host.run(session.heartbeat())
    clean(host.device)


@pytest.mark.parametrize(("which", "left"), [("this", [1, 2]), ("others", [0]), ("all", [])])
def test_which_sessions_are_lost(which: str, left: list[int]) -> None:
    to = armed(rule({"forget-session": {"which": which}}, {"message": "HEARTBEAT"}))
    first = wired(to=to)
    second = wired(to=to)
    sessions = [
        first.by_key(requester=1).finish(),
        first.by_psk(requester=2).finish(),
        second.by_key(requester=3).finish(),
    ]
    sessions[0].good(HEARTBEAT)
    first.good(DIGESTS)
    assert {one.id for one in to.sessions.live} == {sessions[at].id for at in left}
    for number, one in enumerate(sessions):
        answer = one.wire.record(one.seal(DIGESTS))
        assert (answer is not None) == (number in left)


@pytest.mark.parametrize("message", ["KEY_EXCHANGE", "FINISH"])
def test_a_session_is_lost_in_its_handshake(message: str) -> None:
    host = hosted(rule("forget-session", {"message": message}))
    with pytest.raises(NoResponse):
        host.run(host.session().heartbeat())
    assert len(fired(host.events)) == 1
    host.run(host.requester.connect())
    assert host.device.sessions.live == set()
    clean(host.device)


def test_from_outside_the_last_session_is_meant() -> None:
    wire = wired(rule("forget-session", {"message": "GET_DIGESTS", "where": "CLEAR"}))
    wire.good(DIGESTS)
    assert not fired(wire.events)  # there is none
    first = wire.by_key(requester=1).finish()
    last = wire.by_key(requester=2).finish()
    wire.good(DIGESTS)
    assert wire.record(last.seal(HEARTBEAT)) is None
    first.good(HEARTBEAT)


@pytest.mark.parametrize("message", ["FINISH", "HEARTBEAT"])
@pytest.mark.parametrize(("periods", "least"), [(0.5, 5.0), (0.01, 0.1), (4, 40.0)])
def test_a_session_ends_sooner_or_later(message: str, periods: float, least: float) -> None:
    wire = wired(rule({"heartbeat-patience": {"periods": periods}}, {"message": message}))
    session = wire.by_key().finish()
    session.good(HEARTBEAT)
    began = wire.now
    wire.now = began + 0.99 * least
    session.good(HEARTBEAT)
    wire.now += least
    assert wire.record(session.seal(HEARTBEAT)) is None
    assert len(fired(wire.events)) == 1


def test_a_session_never_ends() -> None:
    wire = wired(rule({"heartbeat-patience": {"periods": None}}, ON))
    session = wire.by_key().finish()
    session.good(HEARTBEAT)
    wire.now += 1e6
    session.good(HEARTBEAT)
    assert wire.endpoint.timer() is None
    assert fired(wire.events) == ["device: waits for ever"]
    other = wired(to=wire.device).by_key().finish()
    other.wire.now += 20
    assert other.wire.record(other.seal(HEARTBEAT)) is None


def test_our_requester_finds_a_session_that_ended_early() -> None:
    host = hosted(rule("heartbeat-patience", {"message": "FINISH"}))
    session = host.session()
    host.now += 6.0  # the period is 10 s, and two of them are to pass
    with pytest.raises(NoResponse):
        host.run(session.heartbeat())
    clean(host.device)


def test_the_period_that_is_said_is_not_the_one_that_counts() -> None:
    do = {"set": {"field": "heartbeat_period", "to": 255}}
    host = hosted(rule(do, {"message": "KEY_EXCHANGE"}))
    session = host.session()
    assert session.session.heartbeat == 255
    host.now += 21.0
    with pytest.raises(NoResponse):
        host.run(session.heartbeat())
    clean(host.device)


def test_heartbeat_is_refused_and_the_session_goes_on() -> None:
    host = hosted(rule({"error": {"code": "UNSPECIFIED"}}, ON))
    session = host.session()
    with pytest.raises(PeerErrorReply) as refused:
        host.run(session.heartbeat())
    assert refused.value.code == ErrorCode.UNSPECIFIED
    host.run(session.measurements(1))
    clean(host.device)


SIGNED: list[tuple[Any, str]] = [
    ("signature", "signed: signature flipped"),
    ({"signature": {"make": "zero"}}, "signed: signature zero"),
    ({"signature": {"make": "random"}}, "signed: signature random"),
    ({"signature": {"make": "other"}}, "signed: signature other"),
    ("sign-slot", "sign: signed by the key of slot 2"),
    ("sign-context", "sign: signed in the context responder-challenge_auth signing"),
    ({"transcript": {"drop": "ALGORITHMS"}}, "sign: signed without ALGORITHMS"),
    ({"transcript": {"drop": "KEY_EXCHANGE"}}, "sign: signed without KEY_EXCHANGE"),
    ({"transcript": {"double": "VERSION"}}, "sign: signed with VERSION twice"),
]


@pytest.mark.parametrize("how", [CLEAR, None], ids=["clear", "encrypted"])
@pytest.mark.parametrize(("effect", "told"), SIGNED)
def test_the_signature_of_a_key_exchange(effect: Any, told: str, how: Any) -> None:
    to = armed(rule(effect, {"message": "KEY_EXCHANGE"}))
    host = hosted(to=to, how=how) if how else hosted(to=to)
    with pytest.raises(SignatureMismatch):
        host.session()
    assert fired(host.events) == [told]
    clean(to)


def test_a_signature_is_flipped_and_nothing_else() -> None:
    replies = []
    for rules in ((rule("signature", {"message": "KEY_EXCHANGE"}),), ()):
        wire = wired(*rules)
        seen: list[bytes] = []
        good = wire.good

        def heard(message: bytes, good: Any = good, seen: list[bytes] = seen) -> bytes:
            seen.append(good(message))
            return seen[-1]

        wire.good = heard  # type: ignore[method-assign]  # to look at what goes by
        if rules:
            with pytest.raises(AssertionError):
                wire.by_key()
        else:
            wire.by_key()
        replies.append(seen[-1])
    differ = [at for at, (a, b) in enumerate(zip(*replies, strict=True)) if a != b]
    # Of the signature the last byte, before 48 of verify data and what fills the last DWORD.
    assert len(differ) == 1
    assert replies[0][differ[0]] ^ replies[1][differ[0]] == 1
    assert len(replies[0]) - differ[0] - 1 - 48 in range(4)


def test_opaque_data_of_the_exchange() -> None:
    for message in ("KEY_EXCHANGE", "PSK_EXCHANGE"):
        host = hosted(rule({"opaque": {"to": ""}}, {"message": message}))
        with pytest.raises(BrokenReply, match="opaque"):
            host.session() if message == "KEY_EXCHANGE" else host.psk_session()
        clean(host.device)


def measured(host: SecureHost, session: Requester | SecureSession) -> bool:
    """Whether the device answers GET_MEASUREMENTS."""
    try:
        host.run(session.measurements(1))
    except PeerError:
        return False
    return True


def reaches(on: dict[str, Any]) -> list[bool]:
    """Where ERROR answers GET_MEASUREMENTS: outside, in two sessions, and after a new key."""
    do = {"error": {"code": "UNSPECIFIED"}}
    host = hosted(rule(do, {"message": "GET_MEASUREMENTS", **on}))
    first, second = host.session(), host.psk_session()
    found = [
        measured(host, host.requester),
        measured(host, first),
        measured(host, second),
    ]
    host.run(second.update_keys(KeyOperation.UPDATE_KEY))
    found.append(measured(host, second))
    found.append(measured(host, first))
    return [not one for one in found]


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ({}, "xxxxx"),
        ({"where": "CLEAR"}, "x----"),
        ({"where": "ESTABLISHED"}, "-xxxx"),
        ({"where": ["CLEAR", "HANDSHAKE"]}, "x----"),
        ({"session": 1}, "-x--x"),
        ({"session": 2}, "--xx-"),
        ({"session": [1, 2]}, "-xxxx"),
        ({"record": 1}, "-xx--"),
        ({"record": 2}, "---xx"),
        ({"updated": True}, "---x-"),
        ({"updated": False}, "-xx-x"),
        ({"nth": 3, "where": "ESTABLISHED"}, "---x-"),
    ],
)
def test_on_which_exchanges(on: dict[str, Any], expected: str) -> None:
    assert reaches(on) == [one == "x" for one in expected]


@pytest.mark.parametrize(
    ("on", "number"),
    [
        ({"message": "KEY_EXCHANGE", "session": 2}, 2),
        ({"message": "FINISH", "session": 2}, 2),
        ({"where": "HANDSHAKE", "session": 2}, 2),
        ({"message": "KEY_EXCHANGE", "slot": 0, "nth": 2}, 2),
    ],
)
def test_which_session_is_opened(on: dict[str, Any], number: int) -> None:
    host = hosted(rule({"error": {"code": "UNSPECIFIED"}}, on, times=1))
    for _ in range(number - 1):
        host.session()
    with pytest.raises(PeerErrorReply):
        host.session()
    assert len(fired(host.events)) == 1


def test_a_slot_that_is_not_asked_for() -> None:
    host = hosted(rule("busy", {"message": "KEY_EXCHANGE", "slot": 1}))
    use(host, host.session())
    assert not fired(host.events)


def test_replay_inside_of_what_was_said_in_another_session() -> None:
    """Nothing of it is signed, and only the fault's own session has the record."""
    do = {"replay": {"of": "GET_MEASUREMENTS"}}
    wire = wired(rule(do, {"message": "GET_DIGESTS", "session": 2}))
    first = wire.by_key(requester=1).finish()
    second = wire.by_key(requester=2).finish()
    count = first.good(plain(0x13, 0xE0) + bytes(8))
    assert second.ask(DIGESTS) == count
    first.good(DIGESTS)
    assert len(fired(wire.events)) == 1


WITHIN: list[tuple[Any, str, type[Exception] | None]] = [
    ("busy", "GET_DIGESTS", None),
    ({"error": {"code": "UNSPECIFIED"}}, "GET_DIGESTS", PeerErrorReply),
    ("not-ready", "GET_MEASUREMENTS", None),
    ({"set": {"field": "version", "to": "1.1"}}, "GET_DIGESTS", BrokenReply),
    ({"increment": {"field": "digests"}}, "GET_DIGESTS", None),
    ({"measurement": {"xor": "01"}}, "GET_MEASUREMENTS", None),
    ({"signature": {"make": "zero"}}, "GET_MEASUREMENTS", SignatureMismatch),
    ("sign-slot", "GET_MEASUREMENTS", SignatureMismatch),
    ({"transcript": {"drop": "GET_MEASUREMENTS"}}, "GET_MEASUREMENTS", SignatureMismatch),
    ({"doe-type": {"to": 1}}, "GET_DIGESTS", BrokenReply),
    ("doe-vendor", "GET_DIGESTS", BrokenReply),
    ({"doe-length": {"by": 1}}, "GET_DIGESTS", BrokenReply),
    ("no-response", "GET_DIGESTS", NoResponse),
]


@pytest.mark.parametrize(("effect", "message", "error"), WITHIN)
def test_the_other_stages_reach_into_sessions_as_elsewhere(
    effect: Any, message: str, error: type[Exception] | None
) -> None:
    to = armed(rule(effect, {"message": message, "where": "ESTABLISHED"}, times=1))
    host = hosted(to=to)
    session = host.session()
    host.run(host.requester.digests())  # outside nothing happens
    assert not fired(host.events)
    flow = session.digests if message == "GET_DIGESTS" else lambda: session.measurements(1)
    if error is None:
        host.run(flow())
    else:
        with pytest.raises(error):
            host.run(flow())
    assert len(fired(host.events)) == 1 or effect == "not-ready"
    clean(to)


def test_chunks_within_a_session() -> None:
    to = armed(
        rule("chunk-sequence", {"message": "CHUNK_GET", "where": "ESTABLISHED"}),
        capabilities=ABLE | Cap.CHUNK,
    )
    offer = offering(capabilities=Cap.CHUNK, data_transfer_size=256, max_message=1 << 16)
    host = SecureHost(to, offer=offer).connected()
    session = host.session()
    with pytest.raises(BrokenReply):
        host.run(session.measurements())
    assert fired(host.events) == ["chunk: chunk 1 in place of 0"]
    clean(to)


def test_what_was_forgotten_is_answered_for_the_latest_sessions_only() -> None:
    do = {"forget-session": {"answer": "BUSY"}}
    wire = wired(rule(do, {"message": "KEY_EXCHANGE"}))
    lost = [wire.by_key().id.to_bytes(4, "little") for _ in range(KEPT_ANSWERS + 1)]
    answered = [bool(wire.send(wire._binding.wrap_record(one + bytes(40)))) for one in lost]
    assert answered == [False] + [True] * KEPT_ANSWERS
