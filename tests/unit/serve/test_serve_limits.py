"""A peer that abuses each limit, over a real socket: bounded, told once, and others are served."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from devices import (
    GET_VERSION,
    challenge,
    device,
    frame,
    get_capabilities,
    get_certificate,
    get_digests,
    get_measurements,
    negotiate_algorithms,
    spdm_frame,
)
from unit.serve.loopback import Client, connected, until

from emulator.device import Device, Limits, Sizes, Timing
from emulator.record import ENCODERS, RecordedEndpoint, Recorder, Tape
from emulator.serve import Listener, connection
from emulator.serve.connection import MAX_HELD, DeviceConnection
from emulator.serve.events import log_events
from emulator.serve.limits import Admission
from emulator.spdm.capabilities import Cap

HELLO = frame(b"Client Hello!\0", command=0xDEAD)
READ = 256 * 1024
"""What the event loop reads at once, bytes."""


class Served:
    """A device with limits, its listener, and what was logged of limits."""

    def __init__(
        self, to: Device, listener: Listener, port: int, log: pytest.LogCaptureFixture
    ) -> None:
        self.device = to
        self.listener = listener
        self.port = port
        self._log = log

    @property
    def told(self) -> list[tuple[int | None, str]]:
        """The connection and the limit of each line that was logged of one."""
        return [
            (getattr(record, "connection", None), record.limit)
            for record in self._log.records
            if hasattr(record, "limit")
        ]

    def connection(self, number: int) -> DeviceConnection:
        """The shell's end of a connection."""
        (found,) = (one for one in self.listener.connections if one._endpoint.number == number)
        return found


@asynccontextmanager
async def limited(
    log: pytest.LogCaptureFixture, to: Device | None = None, **limits: Any
) -> AsyncIterator[Served]:
    """A device that is served with these limits."""
    log.set_level(logging.INFO, logger="emulator.serve")
    made = device() if to is None else to
    made.limits = Limits(**limits)
    listener = Listener(made, observe=log_events(made))
    _, port = await listener.start("127.0.0.1", 0)
    try:
        yield Served(made, listener, port, log)
    finally:
        await listener.stop()


async def authenticate(client: Client) -> None:
    """A whole conversation."""
    for request in (
        GET_VERSION,
        get_capabilities(),
        negotiate_algorithms(),
        get_digests(),
        get_certificate(),
        challenge(),
    ):
        assert (await client.ask(request))[1] == request[1] & 0x7F


async def other_is_served(served: Served) -> None:
    """Another peer of the device has all it wants."""
    async with connected(served.port) as (other,):
        await authenticate(other)


async def test_connections(caplog: pytest.LogCaptureFixture) -> None:
    async with limited(caplog, connections=3) as served, connected(served.port, 3) as clients:
        for client in clients:
            await client.ask(GET_VERSION)
        for _ in range(50):
            async with connected(served.port) as (refused,):
                assert await refused.ended() == b""
        assert len(served.listener.connections) == 3
        assert served.device.limited == {"connections": 50}
        assert served.told == [(None, "connections")]
        assert "device: limit connections: the device takes 3" in caplog.text
        await authenticate(clients[0])
        await clients[1].close()
        await until(lambda: len(served.listener.connections) == 2)
        await other_is_served(served)


async def test_connections_of_a_process(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="emulator.serve")
    admission = Admission(2)
    one, two = (Listener(to, observe=log_events(to), admission=admission) for to in devices(2))
    ports = [(await listener.start("127.0.0.1", 0))[1] for listener in (one, two)]
    async with connected(ports[0], 2) as clients:
        for client in clients:
            await client.ask(GET_VERSION)
        async with connected(ports[1]) as (refused,):
            assert await refused.ended() == b""
        assert "the process takes 2 connections; one more was refused" in caplog.text
        await authenticate(clients[1])
        clients[0].reset()
        await until(lambda: admission.open == 1)
        async with connected(ports[1]) as (other,):
            await authenticate(other)
    await one.stop()
    await two.stop()
    await until(lambda: admission.open == 0)


def devices(count: int) -> list[Device]:
    return [device() for _ in range(count)]


