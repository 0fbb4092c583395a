"""An answer that is computed aside: what comes of it, and what waits for it."""

import struct
from collections.abc import Callable
from dataclasses import replace

import pytest
from devices import (
    GET_VERSION,
    Peer,
    challenge,
    error,
    frame,
    get_capabilities,
    get_digests,
    get_measurements,
    negotiate_algorithms,
    seen_frames,
    snapshot,
    spdm_frame,
)
from slow import quick_device, slow_device

from emulator.answer import registry
from emulator.answer.exchange import Exchange, Outcome
from emulator.crypto.keys import SCHEMES, SigningKey
from emulator.device import Device, Timing
from emulator.endpoint import (
    STALL,
    Action,
    Answered,
    Close,
    Compute,
    Endpoint,
    Event,
    Received,
    Send,
    carried_out,
)
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.connection import Loss
from emulator.spdm.messages import GetDigests
from emulator.spdm.pending import Readiness
from emulator.spdm.signing import ToSign
from emulator.spdm.stages import Delivery, Situation, Stages
from emulator.spdm.work import Path, Work, finish
from emulator.wire import Message

OPENING = (GET_VERSION, get_capabilities(), negotiate_algorithms(), get_digests())
SHUTDOWN = frame(command=0xFFFE)
STREAM = (
    b"".join(map(spdm_frame, (*OPENING, challenge(), get_measurements(), get_digests())))
    + spdm_frame(get_measurements(signed=True))
    + frame(b"Client Hello!\0", command=0xDEAD)
    + spdm_frame(challenge(slot=0xFF))
    + spdm_frame(challenge())
    + SHUTDOWN
)


def opened(to: Device, **options: object) -> Endpoint:
    """An endpoint that has sent its digests."""
    endpoint = Endpoint(to, **options)  # type: ignore[arg-type]  # as tests name them
    for request in OPENING:
        (action,) = endpoint.receive(spdm_frame(request), 0.0)
        assert isinstance(action, Send)
    return endpoint


def computing(endpoint: Endpoint, request: bytes = challenge(), now: float = 1.0) -> Compute:
    """What is computed for a request."""
    (action,) = endpoint.receive(spdm_frame(request), now)
    assert isinstance(action, Compute)
    return action


def complete(endpoint: Endpoint, compute: Compute, now: float = 2.0) -> list[Action]:
    return endpoint.complete(compute.token, compute.work.carry_out(), now)


def message(action: Action) -> bytes:
    """The SPDM message that is sent."""
    assert isinstance(action, Send)
    (answer,) = seen_frames(action.data)
    return answer.payload[8:]


def test_only_rsa_is_slow() -> None:
    assert {name for name, scheme in SCHEMES.items() if scheme.slow} == {
        name for name in SCHEMES if name.startswith("RSA")
    }
    for scheme in ("ECDSA_P256", "EDDSA_25519"):
        assert not SigningKey.derive(scheme, b"a secret").slow


def test_a_slow_signature_is_computed_aside_and_then_sent() -> None:
    slow, quick = opened(slow_device()), opened(quick_device())
    before = snapshot(slow.responder.connection)
    compute = computing(slow)
    assert compute.work.label == "the ECDSA_P384 signature"
    assert compute.not_before == 0.0
    assert snapshot(slow.responder.connection) == before
    assert complete(slow, compute) == quick.receive(spdm_frame(challenge()), 2.0)
    assert snapshot(slow.responder.connection) == snapshot(quick.responder.connection)


def test_a_result_counts_once_and_for_its_own_computation() -> None:
    endpoint = opened(slow_device())
    compute = computing(endpoint)
    assert endpoint.complete(compute.token + 1, b"", 2.0) == []
    assert len(complete(endpoint, compute)) == 1
    assert complete(endpoint, compute) == []
    again = computing(endpoint)
    assert again.token != compute.token
    assert complete(endpoint, compute) == []
    assert len(complete(endpoint, again)) == 1


@pytest.mark.parametrize("size", [1, 7, 50, len(STREAM)])
def test_what_comes_meanwhile_is_answered_in_order(size: int) -> None:
    told: list[Event] = []
    expected: list[Event] = []
    slow = Endpoint(slow_device(), observer=told.append)
    answers = Endpoint(quick_device(), observer=expected.append).receive(STREAM, 0.0)
    found: list[Action] = []
    waiting: list[Compute] = []
    for at in range(0, len(STREAM), size):
        actions = slow.receive(STREAM[at : at + size], 0.0)
        assert not (waiting and actions), "answered out of turn"
        while actions and isinstance(last := actions[-1], Compute):
            waiting.append(last)
            found += actions[:-1]
            # Every other one is completed only when the rest of the stream has come.
            actions = complete(slow, waiting.pop(), 0.0) if len(waiting) % 2 else []
        found += actions
    while waiting:
        found += carried_out(slow, complete(slow, waiting.pop(0), 0.0), 0.0)
    assert found == answers
    assert list(map(repr, told)) == list(map(repr, expected))


