"""Grace, the wish to stop, and the notifier, without a process of their own."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest
from devices import GET_VERSION, device, spdm_frame
from unit.serve.loopback import connected, until

from emulator.device import Timing
from emulator.errors import EmulatorError
from emulator.serve import Listener
from emulator.serve.notify import Notifier, supervised
from emulator.serve.shutdown import Grace, Stop


async def test_grace_lasts_so_long_and_no_longer() -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await Grace(0.05).until(asyncio.sleep(60))
    assert 0.05 <= loop.time() - begun < 5
    await Grace(60).until(asyncio.sleep(0))
    grace = Grace(60)
    loop.call_soon(grace.hurry.set)
    await grace.until(asyncio.sleep(60))
    assert loop.time() - begun < 5


async def test_the_second_signal_hurries_and_the_third_is_the_systems() -> None:
    stop = Stop(60)
    stop.on_signals()
    os.kill(os.getpid(), signal.SIGTERM)
    await stop.asked.wait()
    assert not stop.grace.hurry.is_set()
    os.kill(os.getpid(), signal.SIGINT)
    await stop.grace.hurry.wait()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_stopping_with_grace_lets_a_reply_leave() -> None:
    listener = Listener(device(timing=Timing(delay=0.05)))
    _, port = await listener.start("127.0.0.1", 0)
    async with connected(port, 2) as (asking, silent):
        await asking.send(spdm_frame(GET_VERSION) * 3)
        await until(lambda: any(one._held for one in listener.connections))
        await listener.stop(Grace(30))
        assert not listener.connections
        assert len(await asking.ended()) == 3 * 32
        assert await silent.ended() == b""


async def test_stopping_with_grace_ends_those_who_never_read() -> None:
    listener = Listener(device(timing=Timing(delay=3600)))
    _, port = await listener.start("127.0.0.1", 0)
    async with connected(port) as (asking,):
        await asking.send(spdm_frame(GET_VERSION))
        await until(lambda: any(one._held for one in listener.connections))
        await listener.stop(Grace(0.05))
        assert await asking.ended() == b""
        await until(lambda: not listener.connections)


@pytest.mark.parametrize(
    ("environment", "watchdog"),
    [
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "3000000"}, 3.0),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "0"}, None),
        ({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "3000000"}, None),
        ({}, None),
    ],
)
def test_signs_of_life_are_for_who_wants_them(
    environment: dict[str, str], watchdog: float | None
) -> None:
    assert Notifier(environment).watchdog == watchdog


async def test_sighup_loads_anew_and_errors_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    failures: list[Exception] = [EmulatorError("no such file"), ValueError("a bug")]
    loaded: list[str] = []

    async def reload() -> None:
        await asyncio.sleep(0)
        loaded.append("loaded")
        if failures:
            raise failures.pop(0)

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(0)
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        async with supervised(notifier, lambda: "well", reload):
            for count in range(1, 4):
                os.kill(os.getpid(), signal.SIGHUP)
                await until(lambda count=count: len(loaded) == count)  # type: ignore[misc]  # bound at once
                await asyncio.sleep(0.01)
        told = [manager.recv(4096).decode().partition("\n")[0] for _ in range(10)]
        with pytest.raises(BlockingIOError):
            manager.recv(1)
    again = ["RELOADING=1", "READY=1"]
    assert told == ["STATUS=well", "READY=1", *again * 3, "STOPPING=1", "STATUS=stopping"]
    assert [record.getMessage() for record in caplog.records] == [
        "SIGHUP: no such file",
        "SIGHUP: loading anew failed",
    ]


async def test_sighup_with_nothing_to_load_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with supervised(Notifier({}), lambda: "well"):
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: "nothing to load anew" in caplog.text)
