"""Recorded conversations of 1.4: every signature outside sessions, of either side.

One has mutual authentication, by encapsulated requests, and RSAPSS keys on the requester's side;
the other ML-DSA-65, whose large messages come in chunks. What is signed is put together from the
recorded messages by the same code that signs on a device.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import mldsa
from interop import recorded
from interop.recorded import LARGE, Exchange, Recorded, own, unsigned_size

from emulator.ask import PeerChain, read_chain
from emulator.spdm import signing
from emulator.spdm.codes import Code
from emulator.spdm.signing import ToSign
from emulator.spdm.transcript import Entry

pytestmark = pytest.mark.vectors

CLASSIC = "v14_default_mutauth_measall"
ML_DSA = "v14_mldsa65_mlkem768"
ENDPOINT_INFO = "responder-endpoint_info signing"
REQUESTER_CHALLENGE_AUTH = "requester-challenge_auth signing"
REQUESTER_ENDPOINT_INFO = "requester-endpoint_info signing"
MUTUAL_AUTH = 0x80
NO_MORE = 0
REQUEST_FOLLOWS = 1
ACK_HEADER = 8
HEADER = 4
CERTIFICATE_HEADER = 16


@dataclass(frozen=True)
class Signed:
    """A signature of the recording.

    Attributes:
        over: what it covers.
        signature: the signature.
        chain: of the one who signed.
        scheme: the negotiated algorithm.
    """

    over: ToSign
    signature: bytes
    chain: PeerChain
    scheme: str

    @property
    def hash(self) -> str:
        """The hash of the transcript."""
        return self.over.transcript_hash().hex()

    def verifies(self, signature: bytes | None = None) -> bool:
        """Whether it, or another signature in its place, is good."""
        signature = self.signature if signature is None else signature
        if self.scheme != recorded.ML_DSA_65.name:
            key = self.chain.key(self.scheme)
            assert key is not None
            return key.verify(signature, self.over)
        leaf = self.chain.leaf
        assert leaf is not None
        pqc = leaf.pyca.public_key()
        assert isinstance(pqc, mldsa.MLDSA65PublicKey)
        try:
            # The context string stands in the prefix and beside the message, as with Ed448
            # (libspdm `library/spdm_crypt_lib/libspdm_crypt_pqc_asym.c`).
            pqc.verify(signature, self.over.message(), self.over.context.encode())
        except InvalidSignature:
            return False
        return True


def whole(recording: Recorded, request: bytes, reply: bytes) -> PeerChain:
    """The chain of a GET_CERTIFICATE that gave all of it."""
    assert request[2] & LARGE
    assert reply[2] & LARGE
    portion, remainder = struct.unpack_from("<II", reply, 8)
    assert (portion, remainder) == (len(reply) - CERTIFICATE_HEADER, 0)
    return read_chain(request[2] & 0x0F, reply[CERTIFICATE_HEADER:], recording.hash.name)


def chain(recording: Recorded, exchanges: list[Exchange], slot: int) -> PeerChain:
    """The chain of a slot, as it was fetched first."""
    return next(
        whole(recording, request, reply)
        for request, reply in exchanges
        if request[1] == Code.GET_CERTIFICATE and request[2] & 0x0F == slot
    )


def signed(
    recording: Recorded,
    before: list[Exchange],
    exchange: Exchange,
    context: str,
    by: tuple[PeerChain, str],
) -> Signed:
    """What the reply of `exchange` signs: the negotiation, what came `before`, and itself."""
    request, reply = exchange
    end = unsigned_size(recording, reply, request)
    messages = [raw for pair in (*recording.exchanges[:3], *before) for raw in pair]
    view = tuple(Entry(raw) for raw in (*messages, request, reply[:end]))
    over = ToSign(recording.version, context, recording.hash.name, view)
    return Signed(over, reply[end:], *by)


def encapsulated(recording: Recorded, start: int) -> list[Exchange]:
    """The requests to the requester, and its replies, from GET_ENCAPSULATED_REQUEST on."""
    request, reply = recording.exchanges[start]
    assert request[1] == Code.GET_ENCAPSULATED_REQUEST
    assert reply[1] == Code.ENCAPSULATED_REQUEST
    found = []
    asked = reply[HEADER:]
    assert recording.req_asym.name == "RSAPSS_3072"
    for request, reply in recording.exchanges[start + 1 :]:
        assert request[1] == Code.DELIVER_ENCAPSULATED_RESPONSE
        assert reply[1] == Code.ENCAPSULATED_RESPONSE_ACK
        inner = own(recording, asked)
        answer = own(recording, request[HEADER:], inner, signature=recording.req_asym.size)
        found.append((inner, answer))
        if reply[3] == NO_MORE:
            break
        assert reply[3] == REQUEST_FOLLOWS
        asked = reply[ACK_HEADER:]
    return found


def challenge(recording: Recorded) -> Signed:
    at = recording.first(Code.CHALLENGE)
    exchange = recording.exchanges[at]
    key = chain(recording, recording.exchanges, exchange[0][2])
    return signed(
        recording,
        recording.exchanges[3:at],
        exchange,
        signing.CHALLENGE_AUTH,
        (key, recording.asym.name),
    )


def measurements(recording: Recorded, exchange: Exchange) -> Signed:
    slot = exchange[0][HEADER + recorded.NONCE]
    key = chain(recording, recording.exchanges, slot)
    exchange = own(recording, exchange[0]), own(recording, exchange[1], exchange[0])
    by = key, recording.asym.name
    return signed(recording, [], exchange, signing.MEASUREMENTS, by)


def clear_measurements(recording: Recorded) -> Signed:
    return measurements(recording, recording.exchanges[recording.first(Code.GET_MEASUREMENTS)])


def session_measurements(at: int) -> Callable[[Recorded], Signed]:
    return lambda recording: measurements(recording, recording.sessions[at])


def endpoint_info(recording: Recorded) -> Signed:
    exchange = recording.exchanges[recording.first(Code.GET_ENDPOINT_INFO)]
    key = chain(recording, recording.exchanges, exchange[0][3])
    return signed(recording, [], exchange, ENDPOINT_INFO, (key, recording.asym.name))


def requester_challenge(recording: Recorded) -> Signed:
    start = recording.first(Code.CHALLENGE) + 1
    exchanges = encapsulated(recording, start)
    codes = [request[1] for request, _ in exchanges]
    assert codes == [Code.GET_DIGESTS, Code.GET_CERTIFICATE, Code.CHALLENGE]
    key = chain(recording, exchanges, exchanges[-1][0][2])
    by = key, recording.req_asym.name
    return signed(recording, exchanges[:-1], exchanges[-1], REQUESTER_CHALLENGE_AUTH, by)


def requester_endpoint_info(recording: Recorded) -> Signed:
    first = recording.first(Code.GET_ENCAPSULATED_REQUEST)
    own_chain = chain(recording, encapsulated(recording, first), 0)
    start = recording.first(Code.GET_ENDPOINT_INFO) + 1
    (exchange,) = encapsulated(recording, start)
    by = own_chain, recording.req_asym.name
    return signed(recording, [], exchange, REQUESTER_ENDPOINT_INFO, by)


COMMON = {
    "CHALLENGE_AUTH": challenge,
    "MEASUREMENTS": clear_measurements,
    "MEASUREMENTS, session 1": session_measurements(0),
    "MEASUREMENTS, session 2": session_measurements(1),
    "MEASUREMENTS, session 3": session_measurements(2),
}
SIGNATURES = {
    CLASSIC: {
        **COMMON,
        "ENDPOINT_INFO": endpoint_info,
        "requester's CHALLENGE_AUTH": requester_challenge,
        "requester's ENDPOINT_INFO": requester_endpoint_info,
    },
    ML_DSA: COMMON,
}
ROWS = [(name, what) for name, rows in SIGNATURES.items() for what in rows]


@pytest.mark.parametrize(("name", "what"), ROWS)
def test_every_signature_verifies(name: str, what: str) -> None:
    found = SIGNATURES[name][what](recorded.read(name))
    assert found.verifies()


@pytest.mark.parametrize(("name", "what"), ROWS)
def test_no_other_verifies(name: str, what: str) -> None:
    found = SIGNATURES[name][what](recorded.read(name))
    bent = bytearray(found.signature)
    bent[20] ^= 1
    assert not found.verifies(bytes(bent))
    found.over.view = found.over.view[1:]
    assert not found.verifies()


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_transcripts_are_those_logged(name: str) -> None:
    recording = recorded.read(name)
    assert [challenge(recording).hash] == recording.facts["m1m2_hash"]
    exchanges = (
        recording.exchanges[recording.first(Code.GET_MEASUREMENTS)],
        *recording.sessions,
    )
    found = [measurements(recording, exchange).hash for exchange in exchanges]
    assert found == recording.facts["l1l2_hash"]


def test_one_side_asks_for_mutual_authentication() -> None:
    classic, pqc = recorded.read(CLASSIC), recorded.read(ML_DSA)
    replies = [one.exchanges[one.first(Code.CHALLENGE)][1] for one in (classic, pqc)]
    assert [reply[2] & MUTUAL_AUTH for reply in replies] == [MUTUAL_AUTH, 0]


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_digests_are_those_of_the_chains(name: str) -> None:
    recording = recorded.read(name)
    _, digests = recording.exchanges[recording.first(Code.GET_DIGESTS)]
    slots = [slot for slot in range(8) if digests[recorded.SLOTS_AT] >> slot & 1]
    size = recording.hash.size
    for slot in (0, 4):
        digest = digests[HEADER + slots.index(slot) * size :][:size]
        assert chain(recording, recording.exchanges, slot).digest == digest
