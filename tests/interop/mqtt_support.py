"""What tests of MQTT share: an emulator with devices, in this event loop, on a real broker."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
from interop.mosquitto import Mosquitto
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from emulator.control.desk import Desk
from emulator.control.hub import Hub
from emulator.control.local import LocalControl
from emulator.control.mqtt import Bridge, Dialer, bridged
from emulator.control.recordings import Recordings
from emulator.entropy import Seeded
from emulator.profile.broker import Broker
from emulator.profile.recipe import Recipe
from emulator.serve.fleet import Fleet, Served

FLEET = "lab"
ROOT = f"spdm/v1/{FLEET}"
PATIENCE = 40.0


@dataclass
class Emulator:
    """An emulator in this process."""

    desk: Desk
    control: LocalControl
    bridge: Bridge

    def port(self, device: str) -> int:
        """Where a device listens."""
        bound = self.desk.fleet.served[device].bound
        assert bound is not None
        return bound[1]


def broker_at(port: int, **settings: Any) -> Broker:
    """A broker of the tests, with little patience."""
    said = {"host": "127.0.0.1", "port": port, "keepalive": 2, "longest_wait": 0.5}
    return Broker.model_validate(said | settings)


def served(name: str) -> Served:
    """A device of this name that is to be served somewhere."""
    at = datetime.now(UTC)
    recipe = Recipe("nvme-ssd", name=name)
    loaded = recipe.load(at=at)
    return Served(recipe, loaded, recipe.build(loaded, entropy=Seeded(name), at=at))


@asynccontextmanager
async def emulating(broker: Broker, *devices: str, name: str = "one") -> AsyncIterator[Emulator]:
    """An emulator with devices on a broker."""
    hub = Hub(name, clock=lambda: datetime.now(UTC))
    fleet = Fleet(hub)
    desk = Desk(fleet, hub, Recordings())
    control = LocalControl(desk)
    bridge = Bridge(
        control,
        Dialer(broker),
        fleet=FLEET,
        emulator=name,
        clock=lambda: datetime.now(UTC),
        entropy=Seeded(name),
    )
    try:
        for device in devices:
            await fleet.start(served(device))
        async with bridged(bridge):
            yield Emulator(desk, control, bridge)
    finally:
        await fleet.close()


async def until(true: Callable[[], object], *, within: float = PATIENCE) -> None:
    """Wait until something is true. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - it may be anything, such as what a file holds
            await asyncio.sleep(0.01)


class Watcher:
    """A client that hears topics and keeps what it heard; its session outlives the broker.

    Attributes:
        heard: topics and payloads, in their order.
        tags: the Correlation Data of each.
    """

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.heard: list[tuple[str, Any]] = []
        self.tags: list[bytes | None] = []

    def last(self, topic: str) -> Any:
        """The last that was heard of a topic below the fleet's; None if nothing was."""
        found = [said for where, said in self.heard if where == f"{ROOT}/{topic}"]
        return found[-1] if found else None

    async def until(self, true: Callable[[], object], *, within: float = PATIENCE) -> None:
        """Wait until something is true."""
        try:
            await until(true, within=within)
        except TimeoutError:
            tail = "\n".join(map(str, self.heard[-20:]))
            raise AssertionError(f"not in {within} s; the last that was heard:\n{tail}") from None

    async def hear(self) -> None:
        """Hear, as long as the connection lasts."""
        async for message in self.client.messages:
            if str(message.topic).endswith("/command"):
                continue  # it may be anything
            text = bytes(message.payload).decode()
            self.tags.append(getattr(message.properties, "CorrelationData", None))
            self.heard.append((str(message.topic), json.loads(text) if text else None))

    async def ask(self, topic: str, payload: object, *, tag: bytes = b"tag") -> Any:
        """Send a command with MQTT 5's properties; its answer."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ResponseTopic, properties.CorrelationData = "answers/here", tag
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        await self.client.subscribe("answers/here", qos=1)
        before = len(self.heard)
        await self.client.publish(f"{ROOT}/{topic}", raw, qos=1, properties=properties)

        def answers() -> list[Any]:
            return [said for where, said in self.heard[before:] if where == "answers/here"]

        await self.until(answers)
        return answers()[0]


@asynccontextmanager
async def watching(mosquitto: Mosquitto, *topics: str, **settings: Any) -> AsyncIterator[Watcher]:
    """A watcher of topics below the fleet's; of all if there is none."""
    client = aiomqtt.Client(
        "127.0.0.1", mosquitto.port, protocol=aiomqtt.ProtocolVersion.V5, **settings
    )
    async with client:
        watcher = Watcher(client)
        for topic in topics or ("#",):
            await client.subscribe(f"{ROOT}/{topic}", qos=1)
        task = asyncio.create_task(watcher.hear())
        try:
            yield watcher
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def lines_of(file: Path) -> list[tuple[str, Any]]:
    """What `mosquitto_sub -v` has written: topics and payloads."""
    lines = file.read_text(encoding="utf-8").splitlines()
    pairs = [line.partition(" ")[::2] for line in lines]
    return [(topic, json.loads(text)) for topic, text in pairs if text.startswith("{")]
