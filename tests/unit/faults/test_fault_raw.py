"""Raw bytes, of the message and of the whole frame."""

from typing import Any

import pytest
from devices import (
    CAPABILITIES,
    GET_VERSION,
    Peer,
    device,
    error,
    get_capabilities,
    get_digests,
    negotiate_algorithms,
    spdm_frame,
)
from unit.faults.faulting import Faulty, rule

from emulator.endpoint import Endpoint, Send
from emulator.entropy import Seeded
from emulator.faults import arm
from emulator.spdm.capabilities import Cap
from emulator.spdm.state import State

USUAL = Peer().climb(State.NEGOTIATED).good(get_digests())
"""What DIGESTS are without a fault: 4 + 2 * 48 bytes."""

SIZE = len(USUAL)

CASES = [
    ("xor", USUAL[:-1] + bytes((USUAL[-1] ^ 0xFF,))),
    ({"xor": {"at": 2, "hex": "0001"}}, USUAL[:3] + bytes((USUAL[3] ^ 1,)) + USUAL[4:]),
    ({"xor": {"at": -1, "hex": "80ff"}}, USUAL[:-1] + bytes((USUAL[-1] ^ 0x80,))),
    ("overwrite", USUAL[:-1] + b"\0"),
    ({"overwrite": {"at": 1, "hex": "7f 05"}}, USUAL[:1] + b"\x7f\x05" + USUAL[3:]),
    ({"overwrite": {"at": -2, "hex": "010203"}}, USUAL[:-2] + b"\1\2"),
    ("insert", USUAL[:-1] + b"\0" + USUAL[-1:]),
    ({"insert": {"at": 4, "hex": "abcd"}}, USUAL[:4] + b"\xab\xcd" + USUAL[4:]),
    ({"insert": {"at": SIZE, "hex": "ab"}}, USUAL + b"\xab"),
    ("delete", USUAL[:-1]),
    ({"delete": {"at": 4, "count": 48}}, USUAL[:4] + USUAL[52:]),
    ({"delete": {"at": 4, "count": 1000}}, USUAL[:4]),
    ("extend", USUAL + b"\0"),
    ({"extend": {"hex": "0102"}}, USUAL + b"\1\2"),
    ({"extend": {"count": 5}}, USUAL + bytes(5)),
    ("truncate", USUAL[:-1]),
    ({"truncate": {"to": 2}}, USUAL[:2]),
    ({"truncate": {"to": 0}}, b""),
    ({"truncate": {"by": 10}}, USUAL[:-10]),
    ({"truncate": {"by": 1000}}, b""),
]

NOTHING = [
    {"xor": {"at": SIZE}},
    {"xor": {"at": -SIZE - 1}},
    {"xor": {"hex": "00"}},
    {"xor": {"hex": ""}},
    {"overwrite": {"at": SIZE}},
    {"overwrite": {"at": 0, "hex": "13"}},
    {"insert": {"at": SIZE + 1}},
    {"insert": {"hex": ""}},
    {"delete": {"at": SIZE}},
    {"extend": {"hex": ""}},
    {"truncate": {"to": SIZE}},
    {"randomize": {"at": SIZE}},
]


def digests(effect: Any) -> Faulty:
    return Faulty(rule(effect, on={"message": "DIGESTS"}, at="signed", times=1)).climb(
        State.NEGOTIATED
    )


@pytest.mark.parametrize(("effect", "reply"), CASES)
def test_the_bytes_of_a_message(effect: Any, reply: bytes) -> None:
    peer = digests(effect)
    assert peer.ask(get_digests()) == reply
    assert peer.fired == 1
    assert peer.ask(get_digests()) == USUAL
    assert peer.again().climb(State.NEGOTIATED).good(get_digests()) == USUAL


@pytest.mark.parametrize("effect", NOTHING)
def test_a_place_outside_or_no_change_is_no_fault(effect: Any) -> None:
    peer = digests(effect)
    assert peer.ask(get_digests()) == USUAL
    assert peer.fired == 0


