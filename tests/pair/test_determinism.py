"""A run is replayed byte for byte: same seed and same bytes in, same bytes out."""

import itertools

from devices import (
    GET_VERSION,
    Peer,
    challenge,
    device,
    frame,
    get_capabilities,
    get_certificate,
    get_digests,
    get_measurements,
    negotiate_algorithms,
    spdm_frame,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from slow import quick_device, slow_device

from emulator.device import Device
from emulator.endpoint import Action, Compute, Endpoint
from emulator.entropy import Entropy, Recorded, Recorder, Seeded, System
from emulator.spdm.state import State

REQUESTS = (
    GET_VERSION,
    get_capabilities(),
    negotiate_algorithms(),
    get_digests(),
    get_certificate(),
    challenge(),
    get_measurements(operation=0),
    get_measurements(operation=4),
    get_measurements(signed=True),
    challenge(summary=0xFF),
)
STREAM = b"".join(map(spdm_frame, REQUESTS)) + frame(command=0xFFFE)


def run(to: Device, stream: bytes = STREAM, now: float = 0.0) -> list[Action]:
    return Endpoint(to).receive(stream, now)


def nonces(entropy: Entropy) -> tuple[bytes, bytes]:
    """The nonces of CHALLENGE_AUTH and MEASUREMENTS on a new device's first connection."""
    peer = Peer(device(entropy=entropy)).climb(State.NEGOTIATED)
    return peer.good(challenge())[52:84], peer.good(get_measurements(operation=0))[8:40]


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, other = (run(device(entropy=Seeded("seed"))) for _ in range(2))
    assert one == other
    assert len(one) == len(REQUESTS) + 2


def test_how_the_bytes_arrive_and_when_does_not_matter() -> None:
    whole = run(device(entropy=Seeded("seed")), now=5.0)
    endpoint = Endpoint(device(entropy=Seeded("seed")))
    pieces = [STREAM[at : at + 7] for at in range(0, len(STREAM), 7)]
    got = [
        action
        for number, piece in enumerate(pieces)
        for action in endpoint.receive(piece, float(number))
    ]
    assert got == whole


@settings(print_blob=True, deadline=None, max_examples=50)
@given(
    seed=st.text(max_size=8),
    requests=st.lists(st.one_of(st.sampled_from(REQUESTS), st.binary(max_size=50)), max_size=12),
)
def test_whatever_is_asked(seed: str, requests: list[bytes]) -> None:
    stream = b"".join(map(spdm_frame, (*REQUESTS[:3], *requests)))
    one, other = (run(device(entropy=Seeded(seed)), stream) for _ in range(2))
    assert one == other


def test_another_seed_gives_other_nonces() -> None:
    challenge_1, measured_1 = nonces(Seeded("one"))
    challenge_2, measured_2 = nonces(Seeded("two"))
    assert len({challenge_1, measured_1, challenge_2, measured_2}) == 4


def test_connections_of_a_device_have_streams_of_their_own() -> None:
    shared = device(entropy=Seeded("seed"))
    first, second = run(shared), run(shared)
    assert first != second
    # The same numbers give the same streams, however many peers there are at once.
    again = device(entropy=Seeded("seed"))
    endpoints = Endpoint(again), Endpoint(again)
    assert endpoints[1].receive(STREAM, 0.0) == second
    assert endpoints[0].receive(STREAM, 0.0) == first


def test_computing_aside_changes_no_byte_whoever_is_ready_first() -> None:
    streams = [b"".join(map(spdm_frame, REQUESTS[:number])) for number in (6, 9, 10)]
    at_once = quick_device()
    expected = [Endpoint(at_once).receive(stream, 0.0) for stream in streams]
    for turns in itertools.permutations(range(3)):
        held = slow_device()
        endpoints = [Endpoint(held) for _ in streams]
        found = [
            endpoint.receive(stream, 0.0)
            for endpoint, stream in zip(endpoints, streams, strict=True)
        ]
        # One computation of each by turns, until there is none left.
        while any(isinstance(actions[-1], Compute) for actions in found):
            for turn in turns:
                if isinstance(last := found[turn][-1], Compute):
                    result = last.work.carry_out()
                    found[turn][-1:] = endpoints[turn].complete(last.token, result, 0.0)
        assert found == expected


def test_requests_refused_draw_nothing() -> None:
    plain, disturbed = (Peer(device()).climb(State.NEGOTIATED) for _ in range(2))
    for refused in (challenge(slot=1), get_measurements(operation=4), b"?", GET_VERSION[:3]):
        disturbed.ask(refused)
    assert disturbed.good(challenge()) == plain.good(challenge())


def test_without_a_seed_no_two_runs_are_the_same() -> None:
    assert nonces(System()) != nonces(System())


def test_a_run_without_a_seed_is_replayed_from_its_record() -> None:
    class Shared(Recorder):
        """One record for all connections, in the order of the run."""

        def fork(self, label: str) -> "Shared":
            del label
            return self

    record = Shared(System())
    first = run(device(entropy=record))
    assert [label for label, _ in record.draws] == [
        "CHALLENGE_AUTH nonce",
        "MEASUREMENTS nonce",
        "MEASUREMENTS nonce",
        "CHALLENGE_AUTH nonce",
    ]
    assert run(device(entropy=Recorded(record.draws))) == first
