"""Events, retained status, last will and commands over a real mosquitto."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from interop.mosquitto import Mosquitto
from interop.mqtt_support import ROOT, broker_at, emulating, until, watching

from emulator.client import connect
from emulator.pki.authority import sample_roots


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


@pytest.mark.parametrize("will", ["device", "emulator"])
async def test_devices_are_there_and_gone(mosquitto: Mosquitto, will: str) -> None:
    broker = broker_at(mosquitto.port, last_will=will)
    async with watching(mosquitto) as watcher:
        async with emulating(broker, "left", "right") as emulator:
            await watcher.until(lambda: watcher.last("device/right/status"))
            address = f"127.0.0.1:{emulator.port('right')}"
            assert watcher.last("device/right/status") == {
                "v": 1, "online": True, "device": "right", "emulator": "one",
                "address": address, "profile": "nvme-ssd",
            }  # fmt: skip
            await watcher.until(lambda: watcher.last("emulator/one/status")["devices"] == 2)
            await emulator.desk.fleet.stop("left", "enough")
            await watcher.until(lambda: watcher.last("device/left/status")["online"] is False)
            await watcher.until(lambda: watcher.last("device/left/event/device/down"))
            assert watcher.last("device/right/status")["online"] is True
        await watcher.until(lambda: watcher.last("emulator/one/status")["online"] is False)
        assert watcher.last("device/right/status")["online"] is False


async def test_every_event_of_an_attestation_is_published_in_order(mosquitto: Mosquitto) -> None:
    async with (
        watching(mosquitto, "device/+/event/#") as watcher,
        emulating(broker_at(mosquitto.port), "left") as emulator,
    ):
        async with connect("127.0.0.1", emulator.port("left")) as client:
            await client.attest(trust=sample_roots(), at=datetime.now(UTC))
        await watcher.until(lambda: watcher.last("device/left/event/connection/down"))
        told = [said for _, said in watcher.heard]
        assert [event["sequence"] for event in told] == [*range(len(told))]
        steps = [event["request"] for event in told if event["event"] == "step"]
        assert steps[:3] == ["GET_VERSION", "GET_CAPABILITIES", "NEGOTIATE_ALGORITHMS"]
        assert {event["device"] for event in told} == {"left"}
        assert emulator.bridge.dropped == 0


async def test_only_the_kinds_that_are_wanted_are_published(mosquitto: Mosquitto) -> None:
    broker = broker_at(mosquitto.port, events=["device.*", "faults.changed"])
    async with (
        watching(mosquitto, "device/+/event/#") as watcher,
        emulating(broker, "left") as emulator,
    ):
        async with connect("127.0.0.1", emulator.port("left")) as client:
            await client.attest(trust=sample_roots(), at=datetime.now(UTC))
        await emulator.control.call("device.reset", {"devices": ["left"]})
        await watcher.until(lambda: watcher.last("device/left/event/device/reset"))
        assert {said["event"] for _, said in watcher.heard} == {"device.up", "device.reset"}


async def test_a_command_is_answered_with_its_correlation(mosquitto: Mosquitto) -> None:
    async with (
        watching(mosquitto) as watcher,
        emulating(broker_at(mosquitto.port), "left", "right") as emulator,
    ):
        await watcher.until(emulator.bridge.connected.is_set)
        everything = {"op": "devices.list", "id": 7}
        answer = await watcher.ask("emulator/one/command", everything)
        assert answer["id"] == 7
        assert answer["emulator"] == "one"
        assert [*answer["result"]] == ["left", "right"]
        await watcher.until(lambda: watcher.last("emulator/one/status")["devices"] == 2)
        answer = await watcher.ask("device/left/command", {"op": "devices.list"})
        assert [*answer["result"]] == ["left"]
        assert watcher.tags[-1] == b"tag"
        answer = await watcher.ask("command", {"op": "emulator.info"})
        assert answer["result"]["emulator"] == "one"


@pytest.mark.parametrize(
    ("topic", "payload", "code", "words"),
    [
        ("emulator/one/command", b"{", "invalid", "found no JSON"),
        ("emulator/one/command", b"\xff", "invalid", "found no JSON"),
        ("emulator/one/command", b"[1]", "invalid", "found a list"),
        ("emulator/one/command", b"[" * 100_000, "invalid", "found no JSON"),
        ("emulator/one/command", b'{"op": NaN}', "invalid", "NaN is no JSON"),
        ("emulator/one/command", b"{}", "invalid", "op: found None"),
        ("emulator/one/command", {"op": "x", "args": 3}, "invalid", "args: found 3"),
        ("emulator/one/command", {"op": "x", "more": 3}, "invalid", "the key 'more'"),
        ("emulator/one/command", {"op": "devices.lst"}, "unknown-operation", "devices.list"),
        ("device/left/command", {"op": "emulator.info"}, "invalid", "is of no device"),
        (
            "device/left/command",
            {"op": "device.reset", "args": {"devices": ["*"]}},
            "invalid",
            "as the topic says it",
        ),
        (
            "emulator/one/command",
            {"op": "device.reset", "args": {"devices": ["up"]}},
            "not-found",
            "left",
        ),
        ("emulator/one/command", b" " * ((1 << 20) + 1), "invalid", "expected at most 1048576"),
    ],
)
async def test_a_bad_command_is_answered_with_what_is_wrong(
    mosquitto: Mosquitto, topic: str, payload: object, code: str, words: str
) -> None:
    async with (
        watching(mosquitto) as watcher,
        emulating(broker_at(mosquitto.port), "left") as emulator,
    ):
        await watcher.until(emulator.bridge.connected.is_set)
        answer = await watcher.ask(topic, payload)
        assert answer["ok"] is False
        assert answer["error"]["code"] == code
        assert words in answer["error"]["message"]
        assert (await watcher.ask("command", {"op": "emulator.info"}))["ok"] is True


async def test_a_client_of_mqtt_3_says_in_the_payload_where_the_answer_goes(
    mosquitto: Mosquitto,
) -> None:
    async with emulating(broker_at(mosquitto.port), "left") as emulator:
        await asyncio.wait_for(emulator.bridge.connected.wait(), 5)
        command = {"op": "devices.list", "id": "a", "reply_to": "my/answers"}
        with mosquitto.hearing("my/answers", "-V", "311") as file:
            await asyncio.to_thread(
                mosquitto.publish, f"{ROOT}/command", json.dumps(command), "-V", "311"
            )
            await until(lambda: "my/answers " in file.read_text())
        line = next(one for one in file.read_text().splitlines() if one.startswith("my/"))
        answer = json.loads(line.partition(" ")[2])
        assert answer["id"] == "a"
        assert [*answer["result"]] == ["left"]


async def test_a_retained_command_is_not_carried_out(mosquitto: Mosquitto) -> None:
    command = json.dumps({"op": "emulator.info", "reply_to": f"{ROOT}/answer"})
    mosquitto.publish(f"{ROOT}/command", command, "-r")
    async with (
        watching(mosquitto, "answer", "emulator/+/status") as watcher,
        emulating(broker_at(mosquitto.port), "left") as emulator,
    ):
        await watcher.until(emulator.bridge.connected.is_set)
        await watcher.ask("command", {"op": "emulator.info"})
        assert watcher.last("answer") is None


async def test_a_late_last_will_is_put_right(mosquitto: Mosquitto) -> None:
    async with (
        watching(mosquitto) as watcher,
        emulating(broker_at(mosquitto.port), "left"),
    ):
        await watcher.until(lambda: watcher.last("emulator/one/status"))
        gone = {"v": 1, "online": False, "emulator": "one", "id": "x"}
        await watcher.client.publish(f"{ROOT}/emulator/one/status", json.dumps(gone), qos=1)
        await watcher.until(lambda: watcher.last("emulator/one/status") == gone)
        await watcher.until(lambda: watcher.last("emulator/one/status")["online"])


async def test_too_many_commands_are_refused(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.control.mqtt.bridge.WAITING", 2)
    async with (
        watching(mosquitto) as watcher,
        emulating(broker_at(mosquitto.port), "left") as emulator,
    ):
        await watcher.until(emulator.bridge.connected.is_set)
        go_on = asyncio.Event()

        async def slow(operation: str, arguments: object = None) -> str:
            await go_on.wait()
            return f"{operation} {arguments}"

        monkeypatch.setattr(emulator.control, "call", slow)
        for number in range(5):
            command = {"op": "x", "id": number, "reply_to": f"{ROOT}/answer"}
            await watcher.client.publish(f"{ROOT}/command", json.dumps(command), qos=1)
        await asyncio.sleep(0.3)
        go_on.set()
        topic = f"{ROOT}/answer"
        await watcher.until(lambda: len([1 for where, _ in watcher.heard if where == topic]) == 5)
        answers = [said for where, said in watcher.heard if where == topic]
        assert [one["ok"] for one in answers] == [True, True, True, False, False]
        assert answers[-1]["error"]["code"] == "conflict"


async def test_only_the_operations_that_are_allowed_may_be_called(mosquitto: Mosquitto) -> None:
    broker = broker_at(mosquitto.port, commands=["devices.*", "faults.list"])
    async with (
        watching(mosquitto) as watcher,
        emulating(broker, "left") as emulator,
    ):
        await watcher.until(emulator.bridge.connected.is_set)
        assert (await watcher.ask("command", {"op": "devices.list"}))["ok"] is True
        answer = await watcher.ask("command", {"op": "emulator.stop"})
        words = "op: emulator.stop may not be called here; expected one of devices.*, faults.list"
        assert answer["error"]["message"] == words
