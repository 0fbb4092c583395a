"""The control socket: lines in, lines out, whatever the peer sends."""

import asyncio
import json
import os
import stat
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.control.desks import Lab, lab
from unit.serve.loopback import PATIENCE, until

from emulator import events
from emulator.control import ControlError, lines
from emulator.control.client import ControlClient
from emulator.control.server import PEERS, ControlServer


class Peer:
    """A raw peer of the control socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def read(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            line = await self.reader.readline()
        read: dict[str, Any] = json.loads(line)
        return read

    async def ask(self, line: bytes) -> dict[str, Any]:
        self.writer.write(line + b"\n")
        return await self.read()


@asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[tuple[Lab, ControlServer]]:
    async with lab(["one"]) as at:
        server = ControlServer(at.control, str(folder / "control.sock"))
        await server.start()
        yield at, server
        await server.stop()


@asynccontextmanager
async def attached(folder: Path) -> AsyncIterator[tuple[Lab, Peer]]:
    async with listening(folder) as (at, server):
        peer = Peer(*await asyncio.open_unix_connection(server.path))
        yield at, peer
        peer.writer.close()


async def test_the_socket_is_its_owners_alone_and_gone_afterwards(tmp_path: Path) -> None:
    async with listening(tmp_path) as (_, server):
        assert stat.S_IMODE(os.stat(server.path).st_mode) == 0o600  # noqa: PTH116 - it is a name
    assert not os.listdir(tmp_path)  # noqa: PTH208 - likewise


async def test_an_answer_bears_the_id_of_its_request(tmp_path: Path) -> None:
    async with attached(tmp_path) as (_, peer):
        read = await peer.ask(b'{"id": {"any": 1}, "op": "emulator.info"}')
        assert (read["id"], read["ok"], read["result"]["devices"]) == ({"any": 1}, True, 1)
        read = await peer.ask(b'{"id": 7, "op": "device.get", "args": {"devices": ["x"]}}')
        assert (read["id"], read["ok"], read["error"]["code"]) == (7, False, "not-found")
        assert read["error"]["problems"] == [read["error"]["message"]]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"", "request: found no JSON: "),
        (b"{", "request: found no JSON: "),
        (b"\xff", "request: found no JSON: "),
        (b"[" * 100_000, "request: found no JSON: "),
        (b"[]", "request: found no object; expected op, args and id"),
        (b"{}", "op: expected the name of an operation"),
        (b'{"op": 1}', "op: expected the name of an operation"),
        (b'{"op": "emulator.info", "args": []}', "args: expected an object"),
        (b'{"op": "emulator.info", "arg": {}}', 'request: found the key "arg"; expected op'),
        (b'{"op": "events.subscribe", "args": {"kind": []}}', "events.subscribe: kind: found an"),
    ],
)
async def test_what_is_no_request_is_refused_and_the_next_one_served(
    tmp_path: Path, line: bytes, problem: str
) -> None:
    async with attached(tmp_path) as (_, peer):
        read = await peer.ask(line)
        assert read["error"]["code"] == "invalid"
        assert read["error"]["problems"][0].startswith(problem)
        assert (await peer.ask(b'{"id": 1, "op": "emulator.info"}'))["ok"]


async def test_a_line_without_an_end_ends_the_connection(tmp_path: Path) -> None:
    async with attached(tmp_path) as (_, peer):
        peer.writer.write(b" " * (lines.LONGEST + 1))
        read = await peer.read()
        assert read["error"]["problems"] == [f"request: found more than {lines.LONGEST} bytes"]
        with suppress(ConnectionResetError):
            assert await peer.reader.read() == b""


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.binary(max_size=200))
def test_whatever_comes_the_socket_goes_on(tmp_path_factory: Any, data: bytes) -> None:
    async def go() -> None:
        async with attached(tmp_path_factory.mktemp("c")) as (_, peer):
            peer.writer.write(data + b'\n{"id": "mine", "op": "emulator.info"}\n')
            read = await peer.read()
            while read["id"] != "mine":
                assert not read["ok"]
                read = await peer.read()
            assert read["ok"]

    asyncio.run(go())


async def test_events_come_between_answers_until_they_are_not_wanted(tmp_path: Path) -> None:
    async with attached(tmp_path) as (at, peer):
        wanted = b'{"id": 1, "op": "events.subscribe", "args": {"kinds": ["device.*"]}}'
        assert (await peer.ask(wanted))["ok"]
        at.control.desk.hub.tell(events.FaultsChanged(device="one", rules=[]))
        at.control.desk.hub.tell(events.DeviceReset(device="one"))
        assert (await peer.read())["event"]["event"] == "device.reset"
        assert (await peer.ask(b'{"id": 2, "op": "events.unsubscribe"}'))["id"] == 2
        at.control.desk.hub.tell(events.DeviceReset(device="one"))
        assert (await peer.ask(b'{"id": 3, "op": "emulator.info"}'))["id"] == 3
        assert not at.control.desk.hub.listening


async def test_a_peer_that_does_not_read_delays_nobody_and_is_told_what_it_lost(
    tmp_path: Path,
) -> None:
    async with attached(tmp_path) as (at, peer):
        assert (await peer.ask(b'{"id": 1, "op": "events.subscribe"}'))["ok"]
        hub = at.control.desk.hub
        for number in range(30_000):
            hub.tell(events.DeviceDown(device="one", reason=f"{number}" + "x" * 100))
            if number % 1000 == 0:
                await asyncio.sleep(0)
        async with at.client() as client:
            assert (await client.ask(b"\x10\x84\x00\x00"))[1] == 0x04
        heard = dropped = 0
        while heard + dropped < 30_000:
            read = await peer.read()
            if read.get("event", {}).get("event") == "device.down":
                heard += 1
            dropped += read.get("dropped", 0)
        assert dropped > 0


async def test_a_peer_that_leaves_leaves_nothing_behind(tmp_path: Path) -> None:
    async with listening(tmp_path) as (at, server):
        tasks = len(asyncio.all_tasks())
        for _ in range(5):
            peer = Peer(*await asyncio.open_unix_connection(server.path))
            await peer.ask(b'{"id": 1, "op": "events.subscribe"}')
            peer.writer.transport.abort()
        await until(lambda: not at.control.desk.hub.listening)
        await until(lambda: len(asyncio.all_tasks()) == tasks)


async def test_one_peer_too_many_is_turned_away(tmp_path: Path) -> None:
    async with listening(tmp_path) as (_, server):
        peers = [Peer(*await asyncio.open_unix_connection(server.path)) for _ in range(PEERS)]
        for peer in peers:
            assert (await peer.ask(b'{"op": "emulator.info"}'))["ok"]
        late = Peer(*await asyncio.open_unix_connection(server.path))
        assert await late.reader.read() == b""
        for peer in [*peers, late]:
            peer.writer.close()


async def test_the_client_calls_and_hears(tmp_path: Path) -> None:
    async with listening(tmp_path) as (at, server):
        heard: list[dict[str, Any]] = []

        def listen() -> None:
            with ControlClient(server.path) as client:
                heard.extend(client.events(kinds=["device.*"]))

        listener = threading.Thread(target=listen)
        listener.start()
        await until(lambda: at.control.desk.hub.listening)

        def talk() -> None:
            with ControlClient(server.path) as client:
                assert client.call("device.reset") == {"one": 1}
                with pytest.raises(ControlError, match=r"did you mean device\.reset") as caught:
                    client.call("device.rest")
                assert caught.value.code == "unknown-operation"

        await asyncio.to_thread(talk)
        at.control.desk.hub.close()
        await server.stop()
        await asyncio.to_thread(listener.join)
        assert [event["event"] for event in heard] == ["device.reset"]


async def test_a_client_is_told_that_the_emulator_has_gone(tmp_path: Path) -> None:
    async with listening(tmp_path) as (_, server):
        client = await asyncio.to_thread(ControlClient, server.path)
        await asyncio.to_thread(client.call, "emulator.info")
        await server.stop()
        with pytest.raises((ControlError, ConnectionError)):
            await asyncio.to_thread(client.call, "emulator.info")
        client.close()
        with pytest.raises(OSError, match=r"refused|No such file"):
            await asyncio.to_thread(ControlClient, server.path)
