"""Recorded conversations played again: to devices, and to requesters."""

import asyncio
import io
import socket
from collections.abc import Sequence

import pytest
from asking import ROOTS
from chains import AT
from devices import (
    GET_VERSION,
    SCHEMES,
    data_object,
    device,
    frame,
    get_capabilities,
    get_digests,
    seen_frames,
    spdm_frame,
)

from emulator.client import SocketChannel, connect
from emulator.client.replay import replay as replay_requests
from emulator.device import Device
from emulator.entropy import Seeded
from emulator.errors import NoResponse
from emulator.record import (
    ENCODERS,
    Exchange,
    LinkType,
    Packet,
    RecordedEndpoint,
    Recorder,
    Tape,
    exchanges,
    read,
    sessions,
)
from emulator.report import Row
from emulator.requester import Direction
from emulator.serve import Listener
from emulator.serve.replay import replay as replay_replies
from emulator.serve.run import ListenError

SEED = "the requester's"


class Served:
    """A device that is served and recorded."""

    def __init__(self, to: Device, form: str = "pcapng") -> None:
        self._stream = io.BytesIO()
        recorder = Recorder(self._stream, ENCODERS[form](), clock=lambda: 0)

        def endpoint(device: Device, **options: object) -> RecordedEndpoint:
            return RecordedEndpoint(device, tape=Tape(recorder), **options)  # type: ignore[arg-type]  # as the listener gives them

        self._listener = Listener(to, endpoint=endpoint)

    async def __aenter__(self) -> tuple[str, int]:
        return await self._listener.start("127.0.0.1", 0)

    async def __aexit__(self, *_: object) -> None:
        await self._listener.stop()

    @property
    def exchanges(self) -> list[Exchange]:
        return exchanges(sessions(read("a", self._stream.getvalue()).packets)[0])


async def attested(host: str, port: int, seed: str = SEED) -> bool:
    async with connect(host, port, entropy=Seeded(seed)) as client:
        return (await client.attest(trust=ROOTS, at=AT)).ok


async def recorded(form: str = "pcapng") -> list[Exchange]:
    served = Served(device(), form)
    async with served as address:
        assert await attested(*address)
    assert len(served.exchanges) == 8
    return served.exchanges


async def replies(to: Device, those: Sequence[Exchange]) -> list[Row]:
    async with Served(to) as address:
        channel = await SocketChannel.open(*address)
        try:
            return [row async for _, row in replay_requests(those, channel)]
        finally:
            await channel.close()


@pytest.mark.parametrize("form", ENCODERS)
async def test_the_same_device_answers_as_recorded(form: str) -> None:
    rows = await replies(device(entropy=Seeded("another")), await recorded(form))
    assert len(rows) == 8
    assert all(row.same for row in rows)


async def test_another_device_is_found_out() -> None:
    other = device(asym=SCHEMES[1:])
    rows = await replies(other, await recorded())
    differing = {row.left.name: row.fields for row in rows if row.left and not row.same}
    assert list(differing) == [
        "ALGORITHMS", "DIGESTS", "CERTIFICATE", "CHALLENGE_AUTH", "MEASUREMENTS"
    ]  # fmt: skip
    (field,) = differing["ALGORITHMS"]
    told = ("ECDSA_P384 (0x80)", "ECDSA_P256 (0x10)")
    assert (field.name, field.left, field.right) == ("base_asym", *told)
    assert ("signature", "96 bytes", "64 bytes") in [
        (one.name, one.left, one.right) for one in differing["CHALLENGE_AUTH"]
    ]


def exchange(request: bytes, reply: bytes | None = None) -> Exchange:
    def packet(data: bytes, direction: Direction) -> Packet:
        return Packet(0, LinkType.PCI_DOE, data, direction)

    answered = packet(reply, Direction.REPLY) if reply is not None else None
    return Exchange(packet(request, Direction.REQUEST), answered)


