"""Recorded conversations of DMTF's emulators: what the responder signed verifies with our requests.

The requests are built anew and must be the recorded bytes; the recorded replies are accepted by the
same code that asks a live device. Measurements inside secure sessions are recorded in plain text
beside the conversation, and are signed over the same negotiation.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from support import require_or_skip

from emulator.ask import (
    ChallengeRequest,
    MeasurementsRequest,
    PeerChain,
    read_chain,
)
from emulator.errors import SignatureMismatch
from emulator.spdm.algorithms import HASHES, MEASUREMENT_HASHES, SIGNATURES, by_bit
from emulator.spdm.capabilities import RESPONDER_MASK
from emulator.spdm.codes import Code
from emulator.spdm.connection import Connection
from emulator.spdm.messages import (
    LAYOUTS,
    Algorithms,
    Capabilities,
    Certificate,
    Challenge,
    GetMeasurements,
)
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.messages.vendor import LARGE_PAYLOAD, VendorDefined
from emulator.spdm.negotiation import Negotiated
from emulator.spdm.state import State
from emulator.spdm.transcript import Entry, Part
from emulator.transport import doe
from emulator.wire import Shape, decode, encode, parse

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
NAMES = ("v12_p384", "v12_p384_hs_encrypted", "v13_p384", "v12_rsassa3072_ffdhe3072")
HASH_SIZE = 48
SLOTS_AT = 3

pytestmark = pytest.mark.vectors


@dataclass
class Recording:
    """A recorded conversation up to its first session.

    Attributes:
        hashes: what the responder logged that it signed.
        connection: as it stood when the conversation was negotiated.
        chains: those that were fetched, by slot.
        exchanges: all requests and replies in the clear, padding included.
        sessions: GET_MEASUREMENTS and MEASUREMENTS inside sessions.
    """

    hashes: dict[str, list[str]]
    connection: Connection
    chains: dict[int, PeerChain] = field(default_factory=dict)
    exchanges: list[tuple[bytes, bytes]] = field(default_factory=list)
    sessions: list[tuple[bytes, bytes]] = field(default_factory=list)

    def first(self, code: Code) -> int:
        """Where the first request of this code stands."""
        return next(at for at, (request, _) in enumerate(self.exchanges) if request[1] == code)


def clear(recorded: dict[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    objects = [doe.parse(bytes.fromhex(frame)) for frame in recorded["frames"]]
    for request, reply in zip(objects[::2], objects[1::2], strict=True):
        if request.kind == reply.kind == doe.DataObjectType.CMA_SPDM:
            yield request.payload, reply.payload


def own(raw: bytes, signature: int = 96) -> bytes:
    """A message without padding; its signature has `signature` bytes."""
    shape = Shape(0x10 if raw[1] in {Code.GET_VERSION, Code.VERSION} else raw[0], HASH_SIZE)
    if raw[1] == Code.CHALLENGE_AUTH:
        shape = replace(shape, signature=signature, summary=HASH_SIZE)
    _, end = decode(LAYOUTS[raw[1]], raw, shape)
    if raw[0] == 0x13 and raw[1] == Code.DIGESTS:
        # With several keys four bytes a slot follow, which our own requests never ask for:
        # key pair, certificate information, and a mask of usages.
        end += 4 * raw[SLOTS_AT].bit_count()
    return raw[:end]


def negotiated(exchanges: list[tuple[bytes, bytes]]) -> Connection:
    """The connection that the first three exchanges agreed on."""
    connection = Connection(version=exchanges[1][0][0], state=State.NEGOTIATED)
    shape = connection.shape()
    theirs, _ = parse(Capabilities, exchanges[1][1], shape, slack=3)
    chosen, _ = parse(Algorithms, exchanges[2][1], shape, slack=3)
    connection.peer_capabilities = theirs.flags & RESPONDER_MASK[connection.version]
    connection.algorithms = Negotiated(
        measurement_specification=chosen.measurement_specification,
        measurement_hash=by_bit(MEASUREMENT_HASHES, chosen.measurement_hash),
        asym=by_bit(SIGNATURES, chosen.base_asym),
        hash=by_bit(HASHES, chosen.base_hash),
        other_params=chosen.other_params & 0x03,
    )
    for exchange in exchanges[:3]:
        connection.transcript.append(Part.A, (Entry(own(raw)) for raw in exchange))
    return connection


def chains(exchanges: list[tuple[bytes, bytes]]) -> dict[int, PeerChain]:
    """The chains that came in one piece."""
    found = {}
    for request, reply in exchanges:
        if request[1] == Code.GET_CERTIFICATE:
            certificate, _ = decode(Certificate, reply, Shape(reply[0]))
            assert certificate.remainder_length == 0
            slot = certificate.slot & SLOT_MASK
            found[slot] = read_chain(slot, certificate.portion, "SHA_384")
    return found


@pytest.fixture(params=NAMES)
def recording(request: pytest.FixtureRequest) -> Recording:
    path = VECTORS / f"{request.param}.json"
    require_or_skip(path.exists(), f"recorded conversations are needed in {VECTORS}")
    recorded = json.loads(path.read_text())
    exchanges = list(clear(recorded))
    plain = [bytes.fromhex(text)[2:] for _, text in recorded["plaintext"]]
    measured = [raw for raw in plain if raw[1] in {Code.GET_MEASUREMENTS, Code.MEASUREMENTS}]
    return Recording(
        hashes=recorded,
        connection=negotiated(exchanges),
        chains=chains(exchanges),
        exchanges=exchanges,
        sessions=list(zip(measured[::2], measured[1::2], strict=True)),
    )


def signature_size(recording: Recording) -> int:
    """Bytes of a signature of the algorithm negotiated."""
    asym = recording.connection.algorithms.asym
    assert asym is not None
    return asym.size


def challenged(recording: Recording) -> tuple[ChallengeRequest, bytes]:
    """The recorded challenge, built anew, and its reply."""
    at = recording.first(Code.CHALLENGE)
    connection = recording.connection
    for exchange in recording.exchanges[recording.first(Code.GET_DIGESTS) : at]:
        connection.transcript.append(Part.B, (Entry(own(raw)) for raw in exchange))
    raw, reply = recording.exchanges[at]
    asked, _ = decode(Challenge, raw, connection.shape())
    request = ChallengeRequest(
        connection,
        signer=recording.chains[asked.slot],
        nonce=asked.nonce,
        context=asked.context,
        summary_type=SummaryType(asked.summary_type),
    )
    assert request.raw == own(raw)
    return request, reply


def measured(recording: Recording, raw: bytes) -> MeasurementsRequest:
    """A recorded GET_MEASUREMENTS, built anew."""
    connection = recording.connection
    asked, size = decode(GetMeasurements, raw, connection.shape())
    request = MeasurementsRequest(
        connection,
        operation=asked.operation,
        attributes=asked.attributes,
        context=asked.context,
        nonce=asked.nonce,
        signer=recording.chains[asked.slot[0]],
    )
    assert request.raw == raw[:size]
    return request


def test_the_challenge_verifies(recording: Recording) -> None:
    request, reply = challenged(recording)
    found = request.accept(reply)
    assert [found.transcript_hash.hex()] == recording.hashes["m1m2_hash"]


@pytest.mark.parametrize("part", ["nonce", "digests", "signature"])
def test_a_bent_challenge_does_not_verify(recording: Recording, part: str) -> None:
    request, reply = challenged(recording)
    at = {"nonce": 4 + HASH_SIZE, "signature": len(own(reply, signature_size(recording))) - 1}.get(
        part
    )
    if at is not None:
        reply = reply[:at] + bytes((reply[at] ^ 1,)) + reply[at + 1 :]
    else:
        recording.connection.transcript.reset((Part.B,))
    with pytest.raises(SignatureMismatch):
        request.accept(reply)


def test_all_signed_measurements_verify(recording: Recording) -> None:
    clear_one = recording.exchanges[recording.first(Code.GET_MEASUREMENTS)]
    found = []
    for raw, reply in (clear_one, *recording.sessions):
        reading = measured(recording, raw).accept(reply)
        found.append(reading.transcript_hash.hex())
        assert len(reading.measurements) == 8
    assert len(found) == 4
    assert found == recording.hashes["l1l2_hash"]


def test_a_bent_measurement_does_not_verify(recording: Recording) -> None:
    raw, reply = recording.exchanges[recording.first(Code.GET_MEASUREMENTS)]
    bent = bytearray(reply)
    bent[20] ^= 1
    with pytest.raises(SignatureMismatch):
        measured(recording, raw).accept(bytes(bent))


def test_vendor_messages_in_the_large_form_are_read_and_rebuilt() -> None:
    path = VECTORS / "v14_default_mutauth_measall.json"
    require_or_skip(path.exists(), f"recorded conversations are needed in {VECTORS}")
    seen = set()
    for _, text in json.loads(path.read_text())["plaintext"]:
        raw = bytes.fromhex(text)[2:]
        layout = LAYOUTS.get(raw[1])
        if layout is None or not issubclass(layout, VendorDefined):
            continue
        message, end = decode(layout, raw, Shape(raw[0]))
        assert message.attributes == LARGE_PAYLOAD
        assert message.large_payload_length == len(message.payload)
        assert encode(message, Shape(raw[0])) == raw[:end]
        assert end == len(raw)
        seen.add(message.code)
    assert seen == {Code.VENDOR_DEFINED_REQUEST, Code.VENDOR_DEFINED_RESPONSE}
