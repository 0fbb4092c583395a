"""What is on its way to the broker: kept until it is acknowledged, whatever connections end."""

import asyncio
from dataclasses import dataclass

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

SIZE = 20
"""Messages on their way at once: what mosquitto takes from a client by default."""


@dataclass(frozen=True)
class Item:
    """A message to be published once, at least.

    Attributes:
        topic: where.
        payload: what.
        correlation: what tells an answer's reader which question it is to.
        retain: whether the broker is to keep it.
    """

    topic: str
    payload: bytes
    correlation: bytes | None = None
    retain: bool = False


class Window:
    """Messages that go out in their order, a few at once, and again until they are acknowledged.

    Attributes:
        acknowledged: how many were.
    """

    def __init__(self, size: int = SIZE) -> None:
        self.acknowledged = 0
        self._room = asyncio.Semaphore(size)
        self._waiting: dict[int, Item] = {}
        self._number = 0
        self._session: tuple[aiomqtt.Client, asyncio.TaskGroup] | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    async def put(self, item: Item) -> None:
        """Send a message. Waits for room, which without a broker ends."""
        await self._room.acquire()
        self._number += 1
        self._waiting[self._number] = item
        self._empty.clear()
        if self._session is not None:
            client, group = self._session
            sending = self._send(client, self._number, item)
            try:
                group.create_task(sending)
            except RuntimeError:
                sending.close()  # this connection is ending; the next one sends it

    async def empty(self) -> None:
        """Wait until everything is acknowledged."""
        await self._empty.wait()

    def __len__(self) -> int:
        return len(self._waiting)

    async def session(self, client: aiomqtt.Client) -> None:
        """Send over this connection, first what was not acknowledged over the last one.

        Lasts as long as the connection; raises MqttError within an ExceptionGroup when it ends.
        """
        async with asyncio.TaskGroup() as group:
            for number, item in self._waiting.items():
                group.create_task(self._send(client, number, item))
            self._session = client, group
            try:
                await asyncio.Event().wait()
            finally:
                self._session = None

    async def _send(self, client: aiomqtt.Client, number: int, item: Item) -> None:
        await client.publish(
            item.topic, item.payload, qos=1, retain=item.retain, properties=_properties(item)
        )
        del self._waiting[number]
        self.acknowledged += 1
        self._room.release()
        if not self._waiting:
            self._empty.set()


def _properties(item: Item) -> Properties | None:
    if item.correlation is None:
        return None
    made = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # paho has no types here
    made.CorrelationData = item.correlation
    return made
