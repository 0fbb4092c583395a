"""A fault armed over MQTT is seen by the very next exchange of whoever is connected."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop.mosquitto import Mosquitto
from interop.mqtt_support import Watcher, broker_at, emulating, watching
from interop.qemu_support import GET_VERSION, ServedDevice, qemu_with

from emulator.client.socket import SocketChannel
from emulator.transport import doe

BUSY = doe.spdm_object(bytes.fromhex("107f0300"))
RULE = {"name": "busy", "on": {"message": "GET_VERSION"}, "do": ["busy"]}


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


async def arm(watcher: Watcher) -> None:
    command = {"op": "faults.add", "args": {"rules": [RULE]}}
    answer = await watcher.ask("device/left/command", command)
    assert answer["ok"] is True, answer


async def clear(watcher: Watcher) -> None:
    answer = await watcher.ask("device/left/command", {"op": "faults.clear"})
    assert answer["ok"] is True, answer


async def test_an_open_connection_sees_it_next(mosquitto: Mosquitto) -> None:
    async with (
        watching(mosquitto) as watcher,
        emulating(broker_at(mosquitto.port), "left") as emulator,
    ):
        await watcher.until(lambda: (watcher.last("emulator/one/status") or {}).get("devices"))
        channel = await SocketChannel.open("127.0.0.1", emulator.port("left"))
        try:
            version = await channel.exchange(GET_VERSION)
            assert version[9] == 0x04
            await arm(watcher)
            assert await channel.exchange(GET_VERSION) == BUSY
            await watcher.until(lambda: watcher.last("device/left/event/fault/fired"))
            assert watcher.last("device/left/event/fault/fired")["rule"] == "busy"
            await clear(watcher)
            assert await channel.exchange(GET_VERSION) == version
        finally:
            await channel.close()


@pytest.mark.qemu
async def test_a_qemu_that_is_attached_sees_it_next(mosquitto: Mosquitto) -> None:
    async with (
        watching(mosquitto) as watcher,
        emulating(broker_at(mosquitto.port), "left") as emulator,
    ):
        async with qemu_with(ServedDevice(emulator.port("left"))) as qemu:
            mailbox = await qemu.mailbox()
            version = await mailbox.exchange(GET_VERSION)
            assert version[9] == 0x04
            await arm(watcher)
            assert await mailbox.exchange(GET_VERSION) == BUSY
            await asyncio.wait_for(clear(watcher), 5)
            assert await mailbox.exchange(GET_VERSION) == version
        connections = [
            said["connection"] for topic, said in watcher.heard if topic.endswith("/connection/up")
        ]
        assert connections == [1]
