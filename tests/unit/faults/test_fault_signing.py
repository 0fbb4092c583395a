"""Stages sign and signed: who signs what, and what becomes of the signature."""

from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from devices import (
    GET_VERSION,
    challenge,
    device,
    get_capabilities,
    get_measurements,
    negotiate_algorithms,
    negotiated,
)
from unit.faults.faulting import Faulty, rule
from unit.responder.verifying import CONTEXTS, Exchange, said, verify

from emulator.spdm.state import State
from emulator.spdm.versions import Version

VCA = (0, 1, 2)


def signing(*effects: Any, **more: Any) -> tuple[Faulty, list[Exchange]]:
    """A peer that was answered a CHALLENGE with this fault, and what a signature covers."""
    on = {"message": ["CHALLENGE", "GET_MEASUREMENTS"]}
    peer = Faulty(rule(*effects, on=on, times=1), **more).climb(State.NEGOTIATED)
    peer.good(challenge())
    return peer, said(peer, *VCA, -1)


def is_otherwise_right(peer: Faulty) -> None:
    """All but the signature is as without the fault, and what is signed next is right."""
    usual = negotiated(version=peer.version)
    usual.good(challenge(peer.version))
    size = len(usual.said[-1][1]) - 96
    assert peer.said[-1][1][:size] == usual.said[-1][1][:size]
    assert peer.fired == 1
    peer.good(get_measurements(peer.version, signed=True))
    verify(said(peer, *VCA, -1))
    assert peer.fired == 1


@pytest.mark.parametrize("effect", ["sign-slot", {"sign-slot": {"slot": 2}}])
def test_another_slot_s_key_signs(effect: object) -> None:
    peer, covered = signing(effect)
    with pytest.raises(InvalidSignature):
        verify(covered)
    verify(covered, slot=2)
    assert peer.told[0].what == "signed by the key of slot 2"
    is_otherwise_right(peer)


@pytest.mark.parametrize("slot", [0, 1])
def test_a_slot_without_another_key_does_not_sign(slot: int) -> None:
    peer, covered = signing({"sign-slot": {"slot": slot}})
    verify(covered)
    assert peer.fired == 0
    alone, covered = signing("sign-slot", to=device(slots={0: ("ECDSA_P256", "ECDSA_P384")}))
    verify(covered)
    assert alone.fired == 0


@pytest.mark.parametrize("effect", ["sign-algorithm", {"sign-algorithm": {"asym": "ECDSA_P256"}}])
def test_another_algorithm_signs(effect: object) -> None:
    peer, covered = signing(effect)
    with pytest.raises(InvalidSignature):
        verify(covered)
    verify(covered, scheme="ECDSA_P256")
    assert peer.told[0].what == "signed with ECDSA_P256"
    is_otherwise_right(peer)


def test_an_algorithm_without_a_key_does_not_sign() -> None:
    peer, covered = signing({"sign-algorithm": {"asym": "EDDSA_25519"}})
    verify(covered)
    assert peer.fired == 0
    peer, covered = signing({"sign-algorithm": {"asym": "ECDSA_P384"}})
    assert peer.fired == 0


@pytest.mark.parametrize(
    ("effect", "context"),
    [
        ("sign-context", "responder-measurements signing"),
        ({"sign-context": {"context": "x" * 36}}, "x" * 36),
    ],
)
def test_another_context(effect: object, context: str, monkeypatch: pytest.MonkeyPatch) -> None:
    peer, covered = signing(effect)
    with pytest.raises(InvalidSignature):
        verify(covered)
    with monkeypatch.context() as patch:
        patch.setitem(CONTEXTS, 0x83, context.encode())
        verify(covered)
    is_otherwise_right(peer)


def test_before_1_2_there_is_no_context() -> None:
    to = device(versions=(Version.V1_1,))
    peer = Faulty(rule("sign-context"), to=to, version=0x11)
    peer.good(GET_VERSION)
    peer.good(get_capabilities(0x11)[:12])
    peer.good(negotiate_algorithms(0x11))
    peer.good(challenge(0x11))
    assert peer.fired == 0


