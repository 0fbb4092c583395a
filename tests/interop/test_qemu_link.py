"""Keys for the link through the DOE mailbox of a real QEMU, and what is measured of it.

Attested, in a session, with keys at both ends: TLPs go over the link and are answered, and the
measurements show the stream; then one TLP is changed on its way, and they show that, too.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from interop.qemu_support import ServedDevice, qemu_with
from unit.serve.loopback import until

from emulator.client import Client, SessionClient
from emulator.client.link import link
from emulator.crypto import hashes
from emulator.device import Device
from emulator.device.measured_state import StateOf, at_rest
from emulator.entropy import Seeded
from emulator.errors import NoResponse
from emulator.link import End, memory_write
from emulator.pki.authority import sample_roots
from emulator.profile import build, load
from emulator.requester import Offer, Requester, Sessions, for_sessions, root_port
from emulator.serve.link import LinkListener
from emulator.serve.listener import Listener
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages.measurements import ContentChanged

pytestmark = pytest.mark.qemu

INDEX, FUNCTION = 7, 0xBEEF
SECURE = b"IDE1\x01\0\0\0" + bytes((0, 0, 2, 0x11))
FAILED = b"IDE1\x01\0\0\0" + bytes((0, 0, 0, 0x90))
DATA = b"under the key..!"


@dataclass
class Held:
    """A device behind QEMU's mailbox, and where its link is."""

    client: Client
    device: Device
    link: tuple[str, int]


@asynccontextmanager
async def behind_qemu() -> AsyncIterator[Held]:
    now = datetime.now(UTC)
    device = build(load("everything", at=now), entropy=Seeded("qemu link"), at=now)
    listener, line = Listener(device), LinkListener(lambda: device.ide)
    _, port = await listener.start("127.0.0.1", 0)
    at = await line.start("127.0.0.1", 0)
    try:
        async with qemu_with(ServedDevice(port)) as qemu:
            offer = for_sessions(Offer(), Cap.KEY_EX)
            requester = Requester(Seeded("qemu link"), offer)
            yield Held(Client(requester, await qemu.mailbox()), device, at)
    finally:
        await line.stop()
        await listener.stop()


async def measured(session: SessionClient, *, raw: bool) -> bytes:
    """What the measurement of the link is, under a good signature."""
    found = await session.measure_all(raw=raw)
    assert found.readings[-1].content_changed == ContentChanged.UNCHANGED
    [value] = [one.value for one in found.measurements if one.index == INDEX]
    return value


async def test_from_attestation_to_a_tampered_tlp() -> None:
    async with behind_qemu() as held:
        client = held.client
        verdict = await client.attest(trust=sample_roots(), at=datetime.now(UTC))
        assert verdict.ok, [(step.name, step.detail) for step in verdict.steps if not step.ok]
        chosen = client.requester.connection.algorithms.measurement_hash
        assert chosen is not None
        async with client.session() as session:
            digest = hashes.digest(chosen.name, at_rest(StateOf.IDE))
            assert await measured(session, raw=False) == digest
            root = root_port((await session.ide.query()).blocks)
            assert held.device.ide is not None
            theirs = held.device.ide.ports[0].selective[0]
            await session.ide.bring_up(root, stream=0)
            async with link(*held.link, end=root) as line:
                await line.write(0x100, DATA)
                assert await line.read(0x100, len(DATA)) == DATA
                assert await measured(session, raw=True) == SECURE
                assert await measured(session, raw=False) == hashes.digest(chosen.name, SECURE)

                (tlp,) = root.send(memory_write(0x100, bytes(16)))
                await line.send_raw(tlp[:-1] + bytes((tlp[-1] ^ 1,)))
                await until(lambda: not theirs.secure)
                line.timeout = 0.2
                with pytest.raises(NoResponse):  # what follows is dropped
                    await line.read(0x100, len(DATA))
            assert root.selective[0].secure
            [block] = (await session.ide.query()).blocks
            assert block.status == 0x8000_0000
            assert await measured(session, raw=True) == FAILED
            assert await measured(session, raw=False) == hashes.digest(chosen.name, FAILED)
        assert held.device.ide.memory.read(0x100, len(DATA)) == DATA


async def test_an_attestation_of_all_of_it() -> None:
    async with behind_qemu() as held:
        sessions = Sessions(key_exchange=True, ide=True, traffic=True, tdisp=FUNCTION)
        async with link(*held.link, end=End("root port")) as line:
            held.client.link = line
            verdict = await held.client.attest(
                trust=sample_roots(), at=datetime.now(UTC), sessions=sessions
            )
    assert verdict.ok, [(step.name, step.detail) for step in verdict.steps if step.ok is False]
    assert verdict.step("session ide traffic").ok
    assert verdict.step("session measured link").detail == (
        "index 7 has IDE: port 0 stream 0 Secure, under K0;"
        " index 8 has TDISP: function 0xbeef RUN with stream 0"
    )
    assert [step.name for step in verdict.steps if step.ok is None] == ["chain: leaf name"]
