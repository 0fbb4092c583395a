"""TDISP of the client, over a socket."""

from hosting import offering
from tdisp import FUNCTION, VENDOR, linked_device
from unit.serve.loopback import serving

from emulator.client import connect
from emulator.device.tdi import LockFlags, TdiState
from emulator.entropy import Seeded
from emulator.requester import root_port


async def test_an_interface_runs_through_a_socket() -> None:
    device = linked_device()
    assert device.ide is not None
    async with (
        serving(device) as (_, port),
        connect("127.0.0.1", port, entropy=Seeded(1), offer=offering()) as client,
    ):
        await client.connect()
        async with client.session() as session:
            told = await session.ide.query()
            for stream in device.ide.ports[0].link:
                stream.enable(on=True)
            for number in (0, 0x40):
                await session.ide.bring_up(root_port(told.blocks), stream=number)
            tdi = session.interface(FUNCTION)
            assert await tdi.version() == (0x10,)
            flags = (await tdi.capabilities()).lock_flags_supported
            assert LockFlags.BIND_P2P in flags
            nonce = await tdi.lock(flags, stream=0)
            report = await tdi.report()
            await tdi.start(nonce)
            assert await tdi.state() is TdiState.RUN
            await tdi.bind(0x40)
            await tdi.unbind(0x40)
            await tdi.share(report.ranges[1], shared=True)
            assert await tdi.vendor(0, VENDOR) == b"yes"
            await tdi.stop()
            assert await tdi.state() is TdiState.CONFIG_UNLOCKED
