"""Driving flows over a channel, and the client made of both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from asking import ROOTS
from chains import AT, SAN
from devices import device, error

from emulator.ask import wait_asked
from emulator.client import SocketChannel, connect, drive
from emulator.client.drive import unwrap
from emulator.device import Device
from emulator.endpoint import Close, Endpoint, Send
from emulator.entropy import Seeded
from emulator.errors import BrokenReply, NoResponse, PeerError
from emulator.requester import Direction, Flow, Offer, Requester
from emulator.spdm.messages.challenge import SummaryType
from emulator.spdm.versions import Version
from emulator.transport import doe
from emulator.transport.binding import Binding
from emulator.vendor import Registry, VendorExchange


class Scripted:
    """A channel that answers with what it was given, raising what is an exception."""

    def __init__(self, *replies: bytes | Exception) -> None:
        self.replies = list(replies)
        self.sent: list[bytes] = []

    binding: Binding = doe.DOE

    async def exchange(self, payload: bytes) -> bytes:
        self.sent.append(payload)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def close(self) -> None:
        """Nothing is open."""


def two() -> Flow[list[bytes]]:
    """Ask twice, taking a PeerError for a reply."""
    replies = []
    for request in (b"\x10\x84\x00\x00", b"\x13\x81\x00\x00\x01"):
        try:
            replies.append((yield request))
        except PeerError as problem:
            replies.append(str(problem).encode())
    return replies


ONE = doe.spdm_object(b"\x10\x04\x00\x00\x00\x00")
OTHER = doe.spdm_object(b"\x13\x01\x00\x00")


async def test_requests_travel_as_data_objects() -> None:
    channel = Scripted(ONE, OTHER)
    assert await drive(two(), channel) == [b"\x10\x04" + bytes(6), b"\x13\x01\x00\x00"]
    assert channel.sent == [
        doe.spdm_object(b"\x10\x84\x00\x00"),
        doe.spdm_object(b"\x13\x81\x00\x00\x01"),
    ]


async def test_the_observer_is_told_every_message() -> None:
    told: list[tuple[Direction, bytes]] = []
    await drive(two(), Scripted(ONE, OTHER), observer=lambda *one: told.append(one))
    assert told == [
        (Direction.REQUEST, b"\x10\x84\x00\x00"),
        (Direction.REPLY, b"\x10\x04" + bytes(6)),
        (Direction.REQUEST, b"\x13\x81\x00\x00\x01"),
        (Direction.REPLY, b"\x13\x01\x00\x00"),
    ]


async def test_what_goes_wrong_on_the_way_is_the_flows_matter() -> None:
    channel = Scripted(NoResponse("gone"), b"junk")
    assert await drive(two(), channel) == [
        b"gone",
        b"DOE object.length: found 4 bytes where a header takes 8, expected one whole object",
    ]


async def test_what_the_flow_does_not_take_comes_out() -> None:
    with pytest.raises(NoResponse, match="gone"):
        await drive(Requester(Seeded(1)).version(), Scripted(NoResponse("gone")))


async def test_other_trouble_ends_the_flow() -> None:
    flow = two()
    with pytest.raises(ZeroDivisionError):
        await drive(flow, Scripted(ZeroDivisionError()))
    with pytest.raises(StopIteration):
        next(flow)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (doe.DataObject(0x1AF4, 1, b"").to_bytes(), "vendor: found 0x1af4, expected 0x0001"),
        (
            doe.DataObject(1, 2, b"").to_bytes(),
            "type: found a secured message, expected an SPDM message",
        ),
        (ONE + bytes(4), "length: found "),
    ],
)
def test_another_object_is_no_reply(data: bytes, reason: str) -> None:
    with pytest.raises(BrokenReply, match=f"DOE object.{reason}"):
        unwrap(data, doe.DOE)


async def test_a_device_that_asks_for_time_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    busy = error(0x13, 0x03)
    late = error(0x13, 0x42, 0, bytes((31, 0x81, 0, 2)))
    await drive(two(), Scripted(doe.spdm_object(busy), OTHER))
    await drive(two(), Scripted(doe.spdm_object(late), doe.spdm_object(late)))
    assert slept == [wait_asked(busy), 10.0]


class Mirror:
    """Answers with the payload the other way round."""

    def respond(self, payload: bytes, exchange: VendorExchange) -> bytes:
        del exchange
        return payload[::-1]


@asynccontextmanager
async def serving(to: Device) -> AsyncIterator[int]:
    """A device on a port."""
    vendors = Registry()
    vendors.add(3, b"\x01\x00", Mirror())

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        endpoint = Endpoint(to, vendors=vendors)
        while data := await reader.read(65536):
            for action in endpoint.receive(data, 0.0):
                match action:
                    case Send(data=answer):
                        writer.write(answer)
                    case Close():
                        writer.close()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_client_does_it_all() -> None:
    async with serving(device()) as port, connect("127.0.0.1", port, entropy=Seeded(1)) as client:
        await client.connect()
        assert set((await client.digests()).digests) == {0, 2}
        assert (await client.certificate(2)).slot == 2
        found = await client.challenge(2, summary=SummaryType.ALL)
        assert found.reply.summary
        assert (await client.measurements(1, signed_by=None)).measurements[0].index == 1
        measured = await client.measure_all(one_by_one=True, signed_by=2)
        assert [one.index for one in measured.measurements] == [1, 2, 3, 5, 254]
        assert await client.vendor(3, b"\x01\x00", b"abc") == b"cba"


async def test_a_client_attests() -> None:
    offer = Offer(versions=(Version.V1_2,))
    told: list[bytes] = []
    async with (
        serving(device()) as port,
        connect(
            "127.0.0.1", port, offer=offer, hello=True, observer=lambda _, raw: told.append(raw)
        ) as client,
    ):
        verdict = await client.attest(trust=ROOTS, at=AT, expected_san=SAN, slot=2)
    assert verdict.ok
    assert told[0] == b"\x10\x84\x00\x00"
    assert told[-1][:2] == b"\x12\x60"


async def test_leaving_closes_the_channel_even_after_trouble() -> None:
    async with serving(device()) as port:
        with pytest.raises(ZeroDivisionError):
            async with connect("127.0.0.1", port) as client:
                raise ZeroDivisionError
        assert isinstance(client.channel, SocketChannel)
        with pytest.raises(NoResponse, match="closed"):
            await client.connect()
