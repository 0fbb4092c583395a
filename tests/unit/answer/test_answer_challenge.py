"""CHALLENGE_AUTH but for its signature, which tests/unit/responder/test_signatures.py verifies."""

import hashlib

import pytest
from devices import (
    MEASURED,
    Peer,
    chain,
    challenge,
    device,
    error,
    negotiate_algorithms,
    negotiated,
)

from emulator.device import Measurements
from emulator.entropy import Seeded
from emulator.spdm.capabilities import Cap
from emulator.spdm.state import State

both = pytest.mark.parametrize("version", [0x12, 0x13])


def expected(version: int, *, slot: int = 0, summary: bytes = b"", opaque: bytes = b"") -> bytes:
    """CHALLENGE_AUTH of P-384 and SHA-384 on a device's first connection, without signature."""
    nonce = Seeded("tests").fork("connection 1").bytes(32, label="CHALLENGE_AUTH nonce")
    chain_hash = hashlib.sha384(chain("ECDSA_P384", slot).spdm("SHA_384")).digest()
    context = b"context!" if version == 0x13 else b""
    head = bytes((version, 0x03, slot, 0x05)) + chain_hash + nonce + summary
    return head + len(opaque).to_bytes(2, "little") + opaque + context


@both
@pytest.mark.parametrize("slot", [0, 2])
def test_its_fields(version: int, slot: int) -> None:
    reply = negotiated(version=version).good(challenge(version, slot=slot))
    assert reply[:-96] == expected(version, slot=slot)


@both
@pytest.mark.parametrize("summary_type", [0x01, 0xFF])
def test_a_measurement_summary_is_there_when_asked_for(version: int, summary_type: int) -> None:
    held = Measurements(MEASURED)
    summary = held.summary(summary_type, "SHA_384", "SHA_384")
    reply = negotiated(version=version).good(challenge(version, summary=summary_type))
    assert reply[:-96] == expected(version, summary=summary)


@both
@pytest.mark.parametrize("summary_type", [0x02, 0x7F, 0x80, 0xFE])
def test_other_summaries_there_are_not(version: int, summary_type: int) -> None:
    request = challenge(version, summary=summary_type)
    assert negotiated(version=version).ask(request) == error(version, 0x01)


@both
@pytest.mark.parametrize("summary_type", [0x01, 0xFF])
def test_no_summary_without_measurements(version: int, summary_type: int) -> None:
    without = device(capabilities=Cap.CERT | Cap.CHAL, measurement_hash=None)
    peer = negotiated(without, version=version)
    request = challenge(version, summary=summary_type)
    assert peer.ask(request) == error(version, 0x01)
    peer.good(challenge(version))


@both
@pytest.mark.parametrize(("format_", "sent"), [(2, b"format 1"), (1, b"format 0"), (0, b"")])
def test_opaque_data_is_in_the_agreed_format(version: int, format_: int, sent: bytes) -> None:
    opaque = {2: b"format 1", 1: b"format 0"}
    held = device(opaque_format=format_, challenge_opaque=opaque)
    peer = Peer(held, version=version).climb(State.AFTER_CAPABILITIES)
    peer.good(negotiate_algorithms(version, other=3))
    assert peer.good(challenge(version))[:-96] == expected(version, opaque=sent)


@both
def test_every_challenge_has_a_nonce_of_its_own(version: int) -> None:
    peer = negotiated(version=version)
    first, second = (peer.good(challenge(version))[52:84] for _ in range(2))
    assert first != second


def test_with_p256_and_sha256() -> None:
    peer = Peer().climb(State.NEGOTIATED, asym=0x10, base_hash=0x01)
    reply = peer.good(challenge(0x13, summary=0xFF))
    assert len(reply) == 4 + 32 + 32 + 32 + 2 + 8 + 64
    assert reply[4:36] == hashlib.sha256(chain("ECDSA_P256").spdm("SHA_256")).digest()
