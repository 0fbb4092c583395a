"""Slow signatures beside the event loop: who is served meanwhile, and who goes."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from devices import (
    GET_VERSION,
    chain,
    challenge,
    device,
    frame,
    get_capabilities,
    get_digests,
    negotiate_algorithms,
    spdm_frame,
)
from slow import GatedKey, slow_device, with_key
from unit.serve.loopback import Client, connected, served, serving, until

from emulator.device import Slot, Timing
from emulator.serve.fleet import Fleet, Served
from emulator.serve.run import serve
from emulator.serve.shutdown import Grace
from emulator.spdm import algorithms

RSA, P256 = "RSASSA_4096", "ECDSA_P256"
BIT = {name: algorithms.by_name(algorithms.SIGNATURES, name).bit for name in (RSA, P256)}
READ_AT_ONCE = 256 * 1024
"""The most that asyncio reads from a socket in one piece."""


class Gated:
    """A device whose RSA key waits at a gate."""

    def __init__(self) -> None:
        self.key = GatedKey(chain(RSA).key)
        self.device = device(asym=(RSA, P256), slots={0: (P256,)})
        chains = {RSA: with_key(RSA, self.key), P256: chain(P256)}
        self.device.slots = {0: Slot(chains)}

    async def begun(self) -> None:
        """A signature waits at the gate."""
        await until(self.key.begun.is_set)


async def negotiated(client: Client, scheme: str) -> None:
    negotiate = negotiate_algorithms(asym=BIT[scheme], base_hash=1)
    for request in (GET_VERSION, get_capabilities(), negotiate):
        assert (await client.ask(request))[1] == request[1] & 0x7F


@asynccontextmanager
async def watched() -> AsyncIterator[list[dict[str, object]]]:
    """What the event loop complains of."""
    loop, heard = asyncio.get_running_loop(), list[dict[str, object]]()
    loop.set_exception_handler(lambda _loop, context: heard.append(context))
    yield heard
    loop.set_exception_handler(None)


async def test_others_are_served_while_rsa_is_computed() -> None:
    gated = Gated()
    order: list[str] = []
    async with serving(gated.device) as (_, port), connected(port, 2) as (slow, quick):
        await negotiated(slow, RSA)
        await negotiated(quick, P256)

        async def ask(client: Client, name: str) -> bytes:
            reply = await client.ask(challenge())
            order.append(name)
            return reply

        waiting = asyncio.create_task(ask(slow, RSA))
        await gated.begun()
        # The gate is shut until this one is answered: were they in each other's way, neither were.
        for _ in range(3):
            assert (await ask(quick, P256))[1] == 0x03
        gated.key.gate.set()
        auth = await waiting
    assert order == [P256, P256, P256, RSA]
    assert auth[1] == 0x03


@pytest.mark.parametrize("leave", [Client.reset, lambda client: client.writer.close()])
async def test_a_peer_that_goes_while_it_is_computed_for(leave: Callable[[Client], None]) -> None:
    gated = Gated()
    async with watched() as complaints, serving(gated.device) as (listener, port):
        client = await Client.connect(port)
        await negotiated(client, RSA)
        await client.send(spdm_frame(challenge()))
        await gated.begun()
        leave(client)
        async with connected(port) as (other,):
            await negotiated(other, P256)
            assert (await other.ask(challenge()))[1] == 0x03
        gated.key.gate.set()
        await until(lambda: not listener.connections)
        async with connected(port) as (other,):
            await negotiated(other, RSA)
            assert (await other.ask(challenge()))[1] == 0x03
    assert complaints == []


async def test_grace_lets_what_is_computed_leave() -> None:
    gated = Gated()
    async with (
        watched() as complaints,
        serving(gated.device) as (listener, port),
        connected(port) as (client,),
    ):
        await negotiated(client, RSA)
        await client.send(spdm_frame(challenge()))
        await gated.begun()
        stopping = asyncio.create_task(listener.stop(Grace(30)))
        await client.send(spdm_frame(GET_VERSION))
        await asyncio.sleep(0.01)
        assert not stopping.done()
        gated.key.gate.set()
        await stopping
        assert (await client.frame()).payload[9] == 0x03
        assert await client.ended() == b""
    assert complaints == []


async def test_a_device_that_stops_while_it_computes() -> None:
    gated = Gated()
    async with (
        watched() as complaints,
        serving(gated.device) as (listener, port),
        connected(port) as (client,),
    ):
        await negotiated(client, RSA)
        await client.send(spdm_frame(challenge()))
        await gated.begun()
        await listener.stop()
        assert await client.ended() == b""
        gated.key.gate.set()
        await until(lambda: not listener.connections)
    assert complaints == []


async def test_a_peer_that_floods_meanwhile_waits_and_is_answered_in_order() -> None:
    gated = Gated()
    hello = frame(b"Client Hello!\0", command=0xDEAD)
    count = 4 * READ_AT_ONCE // len(hello)
    async with serving(gated.device) as (listener, port), connected(port, 2) as (client, other):
        await negotiated(client, RSA)
        (connection,) = (one for one in listener.connections if one._endpoint.number == 1)
        client.writer.write(spdm_frame(challenge()) + hello * count)
        await gated.begun()
        for _ in range(20):
            assert (await other.ask(GET_VERSION))[1] == 0x04
        endpoint = connection._endpoint
        assert len(endpoint._unread) + endpoint._reader.pending <= READ_AT_ONCE
        assert not connection._transport.is_reading()
        gated.key.gate.set()
        assert (await client.frame()).payload[9] == 0x03
        for _ in range(count):
            assert (await client.frame()).command == 0xDEAD


async def test_a_computation_does_not_wait_behind_replies_that_are_held() -> None:
    gated = Gated()
    gated.device.timing = Timing(delay=0.2)
    async with serving(gated.device) as (listener, port), connected(port) as (client,):
        await negotiated(client, RSA)
        (connection,) = listener.connections
        await client.send(spdm_frame(get_digests()) + spdm_frame(challenge()))
        await gated.begun()
        assert len(connection._held) == 1
        gated.key.gate.set()
        assert [(await client.frame()).payload[9] for _ in range(2)] == [0x01, 0x03]


def running() -> list[str]:
    """The pool's threads."""
    return [one.name for one in threading.enumerate() if one.name.startswith("compute")]


async def test_the_pool_is_shared_and_leaves_no_thread_behind() -> None:
    devices = [served(f"slow {number}") for number in range(3)]
    for one in devices:
        one.device = slow_device()
        one.device.name = one.recipe.name
    listening: asyncio.Queue[Served] = asyncio.Queue()
    task = asyncio.create_task(serve(Fleet(), devices, listening.put_nowait))
    opened = [await listening.get() for _ in devices]
    clients = [await Client.connect((one.bound or ("", 0))[1]) for one in opened]
    assert running() == []
    for client in clients:
        for request in (GET_VERSION, get_capabilities(), negotiate_algorithms()):
            await client.ask(request)
    for _ in range(8):
        replies = await asyncio.gather(*(client.ask(challenge()) for client in clients))
        assert {reply[1] for reply in replies} == {0x03}
    assert 1 <= len(running()) <= (os.cpu_count() or 1)
    os.kill(os.getpid(), signal.SIGTERM)
    await task
    assert running() == []
    for client in clients:
        await client.close()
