"""A real PCI function on Linux: its configuration space is the file `config` in sysfs.

Only root sees more than its first 64 bytes. Where a driver of the kernel works the same mailbox,
both would disturb each other: Linux logs a warning when a program writes to registers that a
driver has claimed.

Sources: Linux `drivers/pci/pci-sysfs.c` (`pci_read_config`, `pci_write_config`),
`Documentation/ABI/testing/sysfs-bus-pci`.
"""

import asyncio
import contextlib
import os
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from emulator.client.config_space import DOE_CAPABILITY, ConfigSpace, PcieError
from emulator.client.mailbox import RESPONSE_TIME, Mailbox
from emulator.transport.doe import VENDOR_PCISIG, DataObjectType

PCI = "pci:"
"""What a host begins with that is the address of a PCI function."""

DEVICES = Path("/sys/bus/pci/devices")

_ADDRESS = re.compile(r"(?:([0-9a-f]{4}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])", re.IGNORECASE)
_REGISTER = struct.Struct("<I")


class ConfigFile(Protocol):
    """A file that is read and written at offsets, as `os.pread` and `os.pwrite` do it."""

    def pread(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes from `offset` on."""
        ...

    def pwrite(self, data: bytes, offset: int) -> int:
        """Write at `offset`; returns how many bytes were taken."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class OpenFile:
    """A `ConfigFile` of the file system."""

    def __init__(self, path: Path) -> None:
        """Open for reading and writing. Raises OSError."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def pread(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes from `offset` on."""
        return os.pread(self._descriptor, size, offset)

    def pwrite(self, data: bytes, offset: int) -> int:
        """Write at `offset`; returns how many bytes were taken."""
        return os.pwrite(self._descriptor, data, offset)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class SysfsFunction(ConfigSpace):
    """One function by way of its `config` file.

    Accesses are made in a thread: where the function is emulated, a write may last as long as its
    device needs to answer.
    """

    def __init__(self, file: ConfigFile, name: str) -> None:
        self._file = file
        self.name = name

    async def access(self, accesses: Sequence[tuple[int, int | None]]) -> list[int]:
        """Make accesses in order. Raises PcieError for a register that cannot be had."""
        return await asyncio.to_thread(self._access, accesses)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _access(self, accesses: Sequence[tuple[int, int | None]]) -> list[int]:
        found: list[int] = []
        for offset, value in accesses:
            data = b""
            try:
                if value is None:
                    data = self._file.pread(_REGISTER.size, offset)
                    size = len(data)
                else:
                    size = self._file.pwrite(_REGISTER.pack(value), offset)
            except OSError as error:
                reason = error.strerror or str(error)
                raise PcieError(f"{self.name}: register 0x{offset:x}: {reason}") from error
            if size < _REGISTER.size:
                raise PcieError(
                    f"{self.name}: register 0x{offset:x} is not to be had: only root sees the "
                    "extended configuration space, and not every function has one"
                )
            if value is None:
                found.append(*_REGISTER.unpack(data))
        return found


class SysfsMailbox(Mailbox):
    """A mailbox that closes its function's file."""

    def __init__(self, function: SysfsFunction, offset: int, *, response_time: float) -> None:
        """Work the DOE capability at `offset`."""
        super().__init__(function, offset, response_time=response_time)
        self._open = function

    async def close(self) -> None:
        """Refuse further exchanges, and close the file."""
        await super().close()
        self._open.close()


def function_name(text: str) -> str:
    """A function's whole address, such as 0000:00:04.0; without a domain it is 0000.

    Raises ValueError for anything else.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} where a PCI address such as 0000:00:04.0 is needed")
    return f"{found[1] or '0000'}:{found[2]}".lower()


async def open_mailbox(
    name: str, *, response_time: float = RESPONSE_TIME, devices: Path = DEVICES
) -> SysfsMailbox:
    """The first mailbox of the function at `name` that carries SPDM.

    Raises PcieError where there is none, or the function is not there or not allowed.
    """
    path = devices / name / "config"
    try:
        file = OpenFile(path)
    except OSError as error:
        raise PcieError(f"cannot open {path}: {error.strerror or error}") from error
    return await find_mailbox(SysfsFunction(file, name), response_time=response_time)


async def find_mailbox(function: SysfsFunction, *, response_time: float) -> SysfsMailbox:
    """The first mailbox of `function` that carries SPDM; without one the function is closed."""
    with contextlib.ExitStack() as unless_found:
        unless_found.callback(function.close)
        for offset in await function.capabilities(DOE_CAPABILITY):
            mailbox = SysfsMailbox(function, offset, response_time=response_time)
            if (VENDOR_PCISIG, DataObjectType.CMA_SPDM) in await mailbox.discover():
                unless_found.pop_all()
                return mailbox
    raise PcieError(f"{function.name} has no DOE mailbox that carries SPDM")
