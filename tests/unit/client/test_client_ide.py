"""IDE_KM of the client, over a socket."""

from hosting import offering
from keying import ide
from secured import able_device
from unit.serve.loopback import serving

from emulator.client import connect
from emulator.entropy import Seeded
from emulator.link import PLACES, KeySet, KeyState, Verdict, memory_write
from emulator.requester import root_port

WRITE = memory_write(0x1000, b"data" * 4)


async def test_a_link_is_brought_up_and_down_through_a_socket() -> None:
    device = able_device()
    device.ide = ide()
    async with (
        serving(device) as (_, port),
        connect("127.0.0.1", port, entropy=Seeded(1), offer=offering()) as client,
    ):
        await client.connect()
        async with client.session() as session:
            told = await session.ide.query(7)
            assert told.max_port == 7
            root, end = root_port(told.blocks), device.ide.ports[7]
            await session.ide.bring_up(root, stream=0, port=7)
            assert end.receive(root.send(WRITE)[0]).tlp == WRITE
            await session.ide.bring_up(root, stream=0, port=7, key_set=KeySet.K1)
            assert end.receive(root.send(WRITE)[0]).verdict is Verdict.PROTECTED
            await session.ide.tear_down(root, stream=0, port=7, key_set=KeySet.K1)
            assert not end.selective[0].secure
            place = PLACES[0]
            await session.ide.program(place, bytes(32), stream=0x40, port=7)
            await session.ide.go(place, stream=0x40, port=7)
            assert end.link[0].key_state(place) is KeyState.IN_USE
            await session.ide.stop(place, stream=0x40, port=7)
            assert not end.link[0].keyed
