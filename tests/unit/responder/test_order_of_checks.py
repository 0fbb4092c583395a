"""A request that breaks two rules is answered for the first: dispatcher.py's order."""

from collections.abc import Callable

import pytest
from devices import Peer, device, error, get_measurements, negotiate_algorithms

from emulator.device import Sizes
from emulator.spdm.capabilities import Cap
from emulator.spdm.state import State

Prepare = Callable[[], tuple[Peer, bytes]]


def short_and_unknown() -> tuple[Peer, bytes]:
    return Peer(), b"\x13\xf3"


def unknown_and_of_another_version() -> tuple[Peer, bytes]:
    return Peer().climb(State.NEGOTIATED), bytes.fromhex("12f30000")


def of_another_version_and_not_offered() -> tuple[Peer, bytes]:
    held = device(capabilities=Cap.MEAS_NO_SIG)
    return Peer(held).climb(State.NEGOTIATED), bytes.fromhex("12810000")


def not_offered_and_out_of_order() -> tuple[Peer, bytes]:
    held = device(capabilities=Cap.MEAS_NO_SIG)
    return Peer(held).climb(State.AFTER_CAPABILITIES), bytes.fromhex("13810000")


def out_of_order_and_too_large() -> tuple[Peer, bytes]:
    held = device()
    peer = Peer(held).climb(State.AFTER_CAPABILITIES)
    held.sizes = Sizes(max_message=100)
    return peer, bytes.fromhex("13810000") + bytes(200)


def too_large_and_of_the_wrong_size() -> tuple[Peer, bytes]:
    held = device()
    peer = Peer(held).climb(State.NEGOTIATED)
    held.sizes = Sizes(max_message=100)
    return peer, bytes.fromhex("13810000") + bytes(200)


def of_the_wrong_size_and_value() -> tuple[Peer, bytes]:
    peer = Peer().climb(State.AFTER_CAPABILITIES)
    peer.good(negotiate_algorithms(specification=0))
    return peer, get_measurements() + bytes(4)


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (short_and_unknown, error(0x10, 0x01)),
        (unknown_and_of_another_version, error(0x13, 0x07, 0xF3)),
        (of_another_version_and_not_offered, error(0x13, 0x41)),
        (not_offered_and_out_of_order, error(0x13, 0x07, 0x81)),
        (out_of_order_and_too_large, error(0x13, 0x04)),
        (too_large_and_of_the_wrong_size, error(0x13, 0x0E)),
        (of_the_wrong_size_and_value, error(0x13, 0x01)),
    ],
)
def test_the_first_rule_broken_is_answered(prepare: Prepare, expected: bytes) -> None:
    peer, request = prepare()
    assert peer.ask(request) == expected


def test_a_value_that_is_wrong_alone_is_the_handlers() -> None:
    peer, request = of_the_wrong_size_and_value()
    assert peer.ask(request[:-4]) == error(0x13, 0x04)
