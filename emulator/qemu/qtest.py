r"""QEMU's qtest protocol, the client's side.

Each command is a line and is answered by a line: `readl 0xb0000000\n`, then `OK 0x29c08086\n`.
Commands may be sent ahead; QEMU answers them in order. That makes a 4 KiB data object a matter of
a few system calls instead of two thousand.

QEMU answers from its main loop, and an access that a device does not complete holds up everything
behind it. So a reply may come after its command was given up: such replies are counted, and read
away before the next command's own.

Source: QEMU `system/qtest.c`.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import NamedTuple

from emulator.errors import EmulatorError

DEFAULT_TIMEOUT = 30.0
"""Seconds for QEMU to answer: Linux accepts a device's answer as late as that, for its own wait is
inside the register write too."""

_MAX_32 = 0xFFFF_FFFF


class QtestError(EmulatorError):
    """QEMU did not do what a qtest command asked."""


class QtestTimeout(QtestError):
    """QEMU has not answered in time; it may still do so."""


class Access(NamedTuple):
    """One 32-bit access: a read, or with a `value` a write."""

    address: int
    value: int | None = None


class Qtest:
    """A qtest connection. Tasks may share it: each call's commands stay together."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._owed = 0

    async def readl(self, address: int) -> int:
        """Read 32 bits of memory."""
        return (await self.access([Access(address)]))[0]

    async def writel(self, address: int, value: int) -> None:
        """Write 32 bits of memory."""
        await self.access([Access(address, value)])

    async def inl(self, port: int) -> int:
        """Read 32 bits from an I/O port."""
        line = f"inl {port:#x}"
        return _value(line, (await self._send([line]))[0])

    async def outl(self, port: int, value: int) -> None:
        """Write 32 bits to an I/O port."""
        line = f"outl {port:#x} {value:#x}"
        _done(line, (await self._send([line]))[0])

    async def access(self, accesses: Sequence[Access]) -> list[int]:
        """Make memory accesses in order; returns what the reads found.

        Raises QtestError for the first that failed; those behind it were made all the same.
        """
        lines = [
            f"readl {address:#x}" if value is None else f"writel {address:#x} {value:#x}"
            for address, value in accesses
        ]
        found: list[int] = []
        for access, line, reply in zip(accesses, lines, await self._send(lines), strict=True):
            if access.value is None:
                found.append(_value(line, reply))
            else:
                _done(line, reply)
        return found

    async def close(self) -> None:
        """End the connection. QEMU itself runs on."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _send(self, lines: Sequence[str]) -> list[str]:
        """Send commands; returns as many replies. Raises QtestError when the connection ends."""
        replies: list[str] = []
        async with self._lock:
            waiting_for = f"{self._owed} earlier commands"
            try:
                async with asyncio.timeout(self._timeout):
                    while self._owed:
                        await self._reply()
                    self._writer.write("".join(f"{line}\n" for line in lines).encode())
                    self._owed = len(lines)
                    for line in lines:
                        waiting_for = repr(line)
                        replies.append(await self._reply())
            except TimeoutError as error:
                reason = f"sent {waiting_for}, no reply in {self._timeout:g} s"
                raise QtestTimeout(reason) from error
            except (ConnectionError, EOFError, asyncio.LimitOverrunError) as error:
                reason = f"sent {waiting_for}, the connection to QEMU broke: {error}"
                raise QtestError(reason) from error
        return replies

    async def _reply(self) -> str:
        """The next line that answers a command; interrupts are told in between, by themselves."""
        while True:
            line = (await self._reader.readuntil()).decode("ascii", "backslashreplace")
            if not line.startswith("IRQ "):
                self._owed -= 1
                return line.removesuffix("\n")


def _value(line: str, reply: str) -> int:
    """The number that `reply` reports for a read."""
    word, _, digits = reply.partition(" ")
    try:
        value = int(digits, 16) if word == "OK" and digits.startswith("0x") else -1
    except ValueError:
        value = -1
    if not 0 <= value <= _MAX_32:
        raise QtestError(f"sent {line!r}, got {reply!r} where 'OK 0x' and 32 bits are right")
    return value


def _done(line: str, reply: str) -> None:
    """Check that `reply` reports a write as done."""
    if reply != "OK":
        raise QtestError(f"sent {line!r}, got {reply!r} where 'OK' is right")
