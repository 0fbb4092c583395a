"""An endpoint of the kernel's MCTP: its socket is a fake with a device behind it, or another."""

import errno
import os
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator

import pytest
from asking import ROOTS
from chains import AT, SAN
from devices import GET_VERSION, device, frame, seen_frames

from emulator.client import Client, connect
from emulator.client.mctp import (
    AF_MCTP,
    EndpointAddress,
    MctpChannel,
    MctpError,
    MctpUnsupported,
    OpenSocket,
    endpoint_address,
)
from emulator.endpoint import Endpoint, Send
from emulator.entropy import Seeded
from emulator.errors import BrokenReply, NoResponse
from emulator.requester import Requester

EID = 9
NETWORK = 1
SOCKADDR = "=HHIBBBB"


class FakeKernel:
    """AF_MCTP with one endpoint: types are put in front and taken off, tags are answered."""

    def __init__(self, *, eid: int = EID, kind: int | None = None, failure: int = 0) -> None:
        self._endpoint = Endpoint(device())
        self._waiting: deque[tuple[bytes, bytes]] = deque()
        self._eid = eid
        self._kind = kind
        self._failure = failure
        self.silent = False
        self.closed = 0
        self.tags: set[int] = set()

    def sendto(self, data: bytes, address: bytes) -> None:
        if self._failure:
            raise OSError(self._failure, os.strerror(self._failure))
        family, pad, network, eid, kind, tag, last = struct.unpack(SOCKADDR, address)
        assert (family, pad, network, eid, last) == (AF_MCTP, 0, NETWORK, EID, 0)
        self.tags.add(tag)
        on_the_bus = bytes((kind,)) + data
        (action,) = self._endpoint.receive(frame(on_the_bus, transport=1), 0.0)
        assert isinstance(action, Send)
        ((_, _, payload),) = seen_frames(action.data)
        if payload and not self.silent:
            found = payload[0] if self._kind is None else self._kind
            source = struct.pack(SOCKADDR, AF_MCTP, 0, NETWORK, self._eid, found, 0, 0)
            self._waiting.append((payload[1:], source))

    def recvfrom(self, size: int) -> tuple[bytes, bytes]:
        if not self._waiting:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        data, source = self._waiting.popleft()
        return data[:size], source

    def close(self) -> None:
        self.closed += 1


def channel(kernel: FakeKernel) -> MctpChannel:
    return MctpChannel(kernel, EndpointAddress(NETWORK, EID), timeout=0.5)


async def test_an_endpoint_is_attested() -> None:
    kernel = FakeKernel()
    to = channel(kernel)
    client = Client(Requester(Seeded(1)), to)
    verdict = await client.attest(trust=ROOTS, at=AT, expected_san=SAN)
    assert verdict.ok, [step for step in verdict.steps if step.ok is False]
    assert kernel.tags == {0x08}
    await to.close()
    assert kernel.closed == 1
    with pytest.raises(NoResponse, match="closed"):
        await to.exchange(b"\x05" + GET_VERSION)


async def test_silence_ends_the_channel() -> None:
    kernel = FakeKernel()
    kernel.silent = True
    to = channel(kernel)
    told = r"no reply from mctp:1,9 within 0\.5 s"
    with pytest.raises(NoResponse, match=told):
        await to.exchange(b"\x05" + GET_VERSION)
    kernel.silent = False
    with pytest.raises(NoResponse, match=told):
        await to.exchange(b"\x05" + GET_VERSION)


@pytest.mark.parametrize(
    ("kernel", "told"),
    [
        (FakeKernel(eid=10), "MCTP message.source: found 10, expected 9"),
        (FakeKernel(kind=6), "MCTP message.type: found 0x06, expected 0x05"),
    ],
)
async def test_what_somebody_else_says_is_no_answer(kernel: FakeKernel, told: str) -> None:
    with pytest.raises(BrokenReply, match=told):
        await channel(kernel).exchange(b"\x05" + GET_VERSION)


async def test_an_endpoint_without_a_route_is_told() -> None:
    with pytest.raises(MctpError, match="mctp:1,9: No route to host"):
        await channel(FakeKernel(failure=errno.EHOSTUNREACH)).exchange(b"\x05" + GET_VERSION)


@pytest.mark.parametrize(
    ("text", "network", "eid"),
    [("9", 0, 9), ("0x1d", 0, 29), ("1,254", 1, 254), ("4294967295,8", 0xFFFFFFFF, 8)],
)
def test_an_address(text: str, network: int, eid: int) -> None:
    assert endpoint_address(text) == (network, eid)


@pytest.mark.parametrize(
    "text", ["", "7", "255", "256", "-9", "1,", ",9", "1,9,9", "4294967296,9", "eid"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="MCTP endpoint from 8 to 254 is needed, such as 9, or"):
        endpoint_address(text)


def test_the_kernels_address() -> None:
    assert EndpointAddress(1, 9).packed(5, 8).hex() == "2d0000000100000009050800"


@pytest.mark.parametrize(
    ("number", "failure"),
    [(errno.EAFNOSUPPORT, MctpUnsupported), (errno.EACCES, MctpError)],
)
async def test_a_kernel_that_gives_no_socket(
    monkeypatch: pytest.MonkeyPatch, number: int, failure: type[MctpError]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("emulator.client.mctp.OpenSocket", refuse)
    with pytest.raises(MctpError) as caught:
        async with connect("mctp:9"):
            pass
    assert type(caught.value) is failure


@pytest.fixture
def echo() -> Iterator[bytes]:
    """A datagram socket that sends back what it gets, turned round; its packed address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            data, peer = sock.recvfrom(100)
            sock.sendto(data[::-1], peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield struct.pack("=H", socket.AF_INET) + struct.pack(
            ">H4s8x", sock.getsockname()[1], socket.inet_aton("127.0.0.1")
        )
        thread.join()


def test_the_c_librarys_calls_carry_datagrams(echo: bytes) -> None:
    """The same code on a family that every kernel has."""
    ours = OpenSocket(socket.AF_INET, timeout=5.0)
    ours.sendto(b"there and back", echo)
    data, source = ours.recvfrom(100)
    assert data == b"kcab dna ereht"
    assert source[:8] == echo[:8]
    ours.close()


def test_the_c_librarys_calls_tell_what_fails() -> None:
    ours = OpenSocket(socket.AF_INET, timeout=0.01)
    with pytest.raises(BlockingIOError):
        ours.recvfrom(100)
    with pytest.raises(OSError, match="not supported") as caught:
        ours.sendto(b"", EndpointAddress(0, 9).packed(5, 8) + bytes(4))
    assert caught.value.errno == errno.EAFNOSUPPORT
    ours.close()
