"""Sessions of the client, over sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hosting import offering
from secured import HINT, KEY, able_device
from unit.serve.loopback import serving

from emulator.client import Client, connect
from emulator.device import Device
from emulator.entropy import Seeded
from emulator.errors import PeerErrorReply
from emulator.requester import Direction
from emulator.requester.flow import Inside
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.messages.session import KeyOperation


@asynccontextmanager
async def connected(
    transport: str = "mctp", told: list[tuple[Direction, bytes]] | None = None
) -> AsyncIterator[tuple[Client, Device]]:
    heard = [] if told is None else told
    async with (
        serving(device := able_device()) as (_, port),
        connect(
            "127.0.0.1",
            port,
            entropy=Seeded(1),
            offer=offering(),
            transport=transport,
            observer=lambda direction, raw: heard.append((direction, raw)),
        ) as client,
    ):
        await client.connect()
        yield client, device


@pytest.mark.parametrize("transport", ["doe", "mctp", "tcp", "tcp-plain"])
async def test_a_session_ends_with_its_block(transport: str) -> None:
    async with connected(transport) as (client, device):
        async with client.session(summary=SummaryType.ALL) as session:
            assert len((await session.measurements()).measurements) == 5
            assert (await session.digests()).digests[0] == (await session.certificate()).digest
            assert len((await session.measure_all()).measurements) == 5
            await session.heartbeat()
            await session.update_keys(KeyOperation.UPDATE_KEY)
            await session.update_keys()
            assert session.id in client.requester.connection.sessions
            assert len(device.sessions.live) == 1
        assert client.requester.connection.sessions == {}
        assert device.sessions.live == set()


async def test_sessions_side_by_side() -> None:
    async with connected() as (client, device):
        async with client.session(2) as one, client.psk_session(HINT, KEY) as other:
            assert one.id != other.id
            await other.certificate()
            for session in (one, other, one):
                await session.measurements(signed_by=2 if session is one else 0)
                await client.measurements(1, signed_by=None)
            await one.end()
            await one.end()  # which is nothing
            await other.heartbeat()
        assert device.sessions.live == set()


async def test_an_error_in_the_block_ends_the_session_and_comes_out() -> None:
    async with connected() as (client, device):
        with pytest.raises(PeerErrorReply) as refused:
            async with client.session() as session:
                await session.vendor(3, b"\1\0", b"abc")
        assert refused.value.code == 0x07
        assert device.sessions.live == set()


async def test_the_observer_hears_what_is_said_inside() -> None:
    told: list[tuple[Direction, bytes]] = []
    async with connected(told=told) as (client, _), client.session() as session:
        number = session.id
        before = len(told)
        await session.heartbeat()
    request, reply = told[before : before + 2]
    assert (request[0], request[1]) == (Direction.REQUEST, b"\x14\xe8\0\0")
    assert (reply[0], reply[1]) == (Direction.REPLY, b"\x14\x68\0\0")
    for _, raw in (request, reply):
        assert isinstance(raw, Inside)
        assert raw.session.id == number


async def test_a_replay_of_the_seed_sends_the_same_bytes() -> None:
    runs = []
    for _ in range(2):
        told: list[tuple[Direction, bytes]] = []
        async with connected(told=told) as (client, _), client.session() as session:
            await session.measurements()
        runs.append([raw for direction, raw in told if direction is Direction.REQUEST])
    assert runs[0] == runs[1]
