"""Serving several devices until told to stop, and what is logged meanwhile."""

import asyncio
import logging
import os
import resource
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from devices import GET_VERSION, challenge, device, error, frame, spdm_frame
from unit.serve.loopback import Client, served, serving

from emulator.endpoint import Answered, Ignored, Received
from emulator.errors import InvalidRequest
from emulator.serve.events import log_events
from emulator.serve.fleet import Fleet, Served
from emulator.serve.limits import raise_descriptor_limit
from emulator.serve.run import ListenError, serve

LOGGER = "emulator.serve.events"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_devices_are_served_until_a_signal_comes(number: signal.Signals) -> None:
    devices = [served("one"), served("two")]
    listening: asyncio.Queue[Served] = asyncio.Queue()
    running = asyncio.create_task(serve(Fleet(), devices, listening.put_nowait))
    opened = [await listening.get() for _ in devices]
    assert opened == devices
    bound = [one.bound or ("", 0) for one in opened]
    clients = [await Client.connect(port) for _, port in bound]
    for client in clients:
        assert (await client.ask(GET_VERSION))[1] == 0x04
    assert [one.device.connections for one in devices] == [1, 1]
    os.kill(os.getpid(), number)
    await running
    for client in clients:
        assert await client.ended() == b""
        await client.close()


async def test_an_address_that_cannot_be_had_closes_what_was_opened() -> None:
    async with serving() as (_, taken):
        opened: list[Served] = []
        devices = [served("one"), served("two", port=taken)]
        with pytest.raises(ListenError, match=f"two: cannot listen on 127.0.0.1:{taken}: "):
            await serve(Fleet(), devices, opened.append)
        assert opened == []
        with pytest.raises(ConnectionRefusedError):
            await Client.connect((devices[0].bound or ("", 0))[1])


async def test_what_goes_on_beside_begins_once_all_listen_and_may_end_it() -> None:
    fleet, told = Fleet(), list[str]()

    @asynccontextmanager
    async def beside(stop: Callable[[], None]) -> AsyncIterator[None]:
        told.append(", ".join(fleet.served))
        stop()
        yield
        told.append("over")

    def ready(one: Served) -> None:
        told.append(one.name)

    await serve(fleet, [served("one"), served("two")], ready, beside=beside)
    assert told == ["one, two", "one", "two", "over"]
    assert not fleet.served


def test_the_limit_of_descriptors_is_raised_as_far_as_it_goes() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        raise_descriptor_limit()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert soft == hard == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("level", "lines"),
    [
        (
            logging.DEBUG,
            [
                "device connection 7: < GET_VERSION, 4 bytes: which versions do you speak?",
                "device connection 7:       0  version    16 (0x10)",
                "device connection 7:       1  code       132 (0x84)",
                "device connection 7:       2  reserved1  0 (0x0)",
                "device connection 7:       3  reserved2  0 (0x0)",
                "device connection 7: > VERSION, 10 bytes: 1.2, 1.3",
                "device connection 7:       0  version            16 (0x10)",
                "device connection 7:       1  code               4 (0x4)",
                "device connection 7:       2  reserved1          0 (0x0)",
                "device connection 7:       3  reserved2          0 (0x0)",
                "device connection 7:       4  reserved3          0 (0x0)",
                "device connection 7:       5  entry_count        2 (0x2)",
                "device connection 7:       6  entries[0].number  4608 (0x1200)",
                "device connection 7:       8  entries[1].number  4864 (0x1300)",
                "device connection 7: < (no message), 1 bytes: 3f",
                (
                    "device connection 7: > ERROR, 4 bytes: INVALID_REQUEST (0x01), data 0:"
                    " a value or the size of the request is not legal"
                ),
                "device connection 7:       0  version     16 (0x10)",
                "device connection 7:       1  code        127 (0x7f)",
                "device connection 7:       2  error_code  INVALID_REQUEST (0x1)",
                "device connection 7:       3  data        0 (0x0)",
                "device connection 7:       4  extended    (empty)",
                "device connection 7: > ERROR INVALID_REQUEST: too short",
                "device connection 7: no response",
            ],
        ),
        (
            logging.INFO,
            [
                "device connection 7: > ERROR INVALID_REQUEST: too short",
                "device connection 7: no response",
            ],
        ),
    ],
)
def test_events_are_logged(caplog: pytest.LogCaptureFixture, level: int, lines: list[str]) -> None:
    caplog.set_level(level, logger=LOGGER)
    observe = log_events(device())(7)
    observe(Received(GET_VERSION))
    observe(Answered(bytes.fromhex("10040000000200120013")))
    observe(Received(b"?"))
    observe(Answered(error(0x10, 0x01), InvalidRequest("too short")))
    observe(Ignored("no response"))
    assert [record.getMessage() for record in caplog.records] == lines


async def test_what_a_peer_does_is_logged_under_its_number(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger=LOGGER)
    held = device()
    async with serving(held, observe=log_events(held)) as (_, port):
        client = await Client.connect(port)
        await client.send(spdm_frame(challenge()) + frame(command=0))
        await client.frame()
        await client.frame()
        await client.close()
    assert [record.getMessage() for record in caplog.records] == [
        "device connection 1: > ERROR UNEXPECTED_REQUEST: CHALLENGE in state NOT_STARTED",
        "device connection 1: command 0x0 on transport 2",
    ]
