"""Speaking to a control socket from outside: for the command, and for tests in any thread."""

import socket
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from emulator.control import lines
from emulator.control.port import ControlError

TIMEOUT = 30.0
"""Seconds an answer may take."""


class ControlClient:
    """A connection to a control socket."""

    def __init__(self, path: str, *, timeout: float = TIMEOUT) -> None:
        """Connect. Raises OSError where nothing listens."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise
        self._stream = self._socket.makefile("rb")
        self._number = 0
        self._events: list[dict[str, Any]] = []

    def call(self, operation: str, **arguments: Any) -> Any:
        """Carry out an operation; its result. Raises ControlError, and OSError."""
        self._number += 1
        self._socket.sendall(lines.request(self._number, operation, arguments))
        while True:
            read = self._read()
            if read is None:
                raise ControlError("failed", f"{operation}: the emulator has gone")
            if read.get("id") == self._number:
                return lines.result_of(read)
            self._events.append(read)

    def events(
        self, devices: Sequence[str] = ("*",), kinds: Sequence[str] = ("*",)
    ) -> Iterator[dict[str, Any]]:
        """Subscribe; then the events to come, until the emulator ends. Waits as long as it takes.

        A loss comes as an event `dropped`, as what was lost is not known.
        """
        self.call(lines.SUBSCRIBE, devices=list(devices), kinds=list(kinds))
        self._socket.settimeout(None)
        return self._heard()

    def _heard(self) -> Iterator[dict[str, Any]]:
        while True:
            read = self._events.pop(0) if self._events else self._read()
            if read is None:
                return
            if "event" in read:
                yield read["event"]
            elif "dropped" in read:
                yield {"event": "dropped", "count": read["dropped"]}

    def _read(self) -> dict[str, Any] | None:
        line = self._stream.readline()
        return lines.read_object(line) if line else None

    def close(self) -> None:
        """Leave."""
        self._stream.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
