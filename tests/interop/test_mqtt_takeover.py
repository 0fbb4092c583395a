"""Emulators as processes of their own on one fleet: last wills, handing out and taking over."""

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from interop.mosquitto import Mosquitto
from interop.mqtt_support import Watcher, watching
from interop.serving import COMMAND

from emulator.client import connect
from emulator.pki.authority import sample_roots

PROFILES = ("nvme-ssd", "linux-cma", "nvme-ssd", "nvme-ssd")
DEVICES = ("nvme-ssd", "linux-cma", "nvme-ssd-2", "nvme-ssd-3")

SOON = 5.0
"""Seconds in which devices are back, on a machine that does other things too."""


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


@contextmanager
def emulator(mosquitto: Mosquitto, name: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """`serve` on the broker, as a process; it is ended if it has not been."""
    url = f"mqtt://127.0.0.1:{mosquitto.port}"
    command = [str(COMMAND), "serve", "--port", "0", "--mqtt", url, "--name", name]
    command += ["--fleet-name", "lab", *options, *PROFILES]
    log = (mosquitto.folder / f"{name}.log").open("ab")
    with log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def served_by(watcher: Watcher) -> dict[str, str]:
    """The devices that are there, each with its emulator."""
    told = {device: watcher.last(f"device/{device}/status") for device in DEVICES}
    return {device: said["emulator"] for device, said in told.items() if said and said["online"]}


async def attest(watcher: Watcher, device: str) -> None:
    """The device is good, where its status says it is."""
    host, _, port = watcher.last(f"device/{device}/status")["address"].rpartition(":")
    async with connect(host, int(port)) as client:
        assert (await client.attest(trust=sample_roots(), at=datetime.now(UTC))).ok


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_who_ends_is_told_gone_with_every_device(
    mosquitto: Mosquitto, number: signal.Signals
) -> None:
    async with watching(mosquitto) as watcher:
        with emulator(mosquitto, "one") as process:
            await watcher.until(lambda: len(served_by(watcher)) == len(DEVICES))
            assert watcher.last("emulator/one/status")["online"] is True
            process.send_signal(number)
            await watcher.until(lambda: not served_by(watcher), within=SOON)
            await watcher.until(lambda: not watcher.last("emulator/one/status")["online"])
    for device in DEVICES:
        status = mosquitto.retained(f"spdm/v1/lab/device/{device}/status")
        assert status is not None
        assert '"online":false' in status
    goodbye = watcher.last("emulator/one/event/emulator/down")
    assert (goodbye is not None) is (number == signal.SIGTERM)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_the_devices_of_a_lost_emulator_are_taken_over(
    mosquitto: Mosquitto, number: signal.Signals
) -> None:
    async with watching(mosquitto) as watcher:
        with (
            emulator(mosquitto, "one", "--mqtt-share") as one,
            emulator(mosquitto, "two", "--mqtt-share"),
        ):
            await watcher.until(lambda: len(served_by(watcher)) == len(DEVICES), within=20)
            assert {*served_by(watcher).values()} == {"one", "two"}
            for device in DEVICES:
                await attest(watcher, device)
            one.send_signal(number)
            everything = dict.fromkeys(DEVICES, "two")
            await watcher.until(lambda: served_by(watcher) == everything, within=SOON)
            for device in DEVICES:
                await attest(watcher, device)
                assert watcher.last(f"device/{device}/owner")["emulator"] == "two"
            with emulator(mosquitto, "one", "--mqtt-share"):
                await watcher.until(lambda: watcher.last("emulator/one/status")["online"])
                await asyncio.sleep(1.5)
                assert served_by(watcher) == everything


async def test_each_takes_as_many_as_it_has_room_for(mosquitto: Mosquitto) -> None:
    async with watching(mosquitto) as watcher:
        with emulator(mosquitto, "one", "--mqtt-share", "--mqtt-room", "1"):
            await watcher.until(lambda: len(served_by(watcher)) == 1, within=20)
            await asyncio.sleep(2.5)
            assert [*served_by(watcher).values()] == ["one"]
            assert watcher.last("emulator/one/status")["room"] == 0
            with emulator(mosquitto, "two", "--mqtt-share", "--mqtt-room", "2"):
                await watcher.until(lambda: len(served_by(watcher)) == 3, within=20)
                assert sorted(served_by(watcher).values()) == ["one", "two", "two"]
            await watcher.until(lambda: [*served_by(watcher).values()] == ["one"], within=SOON)


async def test_nothing_moves_when_a_broker_is_restarted_that_forgot(mosquitto: Mosquitto) -> None:
    with (
        emulator(mosquitto, "one", "--mqtt-share"),
        emulator(mosquitto, "two", "--mqtt-share"),
    ):
        async with watching(mosquitto) as watcher:
            await watcher.until(lambda: len(served_by(watcher)) == len(DEVICES), within=20)
            before = served_by(watcher)
            address = {one: watcher.last(f"device/{one}/status")["address"] for one in DEVICES}
        host, _, port = address[DEVICES[0]].rpartition(":")
        async with connect(host, int(port)) as client:
            await client.connect()
            mosquitto.kill()
            await asyncio.sleep(1)
            await asyncio.to_thread(mosquitto.start)
            async with watching(mosquitto) as watcher:
                await watcher.until(lambda: served_by(watcher) == before)
                await asyncio.sleep(5)
                assert served_by(watcher) == before
                assert not [topic for topic, _ in watcher.heard if "/offer/" in topic]
                for device in DEVICES:
                    assert watcher.last(f"device/{device}/status")["address"] == address[device]
                    assert watcher.last(f"device/{device}/owner")["emulator"] == before[device]
            await client.digests()  # the connection has not noticed anything
