"""A real mosquitto for tests: on a free port of 127.0.0.1, with a configuration of its own."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from support import require_or_skip

HINT = "apt-get install mosquitto mosquitto-clients"
PATIENCE = 40.0
"""Seconds for a broker to be there."""


def tool(name: str) -> str:
    """The path of one of mosquitto's programs."""
    # Debian keeps the daemon where only root's path leads.
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    require_or_skip(found is not None, f"{name} not found: {HINT}")
    return str(found)


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """A broker that can be killed and started again, on the same port.

    Attributes:
        port: where it listens.
        folder: where its configuration and log are.
        options: what its clients say beside host and port: TLS, user, password.
    """

    def __init__(self, folder: Path, *lines: str, options: Sequence[str] = ()) -> None:
        """`lines`: of mosquitto.conf(5), after the listener."""
        self.port = free_port()
        self.options = list(options)
        self.folder = folder
        self._program = tool("mosquitto")
        self._config = folder / f"mosquitto-{self.port}.conf"
        # Everything is kept for clients that are away: the tests count what they get.
        always = ("max_queued_messages 0", "user root")
        said = lines or ("allow_anonymous true",)
        listener = f"listener {self.port} 127.0.0.1"
        self._config.write_text("\n".join([listener, *always, *said, ""]), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        log = (self.folder / "mosquitto.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(self._config), "-v"], stdout=log, stderr=log
            )
        until = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert self._process.poll() is None, self.log()
                assert time.monotonic() < until, self.log()
                time.sleep(0.02)
            else:
                return

    def log(self) -> str:
        """What it has said."""
        return (self.folder / "mosquitto.log").read_text(encoding="utf-8", errors="replace")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it, by default without a chance to say goodbye."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=PATIENCE)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _command(self, name: str, *arguments: str) -> list[str]:
        address = ["-h", "127.0.0.1", "-p", str(self.port)]
        return [tool(name), *address, *self.options, *arguments]

    def publish(self, topic: str, payload: str, *arguments: str) -> None:
        """`mosquitto_pub`."""
        command = self._command("mosquitto_pub", "-q", "1", "-t", topic, "-m", payload, *arguments)
        subprocess.run(command, check=True, timeout=PATIENCE)

    def retained(self, topic: str, *arguments: str) -> str | None:
        """The retained message of a topic, if there is one."""
        # -W: as long as it waits; -C 1: it ends with the message.
        command = self._command("mosquitto_sub", "-t", topic, "-C", "1", "-W", "1", *arguments)
        command += ["--retained-only"]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=PATIENCE
        )
        return done.stdout.removesuffix("\n") or None

    @contextmanager
    def hearing(self, topic: str, *arguments: str) -> Iterator[Path]:
        """`mosquitto_sub` in the background; yields the file its lines go to: `TOPIC PAYLOAD`."""
        file = self.folder / f"heard-{len(list(self.folder.glob('heard-*')))}"
        ready = f"probe/{file.name}"
        with file.open("wb") as out:
            command = self._command(
                "mosquitto_sub", "-q", "1", "-v", "-t", ready, "-t", topic, *arguments
            )
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + PATIENCE
            while ready not in file.read_text(encoding="utf-8"):
                assert time.monotonic() < until, file.read_text(encoding="utf-8")
                self.publish(ready, "?")
            yield file
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)
