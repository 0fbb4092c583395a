"""A device served on the loopback: many peers, and peers that misbehave."""

import asyncio
import contextlib
import itertools
import logging
import socket
import struct

import pytest
from devices import (
    GET_VERSION,
    challenge,
    device,
    error,
    frame,
    get_capabilities,
    get_digests,
    negotiate_algorithms,
    spdm_frame,
)
from unit.serve.loopback import Client, connected, serving, until

from emulator.device import Limits, Timing
from emulator.endpoint import Answered, Ended, Event, Ignored, Received
from emulator.serve import Listener

HELLO = frame(b"Client Hello!\0", command=0xDEAD)
SERVER_HELLO = b"Server Hello!\0"
SHUTDOWN = frame(command=0xFFFE)


async def authenticate(client: Client) -> bytes:
    """A conversation from GET_VERSION to CHALLENGE_AUTH, which is returned."""
    for request in (GET_VERSION, get_capabilities(), negotiate_algorithms(), get_digests()):
        reply = await client.ask(request)
        assert reply[1] == request[1] & 0x7F
    auth = await client.ask(challenge())
    assert auth[1] == 0x03
    return auth


async def test_many_connections_at_once_have_a_state_each() -> None:
    async with serving() as (listener, port), connected(port, 30) as clients:
        requests = (GET_VERSION, get_capabilities(), negotiate_algorithms(), get_digests())
        for step, request in enumerate(requests):
            # Each client goes one step less far than the one before, in turns of four.
            for index, client in enumerate(clients):
                if index % 4 >= step:
                    assert (await client.ask(request))[1] == request[1] & 0x7F
        for index, client in enumerate(clients):
            expected = 0x03 if index % 4 >= 2 else 0x7F
            assert (await client.ask(challenge()))[1] == expected
        assert len(listener.connections) == 30
        assert listener.device.connections == 30


async def test_conversations_side_by_side() -> None:
    async with serving() as (_, port), connected(port, 20) as clients:
        auths = await asyncio.gather(*map(authenticate, clients))
        nonces = {auth[52:84] for auth in auths}
        assert len(nonces) == 20


@pytest.mark.parametrize("length", [0, 1, 11, 12, 19, 23])
async def test_a_peer_that_leaves_in_mid_frame(length: int) -> None:
    async with serving() as (listener, port):
        async with connected(port) as (client,):
            await client.send(HELLO)
            await client.frame()
            await client.send(spdm_frame(GET_VERSION)[:length])
        await until(lambda: not listener.connections)
        async with connected(port) as (client,):
            await authenticate(client)


async def test_peers_that_leave_without_a_word() -> None:
    async with serving() as (listener, port):
        for count in range(20):
            client = await Client.connect(port)
            if count % 2:
                client.writer.write(spdm_frame(GET_VERSION) * count)
            client.reset()
        async with connected(port) as (client,):
            await authenticate(client)
        await until(lambda: not listener.connections)


async def test_shutdown_is_echoed_and_the_next_connection_is_served() -> None:
    async with serving() as (listener, port), connected(port, 2) as (first, second):
        await first.ask(GET_VERSION)
        await second.ask(GET_VERSION)
        await first.send(SHUTDOWN + spdm_frame(GET_VERSION))
        assert await first.frame() == (0xFFFE, 2, b"")
        assert await first.ended() == b""
        await until(lambda: len(listener.connections) == 1)
        # QEMU opens its next connection beside the one it shuts down.
        assert (await second.ask(get_capabilities()))[1] == 0x61
        async with connected(port) as (third,):
            await authenticate(third)


async def test_two_hundred_silent_connections_and_the_next_is_served() -> None:
    async with serving() as (listener, port), connected(port, 200) as silent:
        await until(lambda: len(listener.connections) == 200)
        async with connected(port) as (client,):
            await authenticate(client)
        await authenticate(silent[117])


async def test_a_claim_of_four_gibibytes_closes_that_connection_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="emulator.serve")
    async with serving() as (_, port), connected(port, 2) as (hostile, other):
        await other.ask(GET_VERSION)
        await hostile.ask(GET_VERSION)
        await hostile.send(struct.pack(">III", 1, 2, 0xFFFFFFFF) + bytes(1000))
        assert await hostile.ended() == b""
        assert (await other.ask(get_capabilities()))[1] == 0x61
    lines = [record.getMessage() for record in caplog.records]
    assert any("connection 1 closed: frame of command 0x1 claims 4294967295" in x for x in lines)
    assert not any("connection 2 closed" in line for line in lines)


