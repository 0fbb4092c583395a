"""Faults of delivery over real TCP connections: what a client sees, and that others are served."""

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from devices import GET_VERSION, device, frame, get_capabilities, spdm_frame
from unit.faults.wired import NO_RESPONSE, OBJECT, rule
from unit.serve.loopback import PATIENCE, Client, connected, serving, until

from emulator.device import Device
from emulator.entropy import Seeded
from emulator.faults import arm
from emulator.serve import Listener

RIGHT = frame(OBJECT)
HALF = RIGHT[: len(RIGHT) // 2]


def hostile(*do: Any, **rest: Any) -> Device:
    """A device whose first connection alone meets a fault."""
    made, on = device(), {"message": "GET_VERSION", "connection": 1}
    arm(made, [rule(*do, on=on, **rest)], Seeded("faults"))
    return made


async def seen(port: int) -> tuple[bytes, type[Exception] | None]:
    """All that a plain socket reads after GET_VERSION, and how it ends."""
    loop = asyncio.get_running_loop()
    got = b""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.settimeout(0)
        await loop.sock_sendall(sock, spdm_frame(GET_VERSION))
        try:
            async with asyncio.timeout(PATIENCE):
                while data := await loop.sock_recv(sock, 4096):
                    got += data
        except ConnectionResetError:
            return got, ConnectionResetError
    return got, None


@pytest.mark.parametrize(
    ("do", "got", "end"),
    [
        ("close", b"", None),
        ({"close": {"when": "during"}}, HALF, None),
        ({"close": {"when": "after"}}, RIGHT, None),
        ({"cut": {"after": 5}}, RIGHT[:5], None),
        ({"drop": {"deadline": "10ms", "then": "close"}}, b"", None),
        ("reset", b"", ConnectionResetError),
        ({"reset": {"when": "during"}}, HALF, ConnectionResetError),
        ({"reset": {"when": "after"}}, RIGHT, ConnectionResetError),
    ],
)
async def test_a_connection_ends_like_this_and_the_next_is_clean(
    do: Any, got: bytes, end: type[Exception] | None
) -> None:
    odd = hostile(do)
    async with serving(odd) as (listener, port):
        assert await seen(port) == (got, end)
        assert not listener.connections
        async with connected(port) as (client,):
            assert (await client.ask(GET_VERSION)) == OBJECT[8:]
            assert (await client.ask(get_capabilities()))[1] == 0x61


@pytest.mark.parametrize(
    ("do", "least"),
    [
        ({"delay": {"for": "400ms"}}, 0.4),
        ({"drip": {"bytes": 8, "every": "130ms"}}, 0.39),
        ("split", 0.0),
    ],
)
async def test_a_whole_reply_comes_in_its_own_time(do: Any, least: float) -> None:
    odd = hostile(do)
    async with serving(odd) as (_, port), connected(port, 2) as (slow, other):
        began = time.monotonic()
        await slow.send(spdm_frame(GET_VERSION))
        reply = asyncio.create_task(slow.frame())
        # The others wait for nobody.
        assert await other.ask(GET_VERSION) == OBJECT[8:]
        assert not (least and reply.done())
        assert (await reply).payload == OBJECT
        assert time.monotonic() - began >= least
        assert await slow.ask(get_capabilities())


async def test_a_dropped_reply_ends_in_no_response_and_the_connection_goes_on() -> None:
    odd = hostile({"drop": {"deadline": "100ms"}}, times=1)
    async with serving(odd) as (_, port):
        client = await Client.connect(port)
        began = time.monotonic()
        await client.send(spdm_frame(GET_VERSION))
        async with asyncio.timeout(PATIENCE):
            assert await client.reader.readexactly(len(NO_RESPONSE)) == NO_RESPONSE
        assert time.monotonic() - began >= 0.1
        assert await client.ask(GET_VERSION) == OBJECT[8:]
        await client.close()


async def test_a_peer_that_is_left_waiting_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.endpoint.endpoint.STALL", 0.1)
    odd = hostile({"cut": {"after": 20, "close": False}})
    async with serving(odd) as (_, port):
        began = time.monotonic()
        assert await seen(port) == (RIGHT[:20], None)
        assert time.monotonic() - began >= 0.1


async def test_a_peer_that_leaves_while_its_reply_is_held_is_gone() -> None:
    odd = hostile({"delay": {"for": 600}})
    async with serving(odd) as (listener, port):
        client = await Client.connect(port)
        await client.send(spdm_frame(GET_VERSION))
        async with connected(port) as (other,):
            assert await other.ask(GET_VERSION) == OBJECT[8:]
        await client.close()
        await until(lambda: not listener.connections)


async def test_a_unix_socket_is_closed_where_tcp_is_reset(tmp_path: Path) -> None:
    path = tmp_path / "device.sock"
    listener = Listener(hostile({"reset": {"when": "during"}}))
    await listener.start(f"unix:{path}", 0)
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(spdm_frame(GET_VERSION))
    async with asyncio.timeout(PATIENCE):
        assert await reader.read() == HALF
    writer.close()
    await listener.stop()
