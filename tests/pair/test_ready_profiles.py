"""Every sound ready profile, attested in memory with every version and way of reading it has."""

import pytest
from asking import ROOTS
from chains import AT
from pair.test_large_messages import LARGE, ChunkWire

from emulator.client import Client
from emulator.endpoint import Endpoint
from emulator.entropy import Seeded
from emulator.pki.authority import sample_roots
from emulator.profile import build, load, ready
from emulator.requester import Offer, Requester, Verdict
from emulator.requester.reading import MeasurementMode
from emulator.spdm.capabilities import Cap
from emulator.spdm.versions import Version

MISBEHAVING = {"chaos", "downgrade-attacker", "flaky-link", "revoked-device", "slow-device"}
"""What these do is told in `unit/faults/test_ready_faults.py`."""

SOUND = [name for name in ready() if name not in MISBEHAVING]


async def attest(
    name: str,
    offer: Offer,
    *,
    measurements: MeasurementMode = "all",
    raw: bool = False,
    slot: int | None = None,
) -> tuple[Verdict, list[int]]:
    """The verdict on a new device of this profile, and the codes of all messages."""
    loaded = load(name, at=AT)
    device = build(loaded, entropy=Seeded("ready"), at=AT)
    requester = Requester(Seeded("pair"), offer)
    codes: list[int] = []
    wire = ChunkWire(Endpoint(device), requester)
    client = Client(requester, wire, observer=lambda _, message: codes.append(message[1]))
    verdict = await client.attest(
        trust=[*ROOTS, *sample_roots()],
        at=AT,
        expected_san=device.identity.san,
        measurements=measurements,
        raw=raw,
        slot=slot,
    )
    wire.agree()
    return verdict, codes


def failed(verdict: Verdict) -> list[tuple[str, str]]:
    return [(step.name, step.detail) for step in verdict.steps if step.ok is False]


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("measurements", ["all", "one-by-one"])
async def test_each_is_what_it_says(name: str, measurements: MeasurementMode) -> None:
    profile = load(name, at=AT).profile
    for text in profile.versions:
        version = next(one for one in Version if one.text == text)
        verdict, _ = await attest(name, Offer(versions=(version,)), measurements=measurements)
        assert failed(verdict) == []
        assert verdict.step("version").evidence["selected"] == text
        count = len(profile.measurements)
        if count:
            found = verdict.step("measurements").evidence["measurements"]
            assert len(found) == count


@pytest.mark.parametrize("size", [128, 1024])
@pytest.mark.parametrize("version", [Version.V1_2, Version.V1_3])
async def test_gpu_sends_chunks_to_who_takes_little(size: int, version: Version) -> None:
    offer = Offer(
        versions=(version,), capabilities=Cap.CHUNK, data_transfer_size=size, max_message=LARGE
    )
    verdict, codes = await attest("gpu", offer)
    assert failed(verdict) == []
    assert 0x06 in codes  # CHUNK_RESPONSE


@pytest.mark.parametrize("slot", [0, 1, 2])
async def test_gpu_signs_with_the_key_of_each_slot(slot: int) -> None:
    verdict, _ = await attest("gpu", Offer(), slot=slot)
    assert failed(verdict) == []


@pytest.mark.parametrize("name", ["gpu", "cxl-memory"])
async def test_what_can_be_read_is_told(name: str) -> None:
    verdict, _ = await attest(name, Offer(), raw=True)
    assert failed(verdict) == []
    told = verdict.step("measurements").evidence["measurements"]
    # But for digests of what nobody has, everything means something.
    assert [one["type_name"] for one in told if one["text"] is None] == (
        ["hash-extend"] if name == "gpu" else []
    )
    *_, mode = told
    assert mode["decoded"]["operational_mode_state"] == ["normal"]
