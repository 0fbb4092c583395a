"""A device attested over every transport, and by other ways than TCP."""

import asyncio

import pytest
from asking import ROOTS
from chains import AT, SAN
from unit.serve.loopback import serving

from emulator.client import SocketChannel, connect
from emulator.client.socket import TRANSPORTS
from emulator.endpoint import Answered, Event, Observer
from emulator.entropy import Seeded
from emulator.errors import BrokenReply, NoResponse
from emulator.requester import Offer
from emulator.spdm.versions import Version
from emulator.transport import tcp


@pytest.mark.parametrize("version", [Version.V1_2, Version.V1_3])
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_device_is_attested_over_each_transport(transport: str, version: Version) -> None:
    offer = Offer(versions=(version,))
    async with (
        serving() as (_, port),
        connect("127.0.0.1", port, entropy=Seeded(1), offer=offer, transport=transport) as client,
    ):
        verdict = await client.attest(trust=ROOTS, at=AT, expected_san=SAN)
    assert verdict.ok, [step for step in verdict.steps if step.ok is False]


async def test_replies_are_the_same_on_every_transport() -> None:
    seen: dict[int, list[bytes]] = {}

    def observe(number: int) -> Observer:
        seen[number] = []

        def one(event: Event) -> None:
            if isinstance(event, Answered):
                seen[number].append(event.raw)

        return one

    async with serving(observe=observe) as (_, port):
        for transport in TRANSPORTS:
            async with connect("127.0.0.1", port, entropy=Seeded(1), transport=transport) as client:
                await client.connect()
                await client.digests()
                await client.certificate()
    first, *others = seen.values()
    assert len(first) >= 5
    assert others == [first] * (len(TRANSPORTS) - 1)


@pytest.mark.parametrize("transport", ["doe", "mctp", "tcp", "none"])
async def test_the_greeting_goes_over_each_framed_transport(transport: str) -> None:
    async with serving() as (_, port):
        channel = await SocketChannel.open("127.0.0.1", port, hello=True, transport=transport)
        assert channel.binding.name == transport
        await channel.close()


@pytest.mark.parametrize("transport", ["mctp", "none", "tcp"])
async def test_no_response_is_told_on_each_transport(transport: str) -> None:
    async with serving() as (_, port):
        channel = await SocketChannel.open("127.0.0.1", port, transport=transport)
        with pytest.raises(NoResponse, match="an empty frame"):
            await channel.exchange(b"")
        await channel.close()


async def test_a_role_inquiry_is_refused_over_tcp_alone() -> None:
    inquiry = tcp.control(tcp.MessageType.ROLE_INQUIRY)
    async with serving() as (_, port):
        channel = await SocketChannel.open("127.0.0.1", port, transport="tcp-plain")
        assert await channel.exchange(inquiry) == bytes.fromhex("000001c2")
        await channel.close()


async def test_a_refusal_over_tcp_is_no_reply() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(tcp.control(tcp.MessageType.CANNOT_OPERATE_AS_RESPONDER))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, connect("127.0.0.1", port, transport="tcp-plain") as client:
        reason = r"TCP message\.type: found 0xc3 \(CANNOT_OPERATE_AS_RESPONDER\)"
        with pytest.raises(BrokenReply, match=reason):
            await client.connect()