async def flood(client: Client, data: bytes) -> None:
    """Send this for ever."""
    while True:
        await client.send(data)


@asynccontextmanager
async def flooding(client: Client, data: bytes) -> AsyncIterator[None]:
    """A peer that sends this all the time, and reads nothing."""
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it goes both ways
    task = asyncio.create_task(flood(client, data))
    try:
        yield
    finally:
        task.cancel()
        client.reset()


async def test_buffered_bytes(caplog: pytest.LogCaptureFixture) -> None:
    """Requests of a few bytes whose replies are large, and nobody who reads them."""
    ask = spdm_frame(get_certificate())
    async with limited(caplog, buffered=20_000) as served, connected(served.port, 2) as (deaf, ok):
        await authenticate(ok)
        await authenticate(deaf)
        async with flooding(deaf, ask * 8192):
            greedy = served.connection(1)
            await until(lambda: "writing" in greedy._pauses)
            for _ in range(20):
                await other_is_served(served)
                assert greedy._transport.get_write_buffer_size() < 20_000 + 5_000
                assert greedy._intake.held <= READ
            assert served.device.limited["buffered"] >= 1
        await until(lambda: len(served.listener.connections) == 1)
    assert served.told == [(1, "buffered")]


@pytest.mark.parametrize("turn", [connection.TURN, 0.0])
async def test_replies_that_are_held_back(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, turn: float
) -> None:
    """However little is done in a turn: the limit is told when it is met, not before."""
    monkeypatch.setattr(connection, "TURN", turn)
    slow = device(timing=Timing(delay=3600))
    async with limited(caplog, slow) as served, connected(served.port, 2) as (hasty, ok):
        await ok.send(HELLO)
        assert (await ok.frame()).command == 0xDEAD
        async with flooding(hasty, spdm_frame(GET_VERSION) * 1000):
            await until(lambda: bool(served.device.limited))
            greedy = next(one for one in served.listener.connections if one._held)
            assert len(greedy._held) == MAX_HELD + 1
            assert greedy._intake.held <= READ
            await ok.send(HELLO)
            assert (await ok.frame()).command == 0xDEAD
    assert [limit for _, limit in served.told] == ["buffered"]


async def test_a_frame(caplog: pytest.LogCaptureFixture) -> None:
    async with limited(caplog, frame=5000) as served, connected(served.port, 2) as (greedy, ok):
        await ok.ask(GET_VERSION)
        await greedy.send(frame(bytes(5001)))
        assert await greedy.ended() == b""
        assert (await ok.ask(get_capabilities()))[1] == 0x61
    assert [limit for _, limit in served.told] == ["frame"]


async def test_the_time_to_finish_a_frame(caplog: pytest.LogCaptureFixture) -> None:
    async with limited(caplog, stall=0.05) as served, connected(served.port, 2) as (slow, ok):
        await slow.send(spdm_frame(GET_VERSION)[:-1])
        await authenticate(ok)
        assert await slow.ended() == b""
        await authenticate(ok)
    assert [limit for _, limit in served.told] == ["stall"]


@pytest.mark.parametrize("asks", [0, 1])
async def test_idle_time(caplog: pytest.LogCaptureFixture, asks: int) -> None:
    async with limited(caplog, idle=0.2) as served, connected(served.port) as (idle,):
        for _ in range(asks):
            await idle.ask(GET_VERSION)
        async with connected(served.port) as (busy,):
            ended = asyncio.create_task(idle.ended())
            while not ended.done():
                await busy.ask(GET_VERSION)
                await asyncio.sleep(0.01)
            assert await ended == b""
            await authenticate(busy)
    assert [limit for _, limit in served.told] == ["idle"]