def test_random_bytes_by_the_seed() -> None:
    one, other = digests("randomize"), digests("randomize")
    reply = one.ask(get_digests())
    assert len(reply) == SIZE
    assert reply != USUAL
    assert other.ask(get_digests()) == reply
    some = digests({"randomize": {"at": 4, "count": 8}}).ask(get_digests())
    assert (some[:4], some[12:]) == (USUAL[:4], USUAL[12:])
    assert some[4:12] != USUAL[4:12]
    last = digests({"randomize": {"at": -2, "count": 8}}).ask(get_digests())
    assert last[:-2] == USUAL[:-2]
    assert len(last) == SIZE


def frames(effect: Any) -> tuple[bytes, bytes]:
    """The frame of a DIGESTS without the fault, and the one with it."""
    made = []
    for rules in ([], [rule(effect, on={"message": "DIGESTS"}, at="frame")]):
        to = device()
        faults = arm(to, rules, Seeded("faults"))
        endpoint = Endpoint(to)
        sent: list[bytes] = []
        for request, _ in Peer().climb(State.AFTER_DIGESTS).said:
            actions = endpoint.receive(spdm_frame(request), 0.0)
            sent = [action.data for action in actions if isinstance(action, Send)]
        made.append(sent[0] if sent else b"")
        assert all(faults.counts.values())
    return made[0], made[1]


@pytest.mark.parametrize(
    "effect",
    [
        "xor",
        {"overwrite": {"at": 0, "hex": "ffff"}},
        {"insert": {"at": 12, "hex": "ab"}},
        {"delete": {"at": 8, "count": 4}},
        {"extend": {"count": 3}},
        {"truncate": {"to": 5}},
        {"truncate": {"to": 0}},
        {"randomize": {"at": 12}},
    ],
)
def test_the_bytes_of_a_frame(effect: Any) -> None:
    usual, faulty = frames(effect)
    assert usual != faulty
    match effect:
        case "xor":
            assert faulty == usual[:-1] + bytes((usual[-1] ^ 0xFF,))
        case {"overwrite": _}:
            assert faulty == b"\xff\xff" + usual[2:]
        case {"insert": _}:
            assert faulty == usual[:12] + b"\xab" + usual[12:]
        case {"delete": _}:
            assert faulty == usual[:8] + usual[12:]
        case {"extend": _}:
            assert faulty == usual + bytes(3)
        case {"truncate": {"to": size}}:
            assert faulty == usual[:size]
        case _:
            assert faulty[:12] == usual[:12]
            assert len(faulty) == len(usual)


@pytest.mark.parametrize("count", [0xFFFF, 1 << 20])
def test_a_message_larger_than_any_object_goes_out(count: int) -> None:
    to = device()
    arm(to, [rule({"extend": {"count": count}})], Seeded("faults"))
    [sent] = Endpoint(to).receive(spdm_frame(GET_VERSION), 0.0)
    assert isinstance(sent, Send)
    assert len(sent.data) > count


def test_a_large_message_of_which_nothing_is_left_is_fetched_as_it_is() -> None:
    """The ERROR that goes in its place has the connection's version."""
    to = device(capabilities=CAPABILITIES | Cap.CHUNK)
    peer = Faulty(rule({"truncate": {"to": 0}}, on={"message": "DIGESTS"}), to=to)
    peer.good(GET_VERSION)
    peer.good(get_capabilities(flags=Cap.CHUNK, size=64, largest=0x1200))
    peer.good(negotiate_algorithms())
    assert peer.ask(get_digests()) == error(0x13, 0x0F, 0, b"\0")
    chunk = peer.ask(bytes((0x13, 0x86, 0, 0, 0, 0)))
    assert chunk == bytes((0x13, 0x06, 1, 0, *bytes(12)))
