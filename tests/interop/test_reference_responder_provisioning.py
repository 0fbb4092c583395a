"""Our requester asks DMTF's spdm_responder_emu about keys: see test_reference_responder.py.

What it is told to install it leaves in its working directory, so it is not told to.
"""

import pytest
from cryptography import x509
from interop.test_reference_responder import HINT, RESPONDER, responder

from emulator.requester import Offer, for_sessions
from emulator.spdm.key_pairs import CertificateModel, KeyUsage
from emulator.spdm.messages.provisioning import KeyPairOperation
from emulator.spdm.versions import BY_TEXT

pytestmark = pytest.mark.reference

VERSIONS = ("1.3", "1.4")


@pytest.fixture(scope="module", autouse=True)
def _responder() -> None:
    if not RESPONDER:
        pytest.skip(HINT)


def offer(version: str, *, several: bool = False) -> Offer:
    return for_sessions(Offer(versions=(BY_TEXT[version],), multi_key=several))


@pytest.mark.parametrize("version", ["1.2", *VERSIONS])
async def test_a_certificate_signing_request(version: str) -> None:
    async with responder("--ver", version, "--mut_auth", "NO", offer=offer(version)) as client:
        await client.connect()
        assert x509.load_der_x509_csr(await client.csr()).is_signature_valid


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("inside", [False, True])
async def test_key_pairs(*, version: str, inside: bool) -> None:
    async with responder("--ver", version, "--mut_auth", "NO", offer=offer(version)) as client:
        await client.connect()
        told = await client.key_pair(1)
        assert told.usage == KeyUsage.KEY_EX
        change, erase = KeyPairOperation.CHANGE, KeyPairOperation.ERASE
        if inside:
            async with client.session() as session:
                await session.run(session.session.set_key_pair(1, change, slots=0))
                await session.run(session.session.set_key_pair(1, erase))
                assert (await session.key_pair(1)).key_type == ""
        else:
            await client.run(client.requester.set_key_pair(1, change, slots=0))
            await client.run(client.requester.set_key_pair(1, erase))
            assert (await client.key_pair(1)).key_type == ""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transport", ["doe", "mctp", "tcp"])
async def test_a_session_where_several_keys_are_used(version: str, transport: str) -> None:
    """Its transcript has DIGESTS, which tell of the keys."""
    several = offer(version, several=True)
    async with responder(
        "--ver", version, "--mut_auth", "NO", offer=several, transport=transport
    ) as client:
        assert (await client.connect()).multi_key
        for slot in (0, 4):
            digests = await client.digests()
            assert digests.keys[slot].model == CertificateModel.DEVICE
            await client.certificate(slot)
            await client.challenge(slot)
            async with client.session(slot) as session:
                assert (await session.digests()).keys.keys() == digests.keys.keys()
                assert (await session.measure_all(signed_by=slot)).measurements