async def test_the_rate_of_requests(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    async with limited(caplog, rate=50) as served, connected(served.port, 2) as (hasty, ok):
        await ok.ask(GET_VERSION)
        begun = loop.time()
        await hasty.send(HELLO * 75)
        for count in range(75):
            await hasty.frame()
            # A second's worth at once, then one each fiftieth of a second.
            assert loop.time() - begun >= (count - 50) / 50
        assert loop.time() - begun >= 25 / 50
        assert served.device.limited["rate"] >= 1
        assert (await ok.ask(get_capabilities()))[1] == 0x61
    assert [limit for _, limit in served.told] == ["rate"]


async def test_a_peer_that_is_slowed_down_is_not_read(caplog: pytest.LogCaptureFixture) -> None:
    async with limited(caplog, rate=5) as served, connected(served.port, 2) as (hasty, ok):
        await ok.ask(GET_VERSION)
        async with flooding(hasty, HELLO * 10_000):
            await until(lambda: bool(served.device.limited))
            (slowed,) = (one for one in served.listener.connections if "rate" in one._pauses)
            begun = served.device.limited["rate"]
            for request in (get_capabilities(), negotiate_algorithms(), get_digests()):
                assert (await ok.ask(request))[1] == request[1] & 0x7F
            assert slowed._intake.held <= READ
            assert not slowed._transport.is_reading()
            assert served.device.limited["rate"] <= begun + 5


async def test_many_requests_at_once_take_turns(caplog: pytest.LogCaptureFixture) -> None:
    """Signatures for a whole read of requests take seconds: nobody waits for them all."""
    ask = spdm_frame(get_measurements(signed=True))
    async with (
        limited(caplog, buffered=1 << 30) as served,
        connected(served.port, 2) as (greedy, ok),
    ):
        await authenticate(greedy)
        await ok.ask(GET_VERSION)
        loop = asyncio.get_running_loop()
        reading = asyncio.create_task(greedy.reader.read(-1))
        await greedy.send(ask * 2500)
        for request in (get_capabilities(), negotiate_algorithms(), get_digests()):
            begun = loop.time()
            assert (await ok.ask(request))[1] == request[1] & 0x7F
            # Two thousand signatures take ten times as long.
            assert loop.time() - begun < 0.2
        reading.cancel()
        greedy.reset()


async def test_a_large_message_in_chunks(caplog: pytest.LogCaptureFixture) -> None:
    sizes = Sizes(max_message=100_000)
    large = device(capabilities=Cap.CERT | Cap.CHAL | Cap.CHUNK, sizes=sizes)
    async with (
        limited(caplog, large, large_message=10_000) as served,
        connected(served.port, 2) as (greedy, ok),
    ):
        for request in (GET_VERSION, get_capabilities(flags=1 << 17), negotiate_algorithms()):
            assert (await greedy.ask(request))[1] == request[1] & 0x7F
        size = (10_001).to_bytes(4, "little")
        first = bytes.fromhex("13850001 00000000") + (1000).to_bytes(4, "little")
        ack = await greedy.ask(first + size + bytes(1000))
        assert (ack[1], ack[2] & 1) == (0x05, 1)
        held = served.connection(1)._endpoint.responder.connection.incoming
        assert held is None
        await authenticate(ok)
    assert served.told == [(1, "large_message")]


async def test_a_recording(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="emulator.record")
    file = io.BytesIO()
    tape = Tape(Recorder(file, ENCODERS["pcapng"](), clock=lambda: 0, limit=10_000))
    listener = Listener(device(), endpoint=partial(RecordedEndpoint, tape=tape))
    _, port = await listener.start("127.0.0.1", 0)
    async with connected(port, 2) as (greedy, ok):
        for _ in range(500):
            assert (await greedy.ask(GET_VERSION))[1] == 0x04
        assert 9_000 < len(file.getvalue()) <= 10_000
        await authenticate(ok)
    await listener.stop()
    (line,) = (record.getMessage() for record in caplog.records)
    assert line == "recording ends here: its limit is reached; the devices go on"


async def test_a_transcript(caplog: pytest.LogCaptureFixture) -> None:
    async with limited(caplog, transcript=4096) as served, connected(served.port, 2) as (greedy, _):
        for request in (GET_VERSION, get_capabilities(), negotiate_algorithms()):
            await greedy.ask(request)
        for _ in range(200):
            await greedy.ask(get_measurements())
        transcript = served.connection(1)._endpoint.responder.connection.transcript
        assert max(transcript._sizes) <= 4096
        assert served.told == [(1, "transcript")]
        await other_is_served(served)