@pytest.mark.parametrize(
    ("fields", "order"),
    [
        ({"drop": "GET_VERSION"}, [1, 2, 3, 4, 5, 6, 7]),
        ({"drop": "CAPABILITIES"}, [0, 1, 2, 4, 5, 6, 7]),
        ({"double": "VERSION"}, [0, 1, 1, 2, 3, 4, 5, 6, 7]),
        ({"double": "CHALLENGE_AUTH"}, [0, 1, 2, 3, 4, 5, 6, 7, 7]),
        ({"swap": ["GET_VERSION", "ALGORITHMS"]}, [5, 1, 2, 3, 4, 0, 6, 7]),
    ],
)
def test_another_transcript(fields: dict[str, Any], order: list[int]) -> None:
    peer, covered = signing({"transcript": fields})
    with pytest.raises(InvalidSignature):
        verify(covered)
    verify(reordered(covered, order))
    is_otherwise_right(peer)


def reordered(covered: list[Exchange], order: list[int]) -> list[Exchange]:
    """The messages in this order; the last is signed, and its signature at the end of all."""
    raw = [one for pair in covered for one in pair]
    raw[-1], signature = raw[-1][:-96], raw[-1][-96:]
    request = order.index(6)
    before, after = order[:request], order[request + 1 :]
    head = (b"".join(raw[at] for at in before), b"")
    return [head, (raw[6], b"".join(raw[at] for at in after) + signature)]


def test_a_message_that_is_not_signed_over_cannot_be_left_out() -> None:
    for fields in ({"drop": "DIGESTS"}, {"double": "ERROR"}, {"swap": ["VERSION", "DIGESTS"]}):
        peer, covered = signing({"transcript": fields})
        verify(covered)
        assert peer.fired == 0


@pytest.mark.parametrize(
    ("effect", "made"),
    [
        ({"signature": {"make": "zero"}}, bytes(96)),
        ({"signature": {"hex": "0102"}}, b"\1\2"),
        ({"signature": {"make": "other", "hex": "03"}}, b"\3"),
        ({"signature": {"hex": ""}}, b""),
    ],
)
def test_the_signature_is_what_the_rule_says(effect: object, made: bytes) -> None:
    peer, covered = signing(effect)
    usual = negotiated()
    assert covered[-1][1] == usual.good(challenge())[:-96] + made
    peer.good(challenge())
    verify(said(peer, *VCA, -1))


@pytest.mark.parametrize("effect", ["signature", {"signature": {"make": "flipped"}}])
def test_one_bit_of_the_signature_is_flipped(effect: object) -> None:
    peer, covered = signing(effect)
    request, reply = covered[-1]
    with pytest.raises(InvalidSignature):
        verify(covered)
    verify([*covered[:-1], (request, reply[:-1] + bytes((reply[-1] ^ 1,)))])
    is_otherwise_right(peer)


def test_the_signature_is_random_by_the_seed() -> None:
    random = {"signature": {"make": "random"}}
    (first, one), (_, other) = signing(random), signing(random)
    with pytest.raises(InvalidSignature):
        verify(one)
    assert one[-1][1] == other[-1][1]
    is_otherwise_right(first)


@pytest.mark.parametrize("slot", [0, 2])
def test_the_signature_is_one_over_nothing(slot: int) -> None:
    peer = Faulty(rule({"signature": {"make": "other"}})).climb(State.NEGOTIATED)
    for request in (challenge(slot=slot), get_measurements(signed=True, slot=slot)):
        signature = peer.good(request)[-96:]
        verify([(b"", b""), (_Silent(request), signature)], slot=slot)
    assert peer.fired == 2


class _Silent(bytes):
    """A request of which the version and the code are seen, and which adds nothing to a log."""

    def __add__(self, other: bytes) -> bytes:  # type: ignore[override]  # nothing but bytes here
        return bytes(other)


def test_signed_measurements_too_and_no_others() -> None:
    peer = Faulty(rule({"signature": {"make": "zero"}})).climb(State.AFTER_CERTIFICATE)
    peer.good(get_measurements())
    peer.good(get_measurements(operation=1))
    assert peer.fired == 0
    assert peer.good(get_measurements(signed=True))[-96:] == bytes(96)
    assert peer.ask(get_measurements(signed=True, slot=1))[1] == 0x7F
    assert peer.fired == 1
