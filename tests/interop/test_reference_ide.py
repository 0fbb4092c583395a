"""Our requester's IDE_KM with DMTF's spdm_responder_emu.

Its sample device takes every key and tells registers that are all zero, which is less than a stream
has: it is asked what it is like, as it forgets a port otherwise, and taken for what it then does.
"""

from datetime import UTC, datetime

import pytest
from interop.test_reference_responder import HINT, RESPONDER, failed, responder, roots
from linking import end

from emulator.errors import BrokenReply
from emulator.link import KeySet
from emulator.requester import Offer, Sessions, for_sessions
from emulator.spdm.capabilities import Cap
from emulator.spdm.versions import BY_TEXT

pytestmark = pytest.mark.reference

PORT, STREAM = 1, 0
VERSIONS = ("1.1", "1.2", "1.3", "1.4")


@pytest.fixture(scope="module", autouse=True)
def _responder() -> None:
    if not RESPONDER:
        pytest.skip(HINT)


def offer(version: str) -> Offer:
    return for_sessions(Offer(versions=(BY_TEXT[version],)), Cap.KEY_EX)


@pytest.mark.parametrize("version", VERSIONS)
async def test_keys_are_brought_refreshed_and_taken_away(version: str) -> None:
    async with responder("--ver", version, "--mut_auth", "NO", offer=offer(version)) as client:
        await client.connect()
        async with client.session() as session:
            with pytest.raises(BrokenReply, match="found 74 registers where its streams have 2"):
                await session.ide.query(PORT)
            root = end("root port", stream=STREAM)
            for key_set in (KeySet.K0, KeySet.K1, KeySet.K0):
                await session.ide.bring_up(root, stream=STREAM, port=PORT, key_set=key_set)
                assert root.selective[0].secure
            await session.ide.tear_down(root, stream=STREAM, port=PORT)
            assert not root.selective[0].secure


async def test_an_attestation_says_what_its_registers_lack() -> None:
    async with responder("--mut_auth", "NO", offer=offer("1.4")) as client:
        verdict = await client.attest(
            trust=roots("ECDSA_P384"),
            at=datetime.now(UTC),
            sessions=Sessions(key_exchange=True, ide=True),
        )
    assert [name for name, _ in failed(verdict)] == ["session ide query"]
