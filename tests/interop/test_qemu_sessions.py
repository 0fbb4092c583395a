"""Sessions with our device through the DOE mailbox of a real QEMU; there is no guest."""

from datetime import UTC, datetime

import pytest
from interop.qemu_support import ServedDevice, qemu_with
from interop.serving import serving

from emulator.client import Client
from emulator.entropy import Seeded
from emulator.pki.authority import sample_roots
from emulator.requester import Offer, Requester, Sessions, for_sessions
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.versions import BY_TEXT

pytestmark = pytest.mark.qemu

HINT, KEY = b"TestPskHint\0", b"TestPskData\0"
MEASURED = 6
HOW = Cap.KEY_EX | Cap.PSK


@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3", "1.4"])
@pytest.mark.parametrize("handshake", ["encrypted", "clear"])
async def test_an_attestation_with_sessions(version: str, handshake: str) -> None:
    how = HOW | Cap.HANDSHAKE_IN_THE_CLEAR if handshake == "clear" else HOW
    offer = for_sessions(Offer(versions=(BY_TEXT[version],)), how)
    with serving("secure-session") as (port,):
        async with qemu_with(ServedDevice(port)) as qemu:
            client = Client(Requester(Seeded("qemu sessions"), offer), await qemu.mailbox())
            verdict = await client.attest(
                trust=sample_roots(),
                at=datetime.now(UTC),
                sessions=Sessions(key_exchange=True, psk={HINT: KEY}),
            )
    assert verdict.ok, [(step.name, step.detail) for step in verdict.steps if step.ok is False]
    assert [step.name for step in verdict.steps if step.ok is None] == ["chain: leaf name"]
    assert verdict.step("session").evidence["handshake"] == handshake
    for name in ("session end", "psk session end", "session key update", "session comparison"):
        assert verdict.step(name).ok


async def test_sessions_side_by_side_and_their_keys() -> None:
    with serving("secure-session") as (port,):
        async with qemu_with(ServedDevice(port)) as qemu:
            offer = for_sessions(Offer(), HOW)
            client = Client(Requester(Seeded("qemu sessions"), offer), await qemu.mailbox())
            await client.connect()
            async with client.session() as one, client.psk_session(HINT, KEY) as other:
                for operation in (KeyOperation.UPDATE_KEY, KeyOperation.UPDATE_ALL_KEYS):
                    for session in (one, other, one):
                        await session.update_keys(operation)
                        assert len((await session.measure_all()).measurements) == MEASURED
                        await session.heartbeat()
                        await client.measurements()
            assert client.requester.connection.sessions == {}