def test_a_broken_stream_ends_after_the_answers_before_it() -> None:
    endpoint = opened(slow_device())
    compute = computing(endpoint)
    assert endpoint.receive(spdm_frame(GET_VERSION) + b"\xff" * 12, 1.0) == []
    auth, version, close = complete(endpoint, compute)
    assert message(auth)[1] == Code.CHALLENGE_AUTH
    assert message(version)[1] == Code.VERSION
    assert isinstance(close, Close)


def test_a_peer_that_leaves_leaves_nothing_behind() -> None:
    told: list[Event] = []
    endpoint = opened(slow_device(), observer=told.append)
    before = snapshot(endpoint.responder.connection)
    compute = computing(endpoint)
    told.clear()
    endpoint.left("the peer left")
    assert complete(endpoint, compute) == []
    assert snapshot(endpoint.responder.connection) == before
    assert [type(event).__name__ for event in told] == ["Ended"]
    assert endpoint.timer() is None


@pytest.mark.parametrize(
    ("loss", "answer"),
    [(Loss.QUIET, error(0x10, 0x04)), (Loss.RESYNCH, error(0x13, 0x43))],
    ids=["quiet", "resynch"],
)
def test_a_device_that_is_reset_meanwhile(loss: Loss, answer: bytes) -> None:
    """It is answered as what comes after the reset, and nothing of it is committed."""
    held = slow_device()
    endpoint = opened(held)
    compute = computing(endpoint)
    held.reset(loss)
    after = opened(held)
    (reply,) = complete(endpoint, compute)
    assert message(reply) == answer
    (again,) = endpoint.receive(spdm_frame(challenge()), 3.0)
    assert message(again) == answer
    assert len(complete(after, computing(after))) == 1
    for request in OPENING:
        endpoint.receive(spdm_frame(request), 4.0)
    assert len(complete(endpoint, computing(endpoint))) == 1


def in_chunks(request: bytes) -> tuple[bytes, bytes]:
    """A large request in two CHUNK_SENDs."""
    first, rest = request[:40], request[40:]
    size = len(request).to_bytes(4, "little")
    return (
        bytes((0x13, 0x85, 0, 7)) + struct.pack("<HHI", 0, 0, len(first)) + size + first,
        bytes((0x13, 0x85, 1, 7)) + struct.pack("<HHI", 1, 0, len(rest)) + rest,
    )


def chunking(to: Device) -> Endpoint:
    """An endpoint that has the first chunk of a CHALLENGE; the second one."""
    endpoint = Endpoint(to)
    able = get_capabilities(flags=int(Cap.CHUNK))
    for request in (GET_VERSION, able, negotiate_algorithms(), in_chunks(challenge())[0]):
        (reply,) = endpoint.receive(spdm_frame(request), 0.0)
        assert message(reply)[1] == request[1] & 0x7F
    return endpoint


LAST = in_chunks(challenge())[1]


def test_an_answer_within_an_acknowledgement_is_computed_too() -> None:
    slow, quick = chunking(slow_device(more=Cap.CHUNK)), chunking(quick_device(more=Cap.CHUNK))
    (reply,) = complete(slow, computing(slow, LAST))
    assert [reply] == quick.receive(spdm_frame(LAST), 2.0)
    assert message(reply)[1] == Code.CHUNK_SEND_ACK
    assert snapshot(slow.responder.connection) == snapshot(quick.responder.connection)


def test_a_reset_meanwhile_ends_the_acknowledgement_too() -> None:
    held = slow_device(more=Cap.CHUNK)
    endpoint = chunking(held)
    compute = computing(endpoint, LAST)
    held.reset()
    (reply,) = complete(endpoint, compute)
    assert message(reply) == error(0x10, 0x04)
    assert snapshot(endpoint.responder.connection) == snapshot(Peer().connection)


def test_an_exception_is_the_devices_own_error() -> None:
    endpoint = opened(slow_device())
    before = snapshot(endpoint.responder.connection)
    told: list[Event] = []
    endpoint._observer = told.append
    compute = computing(endpoint)
    (reply,) = endpoint.complete(compute.token, ValueError("no more electricity"), 2.0)
    assert message(reply) == error(0x13, 0x05)
    assert snapshot(endpoint.responder.connection) == before
    received, answered = told
    assert isinstance(received, Received)
    assert isinstance(answered, Answered)
    assert str(answered.error) == "the ECDSA_P384 signature failed: no more electricity"
    assert len(complete(endpoint, computing(endpoint))) == 1


def test_work_that_raises_tells_so_in_its_result() -> None:
    def fail() -> bytes:
        raise ValueError("no")

    result = Work("a thing", fail).carry_out()
    assert isinstance(result, ValueError)