async def test_a_peer_that_never_reads_is_read_no_more() -> None:
    async with serving() as (listener, port), connected(port) as (deaf,):
        await deaf.ask(GET_VERSION)
        (connection,) = listener.connections
        transport = connection._transport
        # Small buffers in the kernel, so that little is enough.
        small = (socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        transport.get_extra_info("socket").setsockopt(*small)
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it goes both ways
        sent = 0
        while transport.is_reading():
            deaf.writer.write(HELLO * 500)
            sent += 500
            await asyncio.sleep(0)
        assert transport.get_write_buffer_size() < 1024 * 1024
        async with connected(port) as (other,):
            await authenticate(other)
        deaf.writer.transport.resume_reading()  # type: ignore[attr-defined]  # as above
        for _ in range(sent):
            assert (await deaf.frame()).payload == SERVER_HELLO
        assert transport.is_reading()


async def test_a_delay_keeps_the_order() -> None:
    held = device(timing=Timing(delay=0.05))
    loop = asyncio.get_running_loop()
    async with serving(held) as (_, port), connected(port) as (client,):
        begun = loop.time()
        await client.send(HELLO + spdm_frame(GET_VERSION) + HELLO + spdm_frame(b"") + SHUTDOWN)
        assert (await client.frame()).command == 0xDEAD
        assert (await client.frame()).payload[9] == 0x04
        assert loop.time() - begun >= 0.05
        assert (await client.frame()).command == 0xDEAD
        assert (await client.frame()).payload[8:] == error(0x10, 0x01)
        assert (await client.frame()).command == 0xFFFE
        assert await client.ended() == b""


async def test_a_peer_may_leave_while_its_reply_is_held_back() -> None:
    async with serving(device(timing=Timing(delay=3600))) as (listener, port):
        async with connected(port) as (client,):
            await client.send(spdm_frame(GET_VERSION) + HELLO)
            await until(lambda: any(held._held for held in listener.connections))
        await until(lambda: not listener.connections)


async def test_a_frame_left_unfinished_ends_the_connection() -> None:
    hasty = device()
    hasty.limits = Limits(stall=0.02)
    async with serving(hasty) as (_, port), connected(port, 2) as (stalled, other):
        await other.ask(GET_VERSION)
        await stalled.send(spdm_frame(GET_VERSION) + spdm_frame(GET_VERSION)[:5])
        assert (await stalled.frame()).payload[9] == 0x04
        assert await stalled.ended() == b""
        assert (await other.ask(get_capabilities()))[1] == 0x61


async def test_a_frame_finished_piece_by_piece_does_not() -> None:
    async with serving() as (listener, port), connected(port) as (client,):
        whole = spdm_frame(GET_VERSION)
        for piece in (whole[:4], whole[4:8], whole[8:12], whole[12:]):
            await client.send(piece)
            await asyncio.sleep(0.01)
        assert (await client.frame()).payload[9] == 0x04
        (connection,) = listener.connections
        assert "endpoint" not in connection._timers


async def test_stopping_ends_every_connection() -> None:
    listener = Listener(device())
    _, port = await listener.start("127.0.0.1", 0)
    async with connected(port, 5) as clients:
        for client in clients[:3]:
            await client.ask(GET_VERSION)
        await until(lambda: len(listener.connections) == 5)
        await listener.stop()
        for client in clients:
            assert await client.ended() == b""
        await until(lambda: not listener.connections)
    with pytest.raises(ConnectionRefusedError):
        await Client.connect(port)
    await listener.stop()
    # The port can be had again at once.
    assert await listener.start("127.0.0.1", port) == ("127.0.0.1", port)
    async with connected(port) as (client,):
        await authenticate(client)
    await listener.stop()


async def test_stopping_while_peers_come() -> None:
    """A connection that is accepted but not made yet must end as well."""
    for yields in range(6):
        listener = Listener(device())
        _, port = await listener.start("127.0.0.1", 0)
        clients = [asyncio.create_task(Client.connect(port)) for _ in range(5)]
        for _ in range(yields):
            await asyncio.sleep(0)
        await listener.stop()
        for task in clients:
            with contextlib.suppress(ConnectionError):
                client = await task
                assert await client.ended() == b""
                await client.close()
        await until(lambda listener=listener: not listener.connections)  # type: ignore[misc]  # bound at once


async def test_stopping_what_was_never_started() -> None:
    await Listener(device()).stop()


async def test_an_address_that_cannot_be_had() -> None:
    async with serving() as (_, port):
        with pytest.raises(OSError, match="address already in use"):
            await Listener(device()).start("127.0.0.1", port)


async def test_each_connection_has_an_observer_that_knows_its_number() -> None:
    events: list[tuple[int, Event]] = []
    held = device()
    held.attach()
    async with (
        serving(held, observe=lambda n: lambda event: events.append((n, event))) as (_, port),
        connected(port, 2) as (one, other),
    ):
        await one.ask(GET_VERSION)
        await other.send(frame(b""))
        assert await other.frame() == (1, 2, b"")
        assert [(number, type(event)) for number, event in events] == [
            (2, Received),
            (2, Answered),
            (3, Ignored),
        ]
    await until(lambda: len(events) == 5)
    assert sorted(number for number, event in events if isinstance(event, Ended)) == [2, 3]


async def test_replies_are_not_held_up_by_one_another() -> None:
    """Turn by turn between two connections, as a multiplexer would."""
    async with serving() as (_, port), connected(port, 2) as (one, other):
        for client, _ in itertools.product((one, other), range(10)):
            assert (await client.ask(GET_VERSION))[1] == 0x04
