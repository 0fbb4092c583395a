"""A device on a Unix socket."""

import socket
import stat
from pathlib import Path

import pytest
from devices import device
from unit.serve.loopback import served

from emulator.client import connect
from emulator.entropy import Seeded
from emulator.errors import NoResponse
from emulator.serve import Listener
from emulator.serve.fleet import Fleet
from emulator.serve.run import ListenError, serve


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def attach(address: str) -> None:
    async with connect(address, entropy=Seeded(1)) as client:
        await client.connect()


async def test_a_device_is_served_to_its_owner_alone_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "device.sock"
    listener = Listener(device())
    assert await listener.start(f"unix:{path}", 0) == (f"unix:{path}", 0)
    mode = path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600
    await attach(f"unix:{path}")
    await attach(f"unix:{path}")
    await listener.stop()
    assert files(tmp_path) == []
    with pytest.raises(NoResponse, match=f"cannot connect to unix:{path}: No such file"):
        await attach(f"unix:{path}")


async def test_what_a_dead_listener_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "device.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
        left.listen()
    with pytest.raises(NoResponse, match="Connection refused"):
        await attach(f"unix:{path}")
    listener = Listener(device())
    await listener.start(f"unix:{path}", 0)
    await attach(f"unix:{path}")
    await listener.stop()


@pytest.mark.parametrize("backlog_full", [False, True])
async def test_where_something_listens_nothing_is_replaced(
    tmp_path: Path,
    backlog_full: bool,  # noqa: FBT001 - a case of the test
) -> None:
    path = tmp_path / "device.sock"
    with socket.socket(socket.AF_UNIX) as other, socket.socket(socket.AF_UNIX) as waiting:
        other.bind(str(path))
        other.listen(0)
        if backlog_full:
            waiting.connect(str(path))
        with pytest.raises(OSError, match="Address already in use"):
            await Listener(device()).start(f"unix:{path}", 0)
        assert path.is_socket()


async def test_another_kind_of_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data", encoding="ascii")
    with pytest.raises(ListenError, match=f"nvme: cannot listen on unix:{path}: Address already"):
        await serve(Fleet(), [served(host=f"unix:{path}")], lambda _: None)
    assert path.read_text(encoding="ascii") == "data"


async def test_the_file_of_a_successor_stays(tmp_path: Path) -> None:
    path = tmp_path / "device.sock"
    first, second = Listener(device()), Listener(device())
    await first.start(f"unix:{path}", 0)
    path.unlink()
    await second.start(f"unix:{path}", 0)
    await first.stop()
    await attach(f"unix:{path}")
    await second.stop()