def test_nobody_is_late_while_it_is_computed() -> None:
    endpoint = opened(slow_device())
    request = spdm_frame(challenge())
    (compute,) = endpoint.receive(request + request[:5], 1.0)
    assert isinstance(compute, Compute)
    assert endpoint.timer() is None
    assert endpoint.tick(1000.0) == []
    assert len(complete(endpoint, compute, 2000.0)) == 1
    assert endpoint.timer() == 2000.0 + STALL
    (close,) = endpoint.tick(2000.0 + STALL)
    assert isinstance(close, Close)


def test_a_held_reply_is_held_from_when_it_was_computed() -> None:
    endpoint = Endpoint(slow_device(timing=Timing(delay=0.5)))
    for request in OPENING:
        endpoint.receive(spdm_frame(request), 0.0)
    (sent,) = complete(endpoint, computing(endpoint, now=1.0), 3.0)
    assert sent.not_before == 3.5


def test_a_request_that_was_not_ready_is_computed_when_it_is_fetched() -> None:
    timing = Timing(not_ready=Readiness(rdt_exponent=10))
    slow, quick = Peer(slow_device(timing=timing)), Peer(quick_device(timing=timing))
    for request in (*OPENING, challenge()):
        assert slow.ask(request) == quick.ask(request)
    slow.now = quick.now = 0.1
    fetch = bytes((0x13, 0xFF, 0x83, 0))
    auth = slow.ask(fetch)
    assert auth[1] == Code.CHALLENGE_AUTH
    assert auth == quick.ask(fetch)
    assert snapshot(slow.connection) == snapshot(quick.connection)


class Noting(Stages):
    """Notes the stages that are passed."""

    def __init__(self) -> None:
        self.passed: list[str] = []

    def message(self, situation: Situation, reply: Message) -> Message:
        self.passed.append("message")
        return super().message(situation, reply)

    def sign(
        self, situation: Situation, to_sign: ToSign, key: SigningKey
    ) -> tuple[ToSign, SigningKey]:
        self.passed.append("sign")
        return super().sign(situation, to_sign, key)

    def signed(self, situation: Situation, data: bytes) -> bytes:
        self.passed.append("signed")
        return super().signed(situation, data)

    def frame(self, situation: Situation, frame: bytes) -> bytes:
        self.passed.append("frame")
        return super().frame(situation, frame)

    def delivery(self, situation: Situation, delivery: Delivery) -> Delivery:
        self.passed.append("delivery")
        return super().delivery(situation, delivery)

    def commit(self, situation: Situation) -> bool:
        self.passed.append("commit")
        return super().commit(situation)


def test_stages_keep_their_order() -> None:
    stages = Noting()
    endpoint = opened(slow_device(), stages=stages)
    stages.passed.clear()
    compute = computing(endpoint)
    assert stages.passed == ["message", "sign"]
    complete(endpoint, compute)
    assert stages.passed == ["message", "sign", "signed", "frame", "delivery", "commit"]


Handler = Callable[[Exchange, GetDigests], Path[Outcome]]


def handled_by(handler: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    row = registry.ROWS[Code.GET_DIGESTS]
    monkeypatch.setitem(registry.ROWS, Code.GET_DIGESTS, replace(row, handler=handler))


def test_a_handler_may_be_slow_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = registry.ROWS[Code.GET_DIGESTS].handler

    def handler(exchange: Exchange, request: GetDigests) -> Path[Outcome]:
        one = yield Work("one half", lambda: 20)
        other = yield Work("the other half", lambda: 22)
        assert one + other == 42
        return finish(plain(exchange, request))

    handled_by(handler, monkeypatch)
    quick = Peer(quick_device())
    endpoint = Endpoint(quick_device())
    for request in OPENING[:3]:
        quick.good(request)
        endpoint.receive(spdm_frame(request), 0.0)
    first = computing(endpoint, get_digests())
    (second,) = complete(endpoint, first)
    assert isinstance(second, Compute)
    assert [first.work.label, second.work.label] == ["one half", "the other half"]
    (reply,) = complete(endpoint, second)
    assert message(reply) == quick.good(get_digests())


def test_a_handler_whose_work_fails_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def handler(exchange: Exchange, request: GetDigests) -> Path[Outcome]:
        del exchange, request
        yield Work("a thing", lambda: 1 // 0)
        raise AssertionError("it went on")

    handled_by(handler, monkeypatch)
    peer = Peer(quick_device())
    for request in OPENING[:3]:
        peer.good(request)
    assert peer.ask(get_digests()) == error(0x13, 0x05)


def test_a_handler_that_a_reset_overtakes_commits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    held = quick_device()
    plain = registry.ROWS[Code.GET_DIGESTS].handler

    def handler(exchange: Exchange, request: GetDigests) -> Path[Outcome]:
        yield Work("a reset", held.reset)
        return finish(plain(exchange, request))

    handled_by(handler, monkeypatch)
    peer = Peer(held)
    for request in OPENING[:3]:
        peer.good(request)
    assert peer.ask(get_digests()) == error(0x10, 0x04)
    assert snapshot(peer.connection) == snapshot(Peer().connection)
