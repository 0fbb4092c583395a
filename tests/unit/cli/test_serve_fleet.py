"""`serve FLEET.yaml`: many devices in one process, and what they hold of it."""

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bench.crowd import attest_all, children, fleet
from interop.serving import COMMAND

from emulator.control.client import ControlClient

GROWTH = 100
"""kB that a further device may add: about three times what it does."""


@pytest.mark.parametrize("entry", ["", ", set: {identity.serial: '0x{n:x}'}"])
def test_fifty_devices_attested_at_once(entry: str) -> None:
    with fleet(1, entry=entry) as one:
        alone = one.memory
    with fleet(50, entry=entry) as many:
        assert len(set(many.addresses)) == 50
        grown = many.memory - alone
        assert attest_all(many.addresses).wrong == []
    assert grown * 1000 / 49 < GROWTH


def write(folder: Path, *devices: str) -> Path:
    path = folder / "f.yaml"
    lines = ["fleet: 1", "control: {socket: c.sock}", "devices:", *(f"- {one}" for one in devices)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@contextmanager
def running(path: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A fleet that is served with --json, and the file of what it says on stderr."""
    log = path.parent / "log.txt"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [COMMAND, "serve", "--json", *options, str(path)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield process, log
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert process.returncode == 0


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(process.stdout.readline() if process.stdout else "")
    return line


def until(condition: Callable[[], bool]) -> None:
    """Wait until this is so."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def control_of(folder: Path) -> ControlClient:
    """The control socket, which listens a moment after the devices do."""
    path = folder / "c.sock"
    until(lambda: path.exists() and _listens(path))
    return ControlClient(str(path))


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def test_a_fleet_is_served_controlled_and_read_again(tmp_path: Path) -> None:
    path = write(tmp_path, "{profile: nvme-ssd, name: 'd-{n}', count: 2, port: 0}")
    with running(path) as (process, log):
        assert [told(process)["device"] for _ in range(2)] == ["d-1", "d-2"]
        with control_of(tmp_path) as control:
            heard = control.events(kinds=["fleet.reloaded"])
            write(tmp_path, "{profile: nvme-ssd, name: 'd-{n}', count: 3, first: 2, port: 0}")
            process.send_signal(signal.SIGHUP)
            event = next(heard)
        assert (event["added"], event["removed"]) == (["d-3", "d-4"], ["d-1"])
        new = [told(process) for _ in range(2)]
        assert [one["device"] for one in new] == ["d-3", "d-4"]
        assert attest_all([(one["host"], one["port"]) for one in new]).wrong == []
        with control_of(tmp_path) as control:
            write(tmp_path, "{profile: nvme-sd}")
            process.send_signal(signal.SIGHUP)
            until(lambda: "devices[0].profile" in log.read_text())
            assert len(control.call("devices.list")) == 3
    said = log.read_text()
    assert "read again: 2 added (d-3, d-4), 1 removed (d-1), 1 unchanged" in said
    assert 'f.yaml:4:13: devices[0].profile: found "nvme-sd"' in said


def refused(*arguments: str) -> str:
    done = subprocess.run(
        [COMMAND, "serve", *arguments], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 2
    return " ".join(done.stderr.split())


def test_a_fleet_stands_alone(tmp_path: Path) -> None:
    path = str(write(tmp_path, "{profile: nvme-ssd, port: 0}"))
    assert "a fleet file stands alone" in refused(path, "nvme-ssd")
    assert "a fleet file stands alone" in refused(path, "--port", "0")


def test_a_fleet_with_mistakes_is_refused_with_all_of_them(tmp_path: Path) -> None:
    path = write(tmp_path, "{profile: nvme-ssd, count: 0}", "{profil: gpu}")
    errors = refused(str(path))
    assert "f.yaml:4:" in errors
    assert "f.yaml:5:" in errors


def test_fleets_are_checked_as_profiles_are(tmp_path: Path) -> None:
    good = write(tmp_path, "{profile: nvme-ssd, port: 0}")
    bad = tmp_path / "bad.yaml"
    bad.write_text("fleet: 1\ndevices: []\n", encoding="utf-8")
    done = subprocess.run(
        [COMMAND, "profile", "check", "--json", str(good), str(bad)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert [one["good"] for one in json.loads(done.stdout)] == [True, False]


class TestWorkers:
    def test_devices_in_two_processes(self) -> None:
        with fleet(6, "--workers", "2") as served:
            assert len(children(served.process)) == 2
            assert attest_all(served.addresses).wrong == []

    def test_the_fleets_file_says_how_many(self, tmp_path: Path) -> None:
        path = write(tmp_path, "{profile: nvme-ssd, name: 'd-{n}', count: 3, port: 0}")
        path.write_text(path.read_text() + "\nworkers: 2\n")
        with running(path, "--fault", "busy-once", "--seed", "x") as (process, log):
            lines = [told(process) for _ in range(3)]
            assert [one["device"] for one in lines] == ["d-1", "d-2", "d-3"]
            assert {(one["event"], one["seed"]) for one in lines} == {("listening", "x")}
            with control_of(tmp_path) as control:
                assert len(children(process.pid)) == 2
                assert attest_all([(one["host"], one["port"]) for one in lines[1:]]).wrong == []
                assert list(control.call("devices.list")) == ["d-1", "d-2", "d-3"]
        counts = re.findall(r"(d-\d): fault busy-once: (\d) times", log.read_text())
        assert counts == [("d-1", "0"), ("d-2", "1"), ("d-3", "1")]

    def test_none_outlives_a_parent_that_is_killed(self, tmp_path: Path) -> None:
        path = write(tmp_path, "{profile: nvme-ssd, port: 0}")
        process = subprocess.Popen(
            [COMMAND, "serve", "--json", "--workers", "2", str(path)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline()
        workers = children(process.pid)
        assert len(workers) == 2
        process.kill()
        process.communicate()
        until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))

    def test_an_address_that_is_taken(self, tmp_path: Path) -> None:
        with fleet(1) as served:
            ((_, port),) = served.addresses
            path = write(tmp_path, f"{{profile: nvme-ssd, name: a, port: {port}}}")
            assert f"a: cannot listen on 127.0.0.1:{port}: " in refused(str(path), "--workers", "2")
