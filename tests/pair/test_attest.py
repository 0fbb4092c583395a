"""The client and a real endpoint back to back, frame by frame, without a socket between them."""

import itertools
from dataclasses import replace
from datetime import datetime
from functools import cache

import pytest
from asking import ROOTS
from chains import AT, SAN
from devices import device

from emulator.client import Client
from emulator.device import CertificateChain, Device, Sizes, Slot
from emulator.endpoint import Endpoint, Send, carried_out
from emulator.entropy import Seeded
from emulator.errors import NoResponse
from emulator.pki.authority import NOT_AFTER, NOT_BEFORE, sample_authority
from emulator.pki.issue import issue
from emulator.requester import Direction, Offer, Requester, Verdict
from emulator.requester.reading import MeasurementMode
from emulator.spdm.algorithms import HASHES, SIGNATURES
from emulator.spdm.transcript import Part, differ
from emulator.spdm.versions import Version
from emulator.transport.binding import Binding
from emulator.transport.doe import DOE
from emulator.transport.spdm_socket import Command, Frame, FrameReader, TransportType

MATRIX = itertools.product(
    tuple(Version),
    ("ECDSA_P256", "ECDSA_P384"),
    ("SHA_256", "SHA_384"),
    ("all", "one-by-one", "none"),
)


EVERY_PAIR = itertools.product(
    (Version.V1_2, Version.V1_3),
    [row.name for row in SIGNATURES if row.offered],
    [row.name for row in HASHES if row.offered],
)


@cache
def sample_chain(asym: str) -> CertificateChain:
    """A chain of the sample authority for this signature algorithm."""
    made = issue(
        sample_authority(asym), san=SAN, common_name="a device", secret=b"pair",
        not_before=NOT_BEFORE, not_after=NOT_AFTER,
    )  # fmt: skip
    return CertificateChain(made.certificates, made.root, made.key.under(asym))


class Wire:
    """A channel straight into an endpoint; after every exchange both ends must agree.

    Attributes:
        frames: every frame that passed.
    """

    def __init__(self, endpoint: Endpoint, requester: Requester) -> None:
        self.endpoint = endpoint
        self.requester = requester
        self.frames: list[bytes] = []
        self._reader = FrameReader()

    binding: Binding = DOE

    async def exchange(self, payload: bytes) -> bytes:
        """Through the endpoint and back."""
        self.agree()
        frame = Frame(Command.NORMAL, TransportType.PCI_DOE, payload).to_bytes()
        (action,) = carried_out(self.endpoint, self.endpoint.receive(frame, 0.0), 0.0)
        assert isinstance(action, Send)
        self.frames += [frame, action.data]
        (reply,) = self._reader.feed(action.data)
        if not reply.payload:
            raise NoResponse("an empty frame")
        return reply.payload

    def agree(self) -> None:
        """Both ends have recorded the same, and agreed on the same."""
        ours, theirs = self.requester.connection, self.endpoint.responder.connection
        for part in Part:
            assert differ(ours.transcript.part(part), theirs.transcript.part(part)) is None, part
        assert ours.state == theirs.state
        assert ours.algorithms == theirs.algorithms
        assert ours.peer_capabilities == theirs.local_capabilities
        assert ours.local_capabilities == theirs.peer_capabilities

    async def close(self) -> None:
        """Nothing is open."""


class Told:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[tuple[Direction, bytes]] = []

    def __call__(self, direction: Direction, raw: bytes) -> None:
        self.messages.append((direction, raw))


async def attest(
    to: Device,
    offer: Offer | None = None,
    *,
    measurements: MeasurementMode = "all",
    at: datetime = AT,
) -> tuple[Verdict, Wire, Told]:
    requester = Requester(Seeded("pair"), offer or Offer())
    wire, told = Wire(Endpoint(to), requester), Told()
    client = Client(requester, wire, observer=told)
    verdict = await client.attest(trust=ROOTS, at=at, expected_san=SAN, measurements=measurements)
    wire.agree()
    return verdict, wire, told


@pytest.mark.parametrize(("version", "asym", "base_hash", "measurements"), list(MATRIX))
async def test_both_ends_agree_all_the_way(
    version: Version, asym: str, base_hash: str, measurements: MeasurementMode
) -> None:
    offer = Offer(versions=(version,), asym=(asym,), hashes=(base_hash,))
    verdict, _, _ = await attest(device(versions=tuple(Version)), offer, measurements=measurements)
    assert verdict.ok, [step for step in verdict.steps if step.ok is False]
    assert verdict.step("version").evidence["selected"] == version.text


@pytest.mark.parametrize(("version", "asym", "base_hash"), list(EVERY_PAIR))
async def test_every_pair_of_algorithms(version: Version, asym: str, base_hash: str) -> None:
    held = sample_chain(asym)
    to = device(asym=(asym,), base_hash=(base_hash,), slots={0: ()})
    to = replace(to, slots={0: Slot({asym: held})})
    offer = Offer(versions=(version,))
    requester = Requester(Seeded("pair"), offer)
    wire = Wire(Endpoint(to), requester)
    verdict = await Client(requester, wire).attest(trust=[held.root], at=AT, expected_san=SAN)
    wire.agree()
    assert verdict.ok, [step for step in verdict.steps if step.ok is False]
    assert verdict.step("algorithms").evidence["asym"] == asym
    assert verdict.step("algorithms").evidence["hash"] == base_hash


async def test_the_same_seeds_give_the_same_bytes() -> None:
    runs = [(await attest(device()))[1].frames for _ in range(2)]
    assert runs[0] == runs[1]


async def test_a_chain_in_many_portions() -> None:
    to = device(sizes=Sizes(data_transfer=4600, max_message=4600, certificate_portion=100))
    verdict, _, told = await attest(to)
    assert verdict.ok
    assert sum(raw[1] == 0x82 for _, raw in told.messages) == 18


async def test_a_requester_that_takes_little() -> None:
    # MEASUREMENTS with all blocks does not fit; CHALLENGE_AUTH does.
    offer = Offer(data_transfer_size=300, max_message=300)
    verdict, wire, _ = await attest(device(), offer)
    failed = [step.name for step in verdict.steps if step.ok is False]
    assert failed == ["measurements"]
    assert "RESPONSE_TOO_LARGE" in verdict.step("measurements").detail
    # One by one each of them fits.
    verdict, wire, _ = await attest(device(), offer, measurements="one-by-one")
    assert verdict.ok
    assert max(map(len, wire.frames)) <= 12 + 8 + 300


async def test_connecting_again_on_the_same_connection() -> None:
    requester = Requester(Seeded("pair"))
    wire = Wire(Endpoint(device()), requester)
    client = Client(requester, wire)
    for _ in range(3):
        verdict = await client.attest(trust=ROOTS, at=AT)
        assert verdict.ok
        wire.agree()
