"""A PCI function's configuration space, however it is reached.

Source: PCIe base specification, type 0 header and extended capabilities.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from emulator.device.identity import PciIdentity
from emulator.errors import EmulatorError

DOE_CAPABILITY = 0x002E
NOBODY = 0xFFFF_FFFF
"""What a read finds where nothing answers."""

IDS = 0x00
_CLASS_AND_REVISION = 0x08
_HEADER_TYPE = 0x0C
_SUBSYSTEM_IDS = 0x2C
_SERIAL_NUMBER_CAPABILITY = 0x0003
_EXTENDED = 0x100


class PcieError(EmulatorError):
    """Configuration space does not hold what is needed."""


class ConfigSpace(ABC):
    """One function's configuration space; offsets are bytes, multiples of four.

    Attributes:
        name: the function's address.
    """

    name: str

    @abstractmethod
    async def access(self, accesses: Sequence[tuple[int, int | None]]) -> list[int]:
        """Make 32-bit accesses in order, and return what the reads found.

        An access is an offset, and the value to be written there or None for a read.
        """

    async def read(self, *offsets: int) -> list[int]:
        """Read registers."""
        return await self.access([(offset, None) for offset in offsets])

    async def identity(self) -> PciIdentity:
        """The registers that identify the function, with its serial number if it has one."""
        ids, revision, kind, subsystem = await self.read(
            IDS, _CLASS_AND_REVISION, _HEADER_TYPE, _SUBSYSTEM_IDS
        )
        type_0 = kind >> 16 & 0x7F == 0
        serial = None
        for offset in await self.capabilities(_SERIAL_NUMBER_CAPABILITY):
            low, high = await self.read(offset + 4, offset + 8)
            serial = high << 32 | low
        return PciIdentity(
            vendor=ids & 0xFFFF,
            device=ids >> 16,
            class_code=revision >> 8,
            revision=revision & 0xFF,
            subsystem_vendor=subsystem & 0xFFFF if type_0 else None,
            subsystem=subsystem >> 16 if type_0 else None,
            serial=serial,
        )

    async def capabilities(self, wanted: int) -> list[int]:
        """The offsets of all extended capabilities with the id `wanted`, as the list has them.

        Raises PcieError for a list that runs in a circle or out of the extended space.
        """
        found: list[int] = []
        seen: set[int] = set()
        offset = _EXTENDED
        while offset:
            if offset in seen or offset < _EXTENDED:
                raise PcieError(f"{self.name}: its capability list leads astray to 0x{offset:x}")
            seen.add(offset)
            (header,) = await self.read(offset)
            if header == NOBODY:
                break
            if header & 0xFFFF == wanted:
                found.append(offset)
            offset = header >> 20 & 0xFFC
        return found