async def test_a_missing_response_is_one_as_recorded() -> None:
    odd = exchange(b"no object", b"")
    known = exchange(data_object(GET_VERSION), None)
    first, second = await replies(device(), [odd, known])
    assert first.same
    (field,) = second.fields
    assert (field.name, field.left) == ("(message)", "(nothing) no response")
    assert field.right
    assert field.right.startswith("VERSION 1.2, 1.3")
    (gone,) = await replies(device(), [exchange(b"no object", data_object(GET_VERSION))])
    assert gone.right
    assert gone.right.meaning == "the device gave no response (an empty frame)"


class Played:
    """The device's side, played in a task of its own."""

    def __init__(self, those: Sequence[Exchange]) -> None:
        self._those = those
        self._address: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> tuple[str, int]:
        self._task = asyncio.create_task(
            replay_replies(
                self._those,
                "127.0.0.1",
                0,
                ready=lambda host, port: self._address.set_result((host, port)),
                hear=lambda _row, _reply: None,
            )
        )
        return await self._address

    async def __aexit__(self, *_: object) -> None:
        async with asyncio.timeout(20):
            self.rows = await self._task


async def test_the_same_requester_asks_as_recorded() -> None:
    played = Played(await recorded())
    async with played as address:
        # The same seed draws the same nonces, which are what the recorded signatures cover.
        assert await attested(*address)
    assert len(played.rows) == 8
    assert all(row.same for row in played.rows)


async def test_another_requester_is_found_out() -> None:
    played = Played(await recorded())
    async with played as (host, port):
        channel = await SocketChannel.open(host, port, hello=True)
        for request in (GET_VERSION, get_capabilities(0x12), get_digests(0x12)):
            await channel.exchange(data_object(request))
        await channel.close()
    version, capabilities, digests, *missing = played.rows
    assert version.same
    assert capabilities.fields[0].name == "version"
    assert digests.fields[0].left
    assert digests.fields[0].left.startswith("NEGOTIATE_ALGORITHMS ")
    assert [row.left.name for row in missing if row.left and row.right is None] == [
        "GET_DIGESTS", "GET_CERTIFICATE", "CHALLENGE", "GET_MEASUREMENTS", "GET_MEASUREMENTS"
    ]  # fmt: skip


async def test_who_asks_too_much_gets_nothing() -> None:
    played = Played([exchange(data_object(GET_VERSION))])
    async with played as (host, port):
        channel = await SocketChannel.open(host, port)
        for _ in range(2):
            with pytest.raises(NoResponse):
                await channel.exchange(data_object(GET_VERSION))
        await channel.close()
    first, second = played.rows
    assert first.same
    assert second.left is None


async def test_frames_that_ask_for_nothing(caplog: pytest.LogCaptureFixture) -> None:
    played = Played([])
    async with played as address:
        reader, writer = await asyncio.open_connection(*address)
        other_reader, other = await asyncio.open_connection(*address)
        assert await other_reader.read() == b""
        other.close()
        writer.write(frame(b"x", command=0xFFFD) + frame(b"x", transport=7))
        found = seen_frames(await reader.readexactly(24))
        assert [(one.command, one.transport) for one in found] == [(0xFFFD, 2), (0xFFFF, 7)]
        writer.write(frame()[:8] + b"\xff" * 4)
        assert await reader.read() == b""
        writer.close()
    assert played.rows == []
    assert "the peer's stream is broken: frame of command 0x1 claims" in caplog.text


async def test_a_requester_that_vanishes() -> None:
    played = Played([exchange(data_object(GET_VERSION))])
    async with played as (host, port):
        with socket.create_connection((host, port)) as peer:
            peer.sendall(spdm_frame(GET_VERSION)[:5])
    (row,) = played.rows
    assert row.right is None


async def test_an_address_that_is_taken() -> None:
    async with Played([]) as (host, port):
        with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{port}: "):
            await replay_replies([], host, port, ready=print, hear=print)
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
