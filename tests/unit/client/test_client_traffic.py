"""An attestation that sends TLPs through the stream it has brought up."""

from collections.abc import Callable

import pytest
from asking import ROOTS
from chains import AT
from hosting import offering
from judging import failed
from unit.client.test_client_link import linked, listening
from unit.serve.loopback import serving

from emulator.client import connect
from emulator.client.link import RootPort, link
from emulator.device import Device
from emulator.entropy import Seeded
from emulator.errors import EmulatorError
from emulator.link import End
from emulator.requester import Sessions, Verdict
from emulator.requester.traffic import OnLink

SESSIONS = Sessions(key_exchange=True, ide=True, traffic=True)


async def judged(
    device: Device, *, bend: Callable[[bytes], bytes] | None = None, within: float = 30.0
) -> Verdict:
    async with (
        serving(device) as (_, port),
        connect("127.0.0.1", port, entropy=Seeded(1), offer=offering()) as client,
        listening(device) as at,
        link(*at, end=End("root port"), timeout=within) as line,
    ):
        client.link = line
        if bend is not None:
            carry = line.carry

            async def bent(request: OnLink) -> bytes:
                return await carry(OnLink(bend(request), awaited=request.awaited))

            line.carry = bent  # type: ignore[method-assign]
        return await client.attest(trust=ROOTS, at=AT, sessions=SESSIONS)


async def test_memory_is_written_and_read() -> None:
    device = linked()
    verdict = await judged(device)
    assert verdict.ok, failed(verdict)
    step = verdict.step("session ide traffic")
    assert step.detail == "64 bytes written, and read back as they were"
    assert device.ide is not None
    assert device.ide.memory.read(0, 64).hex() == step.evidence["written"]


async def test_a_tlp_that_was_changed() -> None:
    device = linked()
    verdict = await judged(device, bend=lambda tlp: tlp[:-1] + bytes((tlp[-1] ^ 1,)), within=0.2)
    assert failed(verdict)[0] == "session ide traffic"
    assert "nothing came over the link within 0.2 s" in verdict.step("session ide traffic").detail
    assert device.ide is not None
    assert device.ide.ports[0].selective[0].failed


async def test_a_device_without_memory() -> None:
    device = linked()
    assert device.ide is not None
    device.ide.memory.size = 0
    verdict = await judged(device)
    assert failed(verdict) == ["session ide traffic"]
    assert "completed with status 1, 0 bytes" in verdict.step("session ide traffic").detail


async def test_memory_that_forgets() -> None:
    device = linked()
    assert device.ide is not None
    device.ide.memory.write = lambda *_: None  # type: ignore[method-assign]
    verdict = await judged(device)
    assert failed(verdict) == ["session ide traffic"]
    assert verdict.step("session ide traffic").detail.endswith(f"{bytes(64).hex()} read back")


async def test_a_stream_that_is_not_secure() -> None:
    device = linked()
    assert device.ide is not None
    for stream in device.ide.streams():
        stream.enable(on=False)
    verdict = await judged(device, within=0.2)
    assert failed(verdict)[:2] == ["session ide stream", "session ide traffic"]


async def test_there_must_be_a_link() -> None:
    device = linked()
    async with (
        serving(device) as (_, port),
        connect("127.0.0.1", port, entropy=Seeded(1), offer=offering()) as client,
    ):
        assert not isinstance(client.link, RootPort)
        with pytest.raises(EmulatorError, match="there is no link for TLPs to go over"):
            await client.attest(trust=ROOTS, at=AT, sessions=SESSIONS)
