"""CHALLENGE and its signature."""

import pytest
from asking import Host, patched
from devices import device, error

from emulator.ask import Authentication, ChallengeRequest, PeerChain
from emulator.crypto import hashes
from emulator.errors import BrokenReply, PeerErrorReply, SignatureMismatch
from emulator.requester import Offer
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.state import State
from emulator.spdm.transcript import M1M2, Part
from emulator.spdm.versions import Version

NONCE, CONTEXT = bytes(range(32)), b"a 64 bit"
VERSIONS = pytest.mark.parametrize("version", [Version.V1_2, Version.V1_3])
OPAQUE = bytes.fromhex("01000000 0000 0200 0102 0000")


def asked(
    version: Version = Version.V1_3,
    *,
    summary: SummaryType = SummaryType.NONE,
    host: Host | None = None,
) -> tuple[ChallengeRequest, bytes, Host]:
    host = host or Host(offer=Offer(versions=(version,)))
    host.connected(2)
    request = ChallengeRequest(
        host.connection,
        signer=host.requester.chains[2],
        nonce=NONCE,
        context=CONTEXT,
        summary_type=summary,
    )
    return request, host.answer(request.raw), host


@VERSIONS
@pytest.mark.parametrize("asym", ["ECDSA_P256", "ECDSA_P384"])
@pytest.mark.parametrize("base_hash", ["SHA_256", "SHA_384"])
def test_a_good_answer_is_accepted(version: Version, asym: str, base_hash: str) -> None:
    offer = Offer(versions=(version,), asym=(asym,), hashes=(base_hash,))
    request, reply, host = asked(version, host=Host(offer=offer))
    context = CONTEXT if version >= Version.V1_3 else b""
    assert request.raw == bytes((version, 0x83, 2, 0)) + NONCE + context
    found = request.accept(reply)
    assert found.reply.cert_chain_hash == host.requester.chains[2].digest
    assert host.connection.state == State.AUTHENTICATED


def test_its_transcript_hash_is_that_of_m1m2() -> None:
    request, reply, host = asked()
    before = host.connection.transcript.view(M1M2)
    found = request.accept(reply)
    covered = b"".join(entry.raw for entry in before) + request.raw + reply[:-96]
    assert found.transcript_hash == hashes.digest("SHA_384", covered)


def test_both_sides_begin_m1m2_anew_afterwards() -> None:
    request, reply, host = asked()
    request.accept(reply)
    for connection in (host.connection, host.peer.connection):
        assert connection.transcript.part(Part.B) == ()
        assert connection.transcript.part(Part.C) == ()
    again = ChallengeRequest(
        host.connection, signer=host.requester.chains[2], nonce=NONCE, context=CONTEXT
    )
    assert host.ask(again).transcript_hash


@pytest.mark.parametrize("summary", [SummaryType.TCB, SummaryType.ALL])
def test_a_summary_is_there_when_it_was_asked_for(summary: SummaryType) -> None:
    request, reply, host = asked(summary=summary)
    found = request.accept(reply)
    measurements = device().measurements
    assert found.reply.summary == measurements.summary(summary, "SHA_384", "SHA_384")
    assert found.summary_type == summary
    assert host.connection.peer_capabilities & Cap.MEAS_SIG


def test_a_device_that_does_not_measure_sends_no_summary() -> None:
    host = Host(device(capabilities=Cap.CERT | Cap.CHAL, measurement_hash=None)).connected(0)
    plain = ChallengeRequest(
        host.connection, signer=host.requester.chains[0], nonce=NONCE, context=CONTEXT
    )
    reply = host.answer(plain.raw)
    request = ChallengeRequest(
        host.connection,
        signer=host.requester.chains[0],
        nonce=NONCE,
        context=CONTEXT,
        summary_type=SummaryType.ALL,
    )
    # Read without a summary: what does not fit then is the signature, over other messages.
    with pytest.raises(SignatureMismatch):
        request.accept(reply)
    assert len(reply) == 4 + 48 + 32 + 2 + 8 + 96


