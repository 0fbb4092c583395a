"""Our requester asks DMTF's spdm_responder_emu for its log and for what it is.

See test_reference_responder.py.
"""

from datetime import UTC, datetime

import pytest
from interop.test_reference_responder import HINT, RESPONDER, responder, roots

from emulator.requester import Offer, for_sessions
from emulator.spdm.versions import BY_TEXT

pytestmark = [pytest.mark.reference, pytest.mark.skipif(not RESPONDER, reason=HINT)]

FLAGS = "CERT,CHAL,MEAS_SIG,MEAS_FRESH,ENCRYPT,MAC,KEY_EX,HBEAT,KEY_UPD,MEL,EP_INFO_SIG"
LOGGED = [(9, True), (9, True), (6, True)]
"""The types of its sample's entries; all are raw."""
CLASS = (0, b"", (b"\x12\x34\x56",))


@pytest.mark.parametrize("version", ["1.3", "1.4"])
@pytest.mark.parametrize("transport", ["doe", "mctp", "tcp"])
async def test_the_log_and_what_it_is(version: str, transport: str) -> None:
    offer = for_sessions(Offer(versions=(BY_TEXT[version],), asym=("ECDSA_P384",)))
    async with responder("--cap", FLAGS, offer=offer, transport=transport) as client:
        verdict = await client.attest(trust=roots("ECDSA_P384"), at=datetime.now(UTC))
        log = verdict.step("measurement log")
        assert log.ok, log.detail
        assert [(one["type"], one["raw"]) for one in log.evidence["entries"]] == LOGGED
        endpoint = verdict.step("endpoint info")
        assert (endpoint.ok, endpoint.detail) == (True, "DMTF 123456, signed")
        async with client.session() as session:
            inside = await session.measurement_log()
            assert [(one.kind, one.raw) for one in inside] == LOGGED
            [told] = (await session.endpoint_info(signed_by=0)).classes
            assert (told.registry, told.vendor, told.subordinates) == CLASS
