"""Our requester against the identities that DMTF's spdm_responder_emu can have.

As in test_reference_responder.py, whose helpers start it.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from interop.test_reference_responder import FOLDERS, HINT, RESPONDER, failed, judge, responder

from emulator.client import Client
from emulator.crypto.keys import VerifyingKey
from emulator.requester import Offer, Verdict
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages.certificates import LARGE_CHAIN
from emulator.spdm.transcript import Part
from emulator.spdm.versions import BY_TEXT

pytestmark = pytest.mark.reference


@pytest.fixture(scope="module", autouse=True)
def _responder() -> None:
    if not RESPONDER:
        pytest.skip(HINT)


def options(version: str, *more: str, asym: str = "ECDSA_P384") -> tuple[str, ...]:
    return ("--ver", version, "--asym", asym, "--hash", "SHA_384", *more)


async def judge_key(client: Client, asym: str) -> Verdict:
    """By the public half of the responder's sample key."""
    path = Path(RESPONDER).parent / FOLDERS[asym] / "end_responder.key.pub.der"
    keys = VerifyingKey.read(path.read_bytes())
    return await client.attest(trust=(), at=datetime.now(UTC), public_keys=keys)


@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3", "1.4"])
@pytest.mark.parametrize("asym", ["ECDSA_P384", "RSASSA_3072"])
async def test_a_responder_known_by_its_public_key(version: str, asym: str) -> None:
    async with responder(*options(version, "--slot_id", "0xFF", asym=asym)) as client:
        verdict = await judge_key(client, asym)
    assert failed(verdict) == []
    assert verdict.step("public key").ok
    assert verdict.step("challenge signature").ok
    assert verdict.step("measurement signature").ok


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4"])
async def test_alias_certificates(version: str) -> None:
    more = ("--cap", "CERT,CHAL,MEAS_SIG,MEAS_FRESH,ALIAS_CERT")
    async with responder(*options(version, *more)) as client:
        verdict = await judge(client, "ECDSA_P384")
    assert failed(verdict) == []
    assert "ALIAS_CERT" in verdict.step("capabilities").evidence["flags"]


async def test_chains_are_read_in_the_large_form() -> None:
    async with responder(*options("1.4")) as client:
        await client.connect()
        connection = client.requester.connection
        assert Cap.LARGE_RESP in connection.peer_capabilities
        await client.certificate(0)
        request, reply = connection.transcript.part(Part.B)[:2]
        assert request.raw[2] == reply.raw[2] == LARGE_CHAIN
        await client.challenge(0)


@pytest.mark.parametrize("version", ["1.3", "1.4"])
async def test_the_size_of_a_slot(version: str) -> None:
    offer = Offer(versions=(BY_TEXT[version],))
    async with responder(*options(version), offer=offer) as client:
        await client.connect()
        assert await client.slot_size(0) > 0
