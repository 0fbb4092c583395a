"""Recorded conversations of 1.1 to 1.3: what the responder signed verifies with our requests.

The requests are built anew and must be the recorded bytes; the recorded replies are accepted by the
same code that asks a live device. Measurements inside secure sessions are recorded in plain text
beside the conversation, and are signed over the same negotiation.
"""

import pytest
from interop import recorded
from interop.recorded import Recorded, own, unsigned_size

from emulator.ask import (
    ChallengeRequest,
    MeasurementsRequest,
    PeerChain,
    read_chain,
)
from emulator.errors import SignatureMismatch
from emulator.spdm.algorithms import MEASUREMENT_HASHES, by_bit
from emulator.spdm.capabilities import RESPONDER_MASK
from emulator.spdm.codes import Code
from emulator.spdm.connection import Connection
from emulator.spdm.messages import Capabilities, Certificate, Challenge, GetMeasurements
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.negotiation import Negotiated
from emulator.spdm.state import State
from emulator.spdm.transcript import Entry, Part
from emulator.wire import Shape, decode, parse

pytestmark = pytest.mark.vectors


@pytest.fixture(params=[name for name in recorded.NAMES if not name.startswith("v14")])
def recording(request: pytest.FixtureRequest) -> Recorded:
    return recorded.read(request.param)


@pytest.fixture
def connection(recording: Recorded) -> Connection:
    """The connection that the first three exchanges agreed on."""
    connection = Connection(version=recording.version, state=State.NEGOTIATED)
    shape = connection.shape()
    theirs, _ = parse(Capabilities, recording.exchanges[1][1], shape)
    agreed = recording.agreed
    connection.peer_capabilities = theirs.flags & RESPONDER_MASK[connection.version]
    connection.algorithms = Negotiated(
        measurement_specification=agreed.measurement_specification,
        measurement_hash=by_bit(MEASUREMENT_HASHES, agreed.measurement_hash),
        asym=recording.asym,
        hash=recording.hash,
        other_params=agreed.other_params & 0x03,
    )
    for exchange in recording.exchanges[:3]:
        connection.transcript.append(Part.A, map(Entry, exchange))
    return connection


@pytest.fixture
def chains(recording: Recorded) -> dict[int, PeerChain]:
    """The chains, which came in one piece."""
    found = {}
    for request, reply in recording.exchanges:
        if request[1] == Code.GET_CERTIFICATE:
            certificate, _ = decode(Certificate, reply, Shape(reply[0]))
            assert certificate.remainder_length == 0
            slot = certificate.slot & SLOT_MASK
            found[slot] = read_chain(slot, certificate.portion, recording.hash.name)
    return found


@pytest.fixture
def challenged(
    recording: Recorded, connection: Connection, chains: dict[int, PeerChain]
) -> tuple[ChallengeRequest, bytes]:
    """The recorded challenge, built anew, and its reply."""
    at = recording.first(Code.CHALLENGE)
    for exchange in recording.exchanges[recording.first(Code.GET_DIGESTS) : at]:
        connection.transcript.append(Part.B, map(Entry, exchange))
    raw, reply = recording.exchanges[at]
    asked, _ = decode(Challenge, raw, connection.shape())
    request = ChallengeRequest(
        connection,
        signer=chains[asked.slot],
        nonce=asked.nonce,
        context=asked.context,
        summary_type=SummaryType(asked.summary_type),
    )
    assert request.raw == raw
    return request, reply


def measured(
    connection: Connection, chains: dict[int, PeerChain], raw: bytes
) -> MeasurementsRequest:
    """A recorded GET_MEASUREMENTS, built anew."""
    asked, size = decode(GetMeasurements, raw, connection.shape())
    request = MeasurementsRequest(
        connection,
        operation=asked.operation,
        attributes=asked.attributes,
        context=asked.context,
        nonce=asked.nonce,
        signer=chains[asked.slot[0]],
    )
    assert request.raw == raw[:size]
    return request


def test_the_challenge_verifies(
    recording: Recorded, challenged: tuple[ChallengeRequest, bytes]
) -> None:
    request, reply = challenged
    found = request.accept(reply)
    assert [found.transcript_hash.hex()] == recording.facts["m1m2_hash"]


@pytest.mark.parametrize("part", ["nonce", "digests", "signature"])
def test_a_bent_challenge_does_not_verify(
    recording: Recorded,
    connection: Connection,
    challenged: tuple[ChallengeRequest, bytes],
    part: str,
) -> None:
    request, reply = challenged
    at = {"nonce": 4 + recording.hash.size, "signature": len(reply) - 1}.get(part)
    if at is not None:
        reply = reply[:at] + bytes((reply[at] ^ 1,)) + reply[at + 1 :]
    else:
        connection.transcript.reset((Part.B,))
    with pytest.raises(SignatureMismatch):
        request.accept(reply)


def test_all_signed_measurements_verify(
    recording: Recorded, connection: Connection, chains: dict[int, PeerChain]
) -> None:
    clear_one = recording.exchanges[recording.first(Code.GET_MEASUREMENTS)]
    found = []
    for raw, reply in (clear_one, *recording.sessions):
        reading = measured(connection, chains, raw).accept(own(recording, reply, raw))
        found.append(reading.transcript_hash.hex())
        assert len(reading.measurements) == 8
    assert len(found) == 4
    assert found == recording.facts["l1l2_hash"]


def test_a_bent_measurement_does_not_verify(
    recording: Recorded, connection: Connection, chains: dict[int, PeerChain]
) -> None:
    raw, reply = recording.exchanges[recording.first(Code.GET_MEASUREMENTS)]
    bent = bytearray(reply)
    bent[20] ^= 1
    assert unsigned_size(recording, reply, raw) > 20
    with pytest.raises(SignatureMismatch):
        measured(connection, chains, raw).accept(bytes(bent))
