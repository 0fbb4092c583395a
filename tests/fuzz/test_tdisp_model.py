"""TDISP asked at random: nothing raises, and nothing runs without a lock and the right nonce."""

import struct

from fuzz.depth import fuzzing
from hypothesis import given
from hypothesis import strategies as st
from secured import Wire, established
from tdisp import (
    FUNCTION,
    LOCK,
    OTHER,
    P2P,
    REQUESTS,
    RUN,
    START,
    STREAM,
    VENDOR,
    Host,
    Keys,
    interface,
    lock_payload,
    range_payload,
    request,
    tdi_device,
)

from emulator.device.tdi import REGISTERS, Cause

SESSIONS = tuple(established(Wire()).held for _ in range(2))
EVENTS = (*Cause, *REGISTERS)

functions = st.sampled_from((FUNCTION, OTHER, 0x1234))
payloads = st.one_of(
    st.binary(max_size=40),
    st.builds(
        lock_payload,
        flags=st.integers(0, 0x3F),
        stream=st.sampled_from((STREAM, P2P, 3)),
        offset=st.integers(-(1 << 40), 1 << 40),
    ),
    st.builds(range_payload, st.just(0x10004), st.just(4), st.integers(0, 15), st.just(2)),
    st.sampled_from((b"", bytes(4), bytes((P2P,)), b"\0\x02" + VENDOR, bytes(32))),
)
messages = st.builds(
    request,
    st.one_of(st.sampled_from(REQUESTS), st.integers(0, 255)),
    payloads,
    function=functions,
    version=st.sampled_from((0x10,) * 8 + (0x11, 0x20)),
)
starts = st.tuples(functions, st.booleans())
moves = st.one_of(st.binary(max_size=60), messages, starts, st.sampled_from(EVENTS))


@fuzzing(80)
@given(moves=st.lists(st.tuples(st.integers(0, 1), moves), max_size=40))
def test_nothing_runs_without_a_lock_and_its_nonce(
    moves: list[tuple[int, bytes | tuple[int, bool] | str]],
) -> None:
    keys = Keys({STREAM: SESSIONS[0], P2P: SESSIONS[1]})
    to = tdi_device(interface(), interface(OTHER), keys=keys)
    hosts = [Host(to, session) for session in SESSIONS]
    tdi = to.tdi
    assert tdi is not None
    nonces: dict[int, bytes] = {}
    for who, move in moves:
        if isinstance(move, str):
            tdi.stream_lost(STREAM)
            for one in tdi.by_function.values():
                if move in REGISTERS:
                    one.written(move)
            continue
        if isinstance(move, tuple):
            function, honest = move
            nonce = nonces.get(function, bytes(32)) if honest else bytes(range(32))
            move = request(START, nonce, function=function)  # noqa: PLW2901 - what it stands for
        before = {number: (one.state, one.nonce) for number, one in tdi.by_function.items()}
        answer = hosts[who].answer(move)
        assert answer is not None
        version, kind, _, told, _ = struct.unpack_from("<BBHIQ", answer)
        assert version == 0x10
        if kind == LOCK & 0x7F:
            nonces[told & 0x01FFFFFF] = answer[16:]
        for number, one in tdi.by_function.items():
            state, nonce_before = before[number]
            if one.state == RUN and state != RUN:
                assert kind == START & 0x7F
                assert move[16:] == nonce_before == nonces[number]
            assert (one.lock is None) == (one.state == 0)
