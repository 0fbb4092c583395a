"""What the project's own requester comes to, where a device has one of these faults."""

from typing import Any

import pytest
from asking import Host
from devices import device
from judging import failed, judge
from unit.faults.faulting import Faulty, rule

CASES: list[tuple[Any, dict[str, Any], str]] = [
    ({"increment": {"field": "cert_chain_hash"}}, {"message": "CHALLENGE_AUTH"}, "challenge"),
    ({"set": {"field": "slot", "to": 1}}, {"message": "CHALLENGE_AUTH"}, "challenge"),
    ("sign-slot", {"message": "CHALLENGE_AUTH"}, "challenge signature"),
    ("sign-context", {"message": "CHALLENGE_AUTH"}, "challenge signature"),
    ({"transcript": {"drop": "VERSION"}}, {"message": "MEASUREMENTS"}, "measurement signature"),
    ("signature", {"message": "CHALLENGE_AUTH"}, "challenge signature"),
    (
        {"set": {"field": "base_asym", "to": "ECDSA_P256"}},
        {"message": "ALGORITHMS"},
        "chain: negotiated key",
    ),
    (
        {"increment": {"field": "portion"}},
        {"message": "CERTIFICATE", "nth": 1},
        "certificate chain",
    ),
    ("truncate", {"message": "CERTIFICATE"}, "certificate chain"),
    ({"error": {"code": "UNSPECIFIED"}}, {"message": "CHALLENGE"}, "challenge"),
    ("large-response", {"message": "CHALLENGE"}, "challenge"),
    ({"replay": {"of": "GET_DIGESTS"}}, {"message": "CHALLENGE"}, "challenge"),
]


def attested(effect: Any, on: dict[str, Any]) -> tuple[Faulty, Host]:
    to = device()
    host = Host(to)
    at = "signed" if effect == "truncate" else None
    host.peer = peer = Faulty(rule(effect, on=on, at=at), to=to)
    return peer, host


@pytest.mark.parametrize(("effect", "on", "step"), CASES)
def test_a_fault_is_found_at_its_step_and_the_next_connection_is_clean(
    effect: Any, on: dict[str, Any], step: str
) -> None:
    peer, host = attested(effect, on | {"connection": 2})
    verdict = judge(host)
    assert not verdict.ok
    assert failed(verdict)[0] == step
    assert peer.fired
    following = Host(peer.responder._device)
    following.peer = peer.again()
    assert judge(following).ok


@pytest.mark.parametrize(
    "effect",
    [{"set": {"field": "nonce", "to": "ab" * 32}}, {"increment": {"field": "nonce", "by": 5}}],
)
def test_what_is_edited_before_it_is_signed_is_believed(effect: Any) -> None:
    peer, host = attested(effect, {"message": ["CHALLENGE_AUTH", "MEASUREMENTS"]})
    assert judge(host).ok
    assert peer.fired == 3  # the challenge, the number of measurements, and all of them