HASH_AT, OPAQUE_AT = 4, 4 + 48 + 32


@pytest.mark.parametrize(
    ("at", "value", "reason"),
    [
        (2, 0, "slot: found 0, expected 2"),
        (2, 0x82, "slot: found mutual authentication, expected none"),
        (3, 0x01, "slot_mask: found 0x01, expected slot 2 among them"),
        (HASH_AT, b"\xff\xff", "cert_chain_hash: found ffff.*, the hash of the chain"),
        (OPAQUE_AT, b"\x04\x00", "size|signature"),
        (OPAQUE_AT + 2, 0xEE, "context: found ee.*, expected 6120.*, as it was sent"),
    ],
)
def test_broken_answers(at: int, value: int | bytes, reason: str) -> None:
    request, reply, host = asked()
    with pytest.raises(BrokenReply, match=f"CHALLENGE_AUTH.({reason})"):
        request.accept(patched(reply, at, value))
    # The device takes the challenge for answered, so both begin anew.
    assert host.connection.transcript.part(Part.B) == ()
    assert host.connection.state == State.AFTER_CERTIFICATE


def test_reserved_attributes_are_tolerated_but_signed() -> None:
    request, reply, _ = asked()
    with pytest.raises(SignatureMismatch):
        request.accept(patched(reply, 2, 0x42))


@VERSIONS
def test_opaque_data_is_part_of_it(version: Version) -> None:
    host = Host(device(challenge_opaque={2: OPAQUE}), offer=Offer(versions=(version,)))
    request, reply, _ = asked(version, host=host)
    assert request.accept(reply).reply.opaque == OPAQUE


def test_opaque_data_without_an_agreed_format_is_broken() -> None:
    host = Host(device(challenge_opaque={0: OPAQUE}), offer=Offer(opaque_formats=0))
    request, reply, _ = asked(host=host)
    with pytest.raises(BrokenReply, match=r"CHALLENGE_AUTH.opaque_length: found 12, expected 0"):
        request.accept(reply)


@pytest.mark.parametrize("at", [-1, -96, 60, OPAQUE_AT - 1])
def test_a_bent_signature_or_nonce_does_not_verify(at: int) -> None:
    request, reply, host = asked()
    position = at if at >= 0 else len(reply) + at
    with pytest.raises(SignatureMismatch, match=r"CHALLENGE_AUTH.signature: .* slot 2's leaf") as e:
        request.accept(patched(reply, at, reply[position] ^ 1))
    assert isinstance(e.value.content, Authentication)
    assert e.value.content.transcript_hash
    assert host.connection.transcript.part(Part.B) == ()
    assert host.connection.state == State.AFTER_CERTIFICATE


def test_what_only_one_side_has_seen_does_not_verify() -> None:
    request, reply, host = asked()
    host.connection.transcript.reset((Part.B,))
    with pytest.raises(SignatureMismatch):
        request.accept(reply)


def test_a_leaf_with_another_kind_of_key_cannot_verify() -> None:
    _, reply, host = asked()
    other = Host(offer=Offer(asym=("ECDSA_P256",), hashes=("SHA_384",))).connected(2)
    fetched = other.requester.chains[2]
    held = host.requester.chains[2]
    chain = PeerChain(2, held.spdm, "SHA_384", held.root_hash, fetched.certificates)
    request = ChallengeRequest(host.connection, signer=chain, nonce=NONCE, context=CONTEXT)
    with pytest.raises(SignatureMismatch, match="slot 2's leaf has no ECDSA_P384 key, which"):
        request.accept(reply)


def test_a_refused_challenge_leaves_m1m2_as_it_is() -> None:
    request, _, host = asked()
    with pytest.raises(PeerErrorReply):
        request.accept(error(0x13, 0x05))
    assert len(host.connection.transcript.part(Part.B)) == 2
