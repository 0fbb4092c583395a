"""What the broker is to retain: the last word on each topic, said again to each connection."""

import asyncio

import aiomqtt

from emulator.control.mqtt.window import SIZE


class Retained:
    """Topics with what they are to hold; a session brings the broker there."""

    def __init__(self) -> None:
        self._wanted: dict[str, bytes] = {}
        self._said: dict[str, bytes] = {}
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()

    def set(self, topic: str, payload: bytes, *, again: bool = False) -> None:
        """Let `topic` hold `payload`; nothing at all if that is empty.

        `again`: say so even if the broker has been told; somebody else may have told it otherwise.
        """
        self._wanted[topic] = payload
        if again:
            self._said.pop(topic, None)
        if self._said.get(topic) != payload:
            self._settled.clear()
            self._changed.set()

    def forget(self, topic: str) -> None:
        """Say no more about `topic`: it is another's."""
        self._wanted.pop(topic, None)
        self._said.pop(topic, None)

    async def settled(self) -> None:
        """Wait until the broker has been told everything."""
        await self._settled.wait()

    async def session(self, client: aiomqtt.Client) -> None:
        """Tell the broker all there is, and then what changes. Raises MqttError at its end."""
        self._said.clear()
        self._changed.set()
        while True:
            await self._changed.wait()
            self._changed.clear()
            news = [
                (topic, payload)
                for topic, payload in self._wanted.items()
                if self._said.get(topic) != payload
            ]
            for first in range(0, len(news), SIZE):
                async with asyncio.TaskGroup() as group:
                    for topic, payload in news[first : first + SIZE]:
                        group.create_task(self._say(client, topic, payload))
            if not self._changed.is_set():
                self._settled.set()

    async def _say(self, client: aiomqtt.Client, topic: str, payload: bytes) -> None:
        self._said[topic] = payload
        await client.publish(topic, payload, qos=1, retain=True)
