"""Signatures, verified over what was sent and received, with none of the product's own code.

What is covered: libspdm `library/spdm_common_lib/libspdm_com_context_data.c`,
`libspdm_reset_message_buffer_via_request_code`, and `libspdm_com_crypto_service.c`.
"""

import pytest
from cryptography.exceptions import InvalidSignature
from devices import (
    Peer,
    challenge,
    error,
    get_certificate,
    get_digests,
    get_measurements,
    negotiated,
    vendor_request,
)
from unit.responder.refusals import Build
from unit.responder.verifying import said, verify

from emulator.spdm.state import State
from emulator.vendor import Registry, VendorExchange

both = pytest.mark.parametrize("version", [0x12, 0x13], ids=["1.2", "1.3"])
A = (0, 1, 2)  # VERSION, CAPABILITIES, ALGORITHMS


@both
@pytest.mark.parametrize(
    ("asym", "base_hash", "scheme", "hash_name"),
    [
        (0x10, 0x01, "ECDSA_P256", "SHA_256"),
        (0x10, 0x02, "ECDSA_P256", "SHA_384"),
        (0x80, 0x01, "ECDSA_P384", "SHA_256"),
        (0x80, 0x02, "ECDSA_P384", "SHA_384"),
    ],
)
def test_every_pair_of_algorithms(
    version: int, asym: int, base_hash: int, scheme: str, hash_name: str
) -> None:
    peer = Peer(version=version).climb(State.AUTHENTICATED, asym=asym, base_hash=base_hash)
    verify(said(peer, *A, 3, 4, 5), scheme=scheme, hash_name=hash_name)
    peer.good(get_measurements(version, signed=True))
    verify(said(peer, *A, 6), scheme=scheme, hash_name=hash_name)


@both
@pytest.mark.parametrize("slot", [0, 2])
@pytest.mark.parametrize("summary", [0x00, 0x01, 0xFF])
def test_the_slots_own_key_signs(version: int, slot: int, summary: int) -> None:
    peer = negotiated(version=version)
    peer.good(challenge(version, slot=slot, summary=summary))
    verify(said(peer, *A, 3), slot=slot)
    peer.good(get_measurements(version, 1, signed=True, slot=slot))
    verify(said(peer, *A, 4), slot=slot)
    with pytest.raises(InvalidSignature):
        verify(said(peer, *A, 4), slot=2 - slot)


@both
def test_all_that_was_read_is_covered(version: int) -> None:
    peer = negotiated(version=version)
    peer.good(get_digests(version))
    for offset in range(0, 1500, 500):
        peer.good(get_certificate(version, offset=offset, length=500))
    peer.good(get_certificate(version, slot=2))
    peer.good(challenge(version))
    verify(said(peer, *A, 3, 4, 5, 6, 7, 8))


@both
def test_padding_is_not_covered(version: int) -> None:
    peer = negotiated(version=version)
    peer.good(get_digests(version) + b"\xff")
    peer.good(challenge(version) + b"\xff\xff\xff")
    request, reply = peer.said[-1]
    plain = [(get_digests(version), peer.said[3][1]), (request[:-3], reply)]
    verify([*said(peer, *A), *plain])
    peer.good(get_measurements(version) + b"\xff")
    peer.good(get_measurements(version, signed=True) + b"\xff\xff")
    plain = [(request[:-n], reply) for n, (request, reply) in enumerate(said(peer, -2, -1), 1)]
    verify([*said(peer, *A), *plain])


@both
def test_get_digests_starts_b_anew(version: int) -> None:
    peer = negotiated(version=version)
    peer.good(get_digests(version))
    peer.good(get_certificate(version))
    peer.good(get_digests(version))
    peer.good(get_certificate(version, slot=2))
    peer.good(challenge(version))
    verify(said(peer, *A, 5, 6, 7))


@both
def test_get_certificate_alone_continues_b(version: int) -> None:
    peer = negotiated(version=version)
    peer.good(get_certificate(version))
    peer.good(get_certificate(version))
    peer.good(challenge(version))
    verify(said(peer, *A, 3, 4, 5))


@both
def test_a_second_challenge_covers_what_came_since_the_first(version: int) -> None:
    peer = Peer(version=version).climb(State.AUTHENTICATED)
    peer.good(challenge(version))
    verify(said(peer, *A, 6))
    peer.good(get_certificate(version))
    peer.good(challenge(version))
    verify(said(peer, *A, 7, 8))


@both
def test_measuring_before_the_challenge_gives_up_b(version: int) -> None:
    peer = Peer(version=version).climb(State.AFTER_CERTIFICATE)
    peer.good(get_measurements(version))
    peer.good(get_certificate(version))
    peer.good(challenge(version))
    verify(said(peer, *A, 6, 7))


