import pytest

from emulator.spdm.algorithms import HASHES, SIGNATURES, by_name
from emulator.spdm.negotiation import Negotiated, prefer, prefer_bit

SHA_256, SHA_384, SM3 = (by_name(HASHES, name) for name in ("SHA_256", "SHA_384", "SM3_256"))
P256 = by_name(SIGNATURES, "ECDSA_P256")


def test_our_order_decides_not_the_bits() -> None:
    assert prefer((SHA_256, SHA_384), 0x03, 0x13) is SHA_256
    assert prefer((SHA_384, SHA_256), 0x03, 0x13) is SHA_384


def test_only_what_the_peer_has_is_chosen() -> None:
    assert prefer((SHA_384, SHA_256), 0x01, 0x13) is SHA_256
    assert prefer((SHA_384, SHA_256), 0xFFFFFFFC, 0x13) is None
    assert prefer((SHA_384,), 0, 0x13) is None
    assert prefer((), 0xFFFFFFFF, 0x13) is None


def test_what_the_version_does_not_know_is_passed_over() -> None:
    assert prefer((SM3, SHA_256), 0x41, 0x11) is SHA_256
    assert prefer((SM3, SHA_256), 0x41, 0x12) is SM3
    assert prefer((SM3,), 0x40, 0x10) is None


@pytest.mark.parametrize(
    ("ours", "peer", "chosen"),
    [(3, 3, 2), (3, 1, 1), (2, 3, 2), (1, 2, 0), (0, 3, 0), (3, 0, 0), (1, 1, 1)],
)
def test_opaque_format_1_comes_before_format_0(ours: int, peer: int, chosen: int) -> None:
    assert prefer_bit(ours, peer) == chosen


def test_nothing_is_negotiated_at_first() -> None:
    assert Negotiated() == Negotiated(0, None, None, None, 0)
    assert Negotiated(asym=P256) != Negotiated()
