"""Large messages in chunks, both ends in memory, every version and many sizes."""

import asyncio
from dataclasses import replace

import pytest
from asking import ROOTS
from chains import AT, SAN
from devices import CAPABILITIES, MEASURED, device
from hypothesis import given, settings
from hypothesis import strategies as st
from pair.test_attest import Wire

from emulator.client import Client
from emulator.device import Device, Measurement, Sizes
from emulator.endpoint import Endpoint
from emulator.entropy import Seeded
from emulator.requester import Offer, Requester, Verdict
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.versions import Version

LARGE = 65536
CHUNKED = tuple(version for version in Version if version >= Version.V1_2)
BIG = Measurement(index=6, kind=4, value=bytes(range(256)) * 40, raw=True)


class ChunkWire(Wire):
    """A wire whose ends need not agree while a large message is under way."""

    def agree(self) -> None:
        device_side = self.endpoint.responder.connection
        if device_side.outgoing is None and device_side.incoming is None:
            super().agree()


def chunking(data_transfer: int, transmit: int = 4600) -> Device:
    sizes = Sizes(data_transfer=data_transfer, max_message=LARGE, transmit=transmit)
    return device(
        versions=CHUNKED,
        capabilities=CAPABILITIES | Cap.CHUNK,
        sizes=sizes,
        measurements=(*MEASURED, BIG),
    )


def offer(version: Version, size: int) -> Offer:
    return Offer(
        versions=(version,),
        capabilities=Cap.CHUNK,
        data_transfer_size=size,
        max_message=LARGE,
    )


async def attest(to: Device, ours: Offer) -> tuple[Verdict, list[int]]:
    """The verdict, and the codes of all messages."""
    requester = Requester(Seeded("chunks"), ours)
    codes: list[int] = []
    wire = ChunkWire(Endpoint(to), requester)
    client = Client(requester, wire, observer=lambda _, raw: codes.append(raw[1]))
    verdict = await client.attest(trust=ROOTS, at=AT, expected_san=SAN)
    for frame in wire.frames[1::2]:
        assert len(frame) - 12 - 8 <= min(ours.data_transfer_size, to.sizes.transmit) + 3
    return verdict, codes


@pytest.mark.parametrize("version", CHUNKED)
@pytest.mark.parametrize("size", [42, 43, 100, 4600])
async def test_a_small_requester_attests_a_large_device(version: Version, size: int) -> None:
    verdict, codes = await attest(chunking(4600), offer(version, size))
    assert verdict.ok, [step for step in verdict.steps if step.ok is False]
    assert codes.count(Code.CHUNK_GET) == codes.count(Code.CHUNK_RESPONSE) > 0


@pytest.mark.parametrize("version", CHUNKED)
async def test_a_device_with_a_small_buffer_is_asked_in_chunks(version: Version) -> None:
    verdict, codes = await attest(chunking(42), offer(version, 4600))
    assert verdict.ok, [step for step in verdict.steps if step.ok is False]
    # A challenge has 44 bytes since 1.3; a signed GET_MEASUREMENTS 37 before and 45 since.
    assert codes.count(Code.CHUNK_SEND) == (4 if version >= Version.V1_3 else 0)
    assert codes.count(Code.CHUNK_GET) == 3


@given(st.integers(42, 6000), st.integers(42, 4600), st.integers(42, 6000))
@settings(max_examples=25, deadline=None)
def test_no_size_makes_a_reply_larger_than_its_buffer(
    theirs: int, transmit: int, ours: int
) -> None:
    to = chunking(theirs, transmit)
    verdict, _ = asyncio.run(attest(to, offer(Version.V1_3, ours)))
    assert verdict.ok, [step for step in verdict.steps if step.ok is False]


async def test_without_chunk_a_large_reply_is_refused() -> None:
    ours = replace(offer(Version.V1_3, 4600), capabilities=Cap(0), max_message=4600)
    verdict, codes = await attest(chunking(4600), ours)
    assert "RESPONSE_TOO_LARGE" in str(verdict.to_json())
    assert Code.CHUNK_GET not in codes
