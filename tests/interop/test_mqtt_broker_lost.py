"""A broker that is killed, comes back, or is not there: devices go on, all is counted."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest
from interop.mosquitto import Mosquitto
from interop.mqtt_support import ROOT, broker_at, emulating, lines_of, until, watching

from emulator.transport import doe
from emulator.transport.spdm_socket import Command, Frame, FrameReader, TransportType

GET_VERSION = Frame(
    Command.NORMAL, TransportType.PCI_DOE, doe.spdm_object(bytes.fromhex("10840000"))
).to_bytes()

QUEUE = 100
"""Events that wait for the broker in these tests; a second of load is more."""


class Load:
    """A requester that asks again and again.

    Attributes:
        lasted: how long each exchange of the current phase took, seconds.
    """

    def __init__(self, port: int) -> None:
        self.lasted: list[float] = []
        self._port = port

    async def run(self) -> None:
        clock = asyncio.get_running_loop().time
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while True:
                began = clock()
                writer.write(GET_VERSION)
                frames = FrameReader()
                while not [*frames.feed(await reader.read(4096))]:
                    pass
                self.lasted.append(clock() - began)
                await asyncio.sleep(0.001)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def phase(self, seconds: float) -> float:
        """Go on for a while; how long all but the slowest hundredth took at most."""
        self.lasted = []
        await asyncio.sleep(seconds)
        assert len(self.lasted) > 100
        return quantiles(self.lasted, n=100)[-1]


def events_in(lines: list[tuple[str, Any]]) -> list[Any]:
    return [said for topic, said in lines if "/event/" in topic]


def once(events: list[Any]) -> list[Any]:
    """Each event once: what was under way when the broker was killed may have come twice."""
    return list({(one["event"], one["sequence"], one.get("total")): one for one in events}.values())


async def test_a_broker_is_killed_and_restarted_under_load(tmp_path: Path) -> None:
    mosquitto = Mosquitto(
        tmp_path,
        "allow_anonymous true",
        "max_inflight_messages 0",
        "persistence true",
        f"persistence_location {tmp_path}/",
    )
    with mosquitto, mosquitto.hearing(f"{ROOT}/#", "-c", "-i", "watcher", "-V", "311") as file:
        broker = broker_at(mosquitto.port, queue=QUEUE)
        async with emulating(broker, "left", "right") as emulator:
            bridge, hub = emulator.bridge, emulator.desk.hub
            await asyncio.wait_for(bridge.connected.wait(), 5)
            load = Load(emulator.port("left"))
            asking = asyncio.create_task(load.run())
            with_broker = await load.phase(1.5)
            assert bridge.events.acknowledged > 100
            mosquitto.send(signal.SIGUSR1)  # it saves what it knows of its clients
            await asyncio.sleep(0.2)
            assert bridge.dropped == 0
            mosquitto.kill()
            without = await load.phase(1.5)
            assert bridge.dropped > 0
            await asyncio.to_thread(mosquitto.start)
            coming_back = await load.phase(2.0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            # No device waited: a generous limit, as the machine may be busy with something else.
            assert without < 5 * with_broker + 0.05
            assert coming_back < 5 * with_broker + 0.05
            await until(lambda: not len(bridge.events))

            def heard(*, drops: bool) -> list[Any]:
                events = once(events_in(lines_of(file)))
                return [one for one in events if (one["event"] == "dropped") is drops]

            await until(lambda: len(heard(drops=False)) + bridge.dropped >= hub.told)
            await until(lambda: sum(one["count"] for one in heard(drops=True)) >= bridge.dropped)
            told, reports, raised = heard(drops=False), heard(drops=True), hub.told
            assert bridge.events.acknowledged == len(told) + len(reports)
        assert len(told) + bridge.dropped == raised
        assert sum(one["count"] for one in reports) == bridge.dropped
        assert max(one["total"] for one in reports) == bridge.dropped
        sequences = [one["sequence"] for one in told]
        assert sequences == sorted(sequences)
        assert max(sequences) == raised - 1


@pytest.mark.parametrize("will", ["device", "emulator"])
async def test_what_is_retained_is_right_after_a_broker_forgot(tmp_path: Path, will: str) -> None:
    with Mosquitto(tmp_path) as mosquitto:
        async with emulating(broker_at(mosquitto.port, last_will=will), "left", "right") as one:
            await asyncio.wait_for(one.bridge.connected.wait(), 5)
            mosquitto.kill()
            await until(lambda: not one.bridge.connected.is_set())
            await one.desk.fleet.stop("right", "meanwhile")
            await asyncio.to_thread(mosquitto.start)
            async with watching(mosquitto, "+/+/status") as watcher:
                await watcher.until(lambda: watcher.last("device/left/status"))
                assert watcher.last("device/left/status")["online"] is True
                await watcher.until(lambda: watcher.last("emulator/one/status"))
                assert watcher.last("emulator/one/status")["devices"] == 1
                assert (watcher.last("device/right/status") or {"online": False})["online"] is False


async def test_a_broker_that_comes_late_gets_what_waited_for_it(tmp_path: Path) -> None:
    mosquitto = Mosquitto(tmp_path)
    async with emulating(broker_at(mosquitto.port), "left") as emulator:
        await emulator.control.call("device.reset", {"devices": ["left"]})
        await asyncio.sleep(0.3)
        assert not emulator.bridge.connected.is_set()
        with mosquitto:
            async with watching(mosquitto) as watcher:
                await watcher.until(lambda: watcher.last("device/left/event/device/reset"))
                await watcher.until(lambda: watcher.last("device/left/status"))
            assert emulator.bridge.dropped == 0


async def test_a_broker_that_stands_still_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.control.mqtt.link.PATIENCE", 0.5)
    with Mosquitto(tmp_path) as mosquitto:
        async with emulating(broker_at(mosquitto.port, queue=QUEUE), "left") as emulator:
            bridge = emulator.bridge
            await asyncio.wait_for(bridge.connected.wait(), 5)
            mosquitto.send(signal.SIGSTOP)
            await emulator.control.call("device.reset", {"devices": ["left"]})
            await until(lambda: not bridge.connected.is_set())
            mosquitto.send(signal.SIGCONT)
            await until(bridge.connected.is_set)
            await until(lambda: not len(bridge.events))
            assert bridge.events.acknowledged == emulator.desk.hub.told
