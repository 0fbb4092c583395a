"""A q35 machine under qtest, as far as these tests look at one; also a program to stand for QEMU.

Its DOE mailbox follows QEMU's: a request whose length field is wrong is discarded, a response is
there as soon as GO was written, reading past its end is an error, an abort clears everything.
"""

import socket
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_DOE = 0x100
_GO = 1 << 31
_ABORT = 1
_ERROR = 1 << 2
_READY = 1 << 31
_NOBODY = 0xFFFF_FFFF


def echo(request: bytes) -> bytes:
    return request


@dataclass
class FakeFunction:
    """One function: plain registers, and a DOE mailbox unless `respond` is None."""

    registers: dict[int, int] = field(
        default_factory=lambda: {0: 0x00101B36, 8: 0x01080202, 12: 0, 0x2C: 0x11001AF4}
    )
    respond: Callable[[bytes], bytes] | None = echo
    forced: int | None = None
    """What the status register says, whatever is true."""
    aborts: int = 0
    _status: int = 0
    _written: list[int] = field(default_factory=list)
    _readable: list[int] = field(default_factory=list)

    def read(self, offset: int) -> int:
        if self.respond is not None and offset == _DOE:
            return self.registers.get(offset, 0x0001_002E)
        if offset == _DOE + 0x0C:
            return self._status if self.forced is None else self.forced
        if offset == _DOE + 0x14:
            return self._readable[0] if self._readable else 0
        return self.registers.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        if offset == _DOE + 0x08 and value & _ABORT:
            self.aborts += 1
            self._status = 0
            self._clear()
        elif offset == _DOE + 0x08 and value & _GO:
            self._go()
        elif offset == _DOE + 0x10:
            self._written.append(value)
        elif offset == _DOE + 0x14:
            if not self._readable:
                self._status |= _ERROR
            elif len(self._readable) == 1:
                self._status &= ~_READY
                self._clear()
            else:
                self._readable.pop(0)

    def _go(self) -> None:
        assert self.respond is not None
        stated = self._written[1] & 0x3FFFF if len(self._written) > 1 else 0
        if stated != len(self._written):
            self._clear()
            return
        response = self.respond(struct.pack(f"<{stated}I", *self._written))
        self._clear()
        self._readable = [value for (value,) in struct.iter_unpack("<I", response)]
        if response:
            self._status |= _READY

    def _clear(self) -> None:
        self._written = []
        self._readable = []


class FakeMachine:
    """Answers qtest commands; `functions` are by slot on bus 0."""

    def __init__(self, functions: Mapping[int, FakeFunction], *, mappable: bool = True) -> None:
        self.functions = functions
        self.pciexbar = 0
        self._mappable = mappable
        self._address = 0

    def answer(self, line: str) -> str:
        """The reply to one command."""
        command, *words = line.split(" ")
        numbers = [int(word, 16) for word in words]
        match command, numbers:
            case "outl", [0xCF8, value]:
                self._address = value
            case "outl", [0xCFC, value]:
                if self._address == 0x8000_0060 and self._mappable:
                    self.pciexbar = value
            case "inl", [0xCFC]:
                return f"OK {self.pciexbar:#06x}"
            case "readl", [address]:
                function, offset = self._find(address)
                return f"OK {_NOBODY if function is None else function.read(offset):#018x}"
            case "writel", [address, value]:
                function, offset = self._find(address)
                if function is not None:
                    function.write(offset, value)
            case _:
                return f"FAIL Unknown command '{command}'"
        return "OK"

    def _find(self, address: int) -> tuple[FakeFunction | None, int]:
        within = address - (self.pciexbar & ~1)
        return self.functions.get(within >> 15), within & 0xFFF


def run(arguments: list[str]) -> int:
    """Stand for QEMU: connect to the qtest socket that `arguments` name, answer until it closes."""
    path = arguments[arguments.index("-qtest") + 1].removeprefix("unix:")
    functions = {4: FakeFunction(), 5: FakeFunction(respond=None)}
    machine = FakeMachine(functions)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        with connection.makefile("r") as commands:
            for command in commands:
                connection.sendall(f"{machine.answer(command.rstrip())}\n".encode())
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
