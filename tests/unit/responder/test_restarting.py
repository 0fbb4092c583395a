"""GET_VERSION starts over from any state, and connections know nothing of each other."""

import pytest
from devices import (
    GET_VERSION,
    Peer,
    challenge,
    device,
    get_capabilities,
    get_measurements,
    negotiate_algorithms,
    snapshot,
)
from unit.responder.verifying import verify

from emulator.spdm.state import State


@pytest.mark.parametrize("state", State, ids=lambda state: state.name)
def test_get_version_starts_over(state: State) -> None:
    peer = Peer(version=0x12).climb(state)
    if state >= State.NEGOTIATED:
        peer.good(get_measurements(0x12))
    fresh = Peer().climb(State.AFTER_VERSION)
    peer.good(GET_VERSION)
    assert snapshot(peer.connection) == snapshot(fresh.connection)
    peer.version = 0x13
    start = len(peer.said) - 1
    peer.good(get_capabilities(0x13))
    peer.good(negotiate_algorithms(0x13, asym=0x10, base_hash=1))
    peer.good(challenge(0x13))
    verify(peer.said[start:], scheme="ECDSA_P256", hash_name="SHA_256")


def test_over_and_over() -> None:
    peer = Peer()
    for _ in range(20):
        peer.climb(State.AUTHENTICATED)
        verify(peer.said[-6:])


def test_connections_know_nothing_of_each_other() -> None:
    held = device()
    one, other = Peer(held), Peer(held, version=0x12)
    for state in State:
        before = snapshot(other.connection)
        one.climb(state)
        assert snapshot(other.connection) == before
    other.climb(State.AFTER_CERTIFICATE)
    before = snapshot(one.connection)
    other.climb(State.AUTHENTICATED)
    assert snapshot(one.connection) == before
    verify(other.said[-6:])
