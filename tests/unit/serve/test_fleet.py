"""Devices that come and go in one process."""

import pytest
from devices import GET_VERSION
from unit.serve.loopback import Client, served, serving

from emulator import events
from emulator.serve.fleet import Fleet, FleetError


class Ear:
    """Hears all."""

    listening = True

    def __init__(self) -> None:
        self.heard: list[events.Event] = []

    def tell(self, event: events.Event) -> None:
        self.heard.append(event)


async def test_devices_come_and_go() -> None:
    ear = Ear()
    fleet = Fleet(ear)
    one = served("one")
    assert one.at == ""
    await fleet.start(one)
    _, port = one.bound or ("", 0)
    assert one.at == f"127.0.0.1:{port}"
    client = await Client.connect(port)
    assert (await client.ask(GET_VERSION))[1] == 0x04
    assert [made.number for made in one.connections()] == [1]
    assert (len(fleet), list(fleet)) == (1, [one])
    await fleet.stop("one", "enough")
    assert await client.ended() == b""
    with pytest.raises(ConnectionRefusedError):
        await Client.connect(port)
    await client.close()
    assert [event.KIND for event in ear.heard] == [
        "device.up",
        "connection.up",
        "step",
        "connection.down",
        "device.down",
    ]


async def test_each_device_has_a_name_of_its_own() -> None:
    fleet = Fleet()
    await fleet.start(served("one"))
    with pytest.raises(FleetError, match="two devices are called one"):
        await fleet.start(served("one"))
    await fleet.close()
    assert not fleet.served


async def test_an_address_that_is_taken_leaves_no_device_behind() -> None:
    async with serving() as (_, taken):
        fleet = Fleet()
        with pytest.raises(OSError, match="in use"):
            await fleet.start(served("one", port=taken))
        assert not fleet.served


async def test_a_unix_socket_is_told_as_such(tmp_path: object) -> None:
    fleet = Fleet()
    one = served("one", host=f"unix:{tmp_path}/one.sock")
    await fleet.start(one)
    assert one.at == f"unix:{tmp_path}/one.sock"
    await fleet.close()
