"""How the real process ends, and what it tells a service manager meanwhile."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from json import loads
from pathlib import Path
from threading import Event, Thread
from typing import IO

import pytest
from devices import GET_VERSION, seen_frames, spdm_frame
from interop.serving import COMMAND

from emulator.record import read

PATIENCE = 60.0


class Running:
    """A device in a process of its own, and one peer of it."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process = process
        self.port = port
        self.peer = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.log: list[str] = []
        self._heard = Event()
        assert process.stderr
        self._reader = Thread(target=self._read, args=(process.stderr,))
        self._reader.start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self.log.append(line)
            self._heard.set()

    def until_logged(self, text: str) -> None:
        """Wait for a line with this."""
        until = time.monotonic() + PATIENCE
        while not any(text in line for line in self.log):
            assert time.monotonic() < until, self.log
            self._heard.wait(0.1)
            self._heard.clear()

    def ask(self) -> None:
        """Send a request, and wait until it has come."""
        self.peer.sendall(spdm_frame(GET_VERSION))
        self.until_logged("< GET_VERSION")

    def until_refused(self) -> None:
        """Wait until nobody new is let in."""
        with suppress(ConnectionRefusedError):
            while True:
                with suppress(ConnectionResetError):  # it was waiting to be accepted
                    socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE).close()

    def rest(self) -> bytes:
        """All that still comes."""
        rest = b""
        while data := self.peer.recv(4096):
            rest += data
        return rest

    def close(self) -> int:
        """Wait for the end; the exit code."""
        self.peer.close()
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


@contextmanager
def running(
    *options: str, environment: dict[str, str] | None = None, command: Sequence[str] = ()
) -> Iterator[Running]:
    """Serve a device whose peer is there."""
    process = subprocess.Popen(
        [COMMAND, "--log-level", "debug", *command, "serve", "--port", "0", "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    device = None
    try:
        line = process.stdout.readline() if process.stdout else ""
        device = Running(process, loads(line)["port"])
        yield device
    finally:
        process.kill()
        process.wait(PATIENCE)
        if device is not None:
            device.close()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_reply_under_way_leaves(number: signal.Signals, tmp_path: Path) -> None:
    file = tmp_path / "r.pcapng"
    with running("--set", "timing.delay=1s", "--record", str(file)) as device:
        device.ask()
        device.process.send_signal(number)
        device.until_logged(f"{number.name}: stopping")
        # Nobody new is let in meanwhile.
        device.until_refused()
        # Nothing more is answered.
        device.peer.sendall(spdm_frame(GET_VERSION))
        (frame,) = seen_frames(device.rest())
        assert frame.payload[9] == 0x04
        assert device.close() == 0
    recording = read("r", file.read_bytes())
    assert recording.problem is None
    packets = [packet for packet in recording.packets if packet.connection == 1]
    assert [len(packet.data) for packet in packets] == [12, 20, 0]
    assert packets[-1].comments == ("connection 1 closed: the emulator ends",)


def test_the_grace_is_not_exceeded() -> None:
    with running("--set", "timing.delay=60s", "--grace", "0.3") as device:
        device.ask()
        begun = time.monotonic()
        device.process.terminate()
        assert device.rest() == b""
        assert device.close() == 0
        assert 0.3 <= time.monotonic() - begun < 10


def test_a_second_signal_ends_it_at_once() -> None:
    with running("--set", "timing.delay=60s", "--grace", "60") as device:
        device.ask()
        device.process.terminate()
        device.until_logged("SIGTERM: stopping")
        begun = time.monotonic()
        device.process.send_signal(signal.SIGINT)
        assert device.rest() == b""
        assert device.close() == 0
        device.until_logged("SIGINT again: stopping at once")
        assert time.monotonic() - begun < 10


def test_silent_peers_hold_nothing_up() -> None:
    with running("--grace", "60") as device:
        begun = time.monotonic()
        device.process.terminate()
        assert device.rest() == b""
        assert device.close() == 0
        assert time.monotonic() - begun < 10


def test_more_connections_than_the_process_takes_are_refused() -> None:
    with running("--max-connections", "1") as device:
        device.ask()
        refused = socket.create_connection(("127.0.0.1", device.port), timeout=PATIENCE)
        with refused, suppress(ConnectionResetError):
            assert refused.recv(1) == b""
        device.until_logged("limit connections: the process takes 1 connections")
        assert len(seen_frames(device.peer.recv(4096))) == 1


def datagrams(manager: socket.socket, last: str) -> list[str]:
    """The lines that come, up to the one that begins so."""
    lines: list[str] = []
    manager.settimeout(PATIENCE)
    while not any(line.startswith(last) for line in lines):
        lines += manager.recv(4096).decode().splitlines()
    return lines


@pytest.mark.parametrize("abstract", [False, True])
def test_a_service_manager_is_told_how_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, abstract: bool
) -> None:
    name = f"@spdm-emulator-{tmp_path.name}-{tmp_path.parent.name}" if abstract else "notify"
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if abstract else name)
        environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "200000", "HOME": str(tmp_path)}
        with running(environment=environment) as device:
            first = datagrams(manager, "READY=1")
            assert first == ["STATUS=1 device, 0 connections", "READY=1"]
            datagrams(manager, "STATUS=1 device, 1 connection")
            begun = time.monotonic()
            for _ in range(3):
                datagrams(manager, "WATCHDOG=1")
            assert time.monotonic() - begun < 5
            device.process.send_signal(signal.SIGHUP)
            _, at = datagrams(manager, "MONOTONIC_USEC")[-2:]
            assert 0 < time.monotonic_ns() // 1000 - int(at.partition("=")[2]) < 10_000_000
            datagrams(manager, "READY=1")
            device.until_logged("SIGHUP: fleet.reload: the devices come from no fleet file")
            device.process.terminate()
            assert "STOPPING=1" in datagrams(manager, "STOPPING=1")
            assert device.close() == 0


def test_a_manager_that_is_gone_is_no_reason_to_end(tmp_path: Path) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "nobody"), "HOME": str(tmp_path)}
    with running(environment=environment) as device:
        device.until_logged("the service manager cannot be told STATUS=1 device, 0 connections: ")
        device.ask()
        device.process.terminate()
        device.rest()
        assert device.close() == 0