@both
def test_measuring_after_the_challenge_does_not(version: int) -> None:
    peer = Peer(version=version).climb(State.AUTHENTICATED)
    peer.good(get_digests(version))
    peer.good(get_measurements(version, signed=True))
    peer.good(challenge(version))
    verify(said(peer, *A, 6, 8))


@both
@pytest.mark.parametrize(
    "refused",
    [
        lambda v: challenge(v, slot=1),
        lambda v: get_certificate(v, slot=1),
        lambda v: get_digests(v) + bytes(4),
        lambda v: bytes((v, 0xE4, 0, 0)),
        lambda v: get_measurements(v, 0x77),
        lambda v: get_digests(v ^ 0x01),
        lambda _v: bytes.fromhex("11840000"),
    ],
)
def test_what_was_refused_is_not_covered_and_gives_up_nothing(version: int, refused: Build) -> None:
    peer = Peer(version=version).climb(State.AFTER_CERTIFICATE)
    assert peer.ask(refused(version))[1] == 0x7F
    peer.good(challenge(version))
    verify(said(peer, *A, 3, 4, 6))


@both
def test_a_signed_measurement_covers_the_reading(version: int) -> None:
    peer = negotiated(version=version)
    for operation in (0, 1, 2, 0xFF):
        peer.good(get_measurements(version, operation))
    peer.good(get_measurements(version, 3, signed=True))
    verify(said(peer, *A, 3, 4, 5, 6, 7))
    peer.good(get_measurements(version, 3, signed=True))
    verify(said(peer, *A, 8))


OTHERS = {
    "GET_DIGESTS": get_digests,
    "GET_CERTIFICATE": get_certificate,
    "CHALLENGE": challenge,
}


@both
@pytest.mark.parametrize("other", OTHERS)
def test_any_other_request_accepted_starts_l1l2_anew(version: int, other: str) -> None:
    peer = negotiated(version=version)
    peer.good(get_measurements(version, 1))
    peer.good(OTHERS[other](version))
    peer.good(get_measurements(version, signed=True))
    verify(said(peer, *A, 5))


class Echo:
    """A vendor protocol that says again what it heard, or nothing to an empty payload."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes | None:
        del exchange
        return payload or None


@both
@pytest.mark.parametrize("payload", [b"hello", b""])
def test_a_vendors_request_starts_l1l2_anew_and_is_not_covered(
    version: int, payload: bytes
) -> None:
    vendors = Registry()
    vendors.add(3, b"\x01\x00", Echo())
    peer = negotiated(version=version, vendors=vendors)
    peer.good(get_digests(version))
    peer.good(get_measurements(version, 1))
    peer.exchange(vendor_request(version, payload=payload))
    peer.good(get_measurements(version, signed=True))
    verify(said(peer, *A, -1))


@both
@pytest.mark.parametrize(
    "refused",
    [
        lambda v: get_certificate(v, slot=1),
        lambda v: get_digests(v ^ 0x01),
        lambda v: bytes((v, 0xE4, 0, 0)),
        lambda _v: bytes.fromhex("11840000"),
        vendor_request,
    ],
)
def test_any_other_request_refused_does_not(version: int, refused: Build) -> None:
    peer = negotiated(version=version)
    peer.good(get_measurements(version, 1))
    assert peer.ask(refused(version))[1] == 0x7F
    peer.good(get_measurements(version, signed=True))
    verify(said(peer, *A, 3, 5))


@both
@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (lambda v: get_measurements(v, 0x77), 0x01),
        (lambda v: get_measurements(v, signed=True, slot=1), 0x01),
        (lambda v: get_measurements(v) + bytes(4), 0x01),
        (lambda v: get_measurements(v ^ 0x01), 0x41),
        (lambda v: get_measurements(v, signed=True)[:20], 0x01),
    ],
)
def test_any_error_to_get_measurements_starts_l1l2_anew(
    version: int, refused: Build, code: int
) -> None:
    peer = negotiated(version=version)
    peer.good(get_measurements(version, 1))
    assert peer.ask(refused(version)) == error(version, code)
    peer.good(get_measurements(version, signed=True))
    verify(said(peer, *A, 5))


def test_one_flipped_bit_anywhere_is_noticed() -> None:
    """The verification in these tests can fail."""
    peer = Peer().climb(State.AUTHENTICATED)
    exchanges = said(peer, *A, 3, 4, 5)
    for index, (request, reply) in enumerate(exchanges):
        changed = list(exchanges)
        changed[index] = (request[:3] + bytes((request[3] ^ 1,)) + request[4:], reply)
        with pytest.raises(InvalidSignature):
            verify(changed)
