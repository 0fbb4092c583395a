"""`top` as a process: a single look, and live at a real terminal."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from interop.serving import COMMAND, serving
from unit.cli.test_serve import hello

from emulator.cli.terminal import keys
from emulator.control.client import ControlClient

PATIENCE = 60.0
WIDTH, HEIGHT = 80, 24


@contextmanager
def emulator(folder: Path) -> Iterator[tuple[str, list[int]]]:
    """Two devices under control; the socket and their ports."""
    socket = str(folder / "control.sock")
    with serving("nvme-ssd", "gpu", options=["--control", socket]) as ports:
        yield socket, ports


def top(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "top", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
        check=False,
    )


class Terminal:
    """`top` at a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.before = termios.tcgetattr(self.theirs)
        self.seen = ""
        # These two would stand for the terminal's own size.
        kept = {name: one for name, one in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [COMMAND, "top", *arguments],
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            env={**kept, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"},
        )

    def until(self, text: str) -> None:
        """Read on until `text` came since the last call."""
        mark, end = len(self.seen), time.monotonic() + PATIENCE
        while text not in self.seen[mark:]:
            assert time.monotonic() < end, self.seen[mark:]
            if select.select([self.ours], [], [], 0.1)[0]:
                self.seen += os.read(self.ours, 65536).decode(errors="replace")

    def press(self, key: str) -> None:
        os.write(self.ours, key.encode())

    def ended(self) -> int:
        """The exit code; the terminal is as it was before."""
        end = time.monotonic() + PATIENCE
        while (code := self.process.poll()) is None:
            assert time.monotonic() < end, self.seen
            if select.select([self.ours], [], [], 0.1)[0]:
                self.seen += os.read(self.ours, 65536).decode(errors="replace")
        while select.select([self.ours], [], [], 0.1)[0]:
            self.seen += os.read(self.ours, 65536).decode(errors="replace")
        assert termios.tcgetattr(self.theirs) == self.before
        assert self.seen.count("\x1b[?1049h") == self.seen.count("\x1b[?1049l") == 1
        assert self.seen.count("\x1b[?25l") == self.seen.count("\x1b[?25h")
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    made = Terminal(*arguments)
    try:
        yield made
    finally:
        made.close()


def test_a_single_look_as_json(tmp_path: Path) -> None:
    with emulator(tmp_path) as (socket, ports), ControlClient(socket) as control:
        hello(ports[0])
        control.call("faults.add", presets=["busy-once"], devices=["gpu"])
        ran = top("--control", socket, "--json", "--interval", "0.1", "--filter", "gp")
        assert ran.returncode == 0, ran.stderr
        told: dict[str, Any] = json.loads(ran.stdout)
    assert told["emulator"]["devices"] == 2
    assert told["seconds"] >= 0.1
    assert list(told["devices"]) == ["gpu"]
    assert told["devices"]["gpu"]["faults"] == 1
    assert told["devices"]["gpu"]["rates"] == told["total"]
    assert set(told["total"]) == {"requests", "errors", "silent", "fired"}


@pytest.mark.parametrize(
    ("options", "note"),
    [(["--once"], ""), ([], "top: this is no terminal; one look, as with --once\n")],
)
def test_a_single_look_in_lines(tmp_path: Path, options: list[str], note: str) -> None:
    with emulator(tmp_path) as (socket, ports):
        ran = top("--control", socket, "--interval", "0.1", "--sort", "name", *options)
    assert (ran.returncode, ran.stderr) == (0, note)
    lines = ran.stdout.splitlines()
    assert "2 devices" in lines[0]
    assert [line.split()[0] for line in lines[3:]] == ["DEVICE", "gpu", "nvme-ssd"]
    assert f"127.0.0.1:{ports[0]}" in lines[5]
    assert "\x1b" not in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--sort", "nope"], "--sort: found"),
        (["--interval", "0"], "--interval"),
        ([], "top: found no socket; expected --control PATH, or SPDM_EMULATOR_CONTROL in"),
        (["--control", "/nowhere/x.sock"], "top: /nowhere/x.sock: No such file or directory"),
    ],
)
def test_wrong_use(arguments: list[str], problem: str) -> None:
    ran = top("--once", *arguments)
    assert ran.returncode == 2
    assert problem in ran.stderr


def test_it_lives_at_a_terminal_until_it_is_told_to_quit(tmp_path: Path) -> None:
    with (
        emulator(tmp_path) as (socket, _),
        ControlClient(socket) as control,
        terminal("--control", socket, "--interval", "0.2") as at,
    ):
        at.until("sort: requests")
        at.press("s")
        at.until("sort: errors")
        at.press("fgp")
        at.until("filter: gp_")
        at.press("\r")
        at.until("1 of 2")
        control.call("device.reset", devices=["gpu"])
        at.until("device.reset")
        at.press("\x1a")  # the key that suspends: nothing happens
        at.press("\x1b")
        at.until("filter: none")
        at.press("q")
        assert at.ended() == 0


def test_a_terminal_of_another_size_is_filled(tmp_path: Path) -> None:
    with emulator(tmp_path) as (socket, _), terminal("--control", socket) as at:
        at.until("sort: requests")
        fcntl.ioctl(at.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
        at.until("PROFILE")
        at.press("q")
        assert at.ended() == 0


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0)],
)
def test_a_signal_leaves_the_terminal_as_it_was(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with emulator(tmp_path) as (socket, _), terminal("--control", socket) as at:
        at.until("sort: requests")
        at.process.send_signal(number)
        assert at.ended() == code


def test_it_ends_with_the_emulator(tmp_path: Path) -> None:
    socket = str(tmp_path / "control.sock")
    serve = subprocess.Popen(
        [COMMAND, "serve", "--port", "0", "--control", socket], stdout=subprocess.DEVNULL
    )
    try:
        with terminal("--control", socket, "--wait", "20", "--interval", "0.2") as at:
            at.until("sort: requests")
            serve.terminate()
            assert at.ended() == 1
            said = re.sub(r"\x1b\[[0-9;]*m|\s", "", at.seen)
            assert said.endswith(f"top:{socket}:theemulatorhasgone")
    finally:
        serve.terminate()
        serve.wait(timeout=PATIENCE)


def test_keys_of_several_characters_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream, os.fdopen(writing, "wb", buffering=0) as end:
        monkeypatch.setattr("sys.stdin", stream)
        assert keys(0) == []
        end.write(b"\x1b[A")
        assert keys(1) == []
        end.write(b"\x1b")
        assert keys(1) == ["\x1b"]
        end.write("nvé".encode())
        assert keys(1) == ["n", "v", "é"]
        end.close()
        with pytest.raises(SystemExit):
            keys(1)
