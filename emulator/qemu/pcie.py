"""PCI Express configuration space of QEMU's q35 machine, by way of qtest.

No firmware has run, so nobody has mapped the configuration space into memory (ECAM). That is done
here: the host bridge's PCIEXBAR register gets a base address through the legacy ports, and then
each function's 4 KiB are ordinary memory. Functions on bus 0 need no more; behind a bridge they
would need bus numbers, which firmware gives too.

Sources: QEMU `hw/pci-host/q35.c` (PCIEXBAR), `hw/pci/pcie_host.c` (addresses); PCIe base
specification, extended capabilities.
"""

from collections.abc import Sequence

from emulator.device.identity import PciIdentity
from emulator.errors import EmulatorError
from emulator.qemu.qtest import Access, Qtest

ECAM_BASE = 0xB000_0000
DOE_CAPABILITY = 0x002E

_CONFIG_ADDRESS = 0xCF8
_CONFIG_DATA = 0xCFC
_HOST_BRIDGE_PCIEXBAR = 0x8000_0060
_HOST_BRIDGE_PCIEXBAR_HIGH = 0x8000_0064
_PCIEXBAR_ENABLE = 1

_NOBODY = 0xFFFF_FFFF
_IDS = 0x00
_CLASS_AND_REVISION = 0x08
_HEADER_TYPE = 0x0C
_SUBSYSTEM_IDS = 0x2C
_SERIAL_NUMBER_CAPABILITY = 0x0003
_EXTENDED = 0x100


class PcieError(EmulatorError):
    """Configuration space does not hold what is needed."""


class Function:
    """One PCI function's configuration space; offsets are bytes, multiples of four."""

    def __init__(self, qtest: Qtest, base: int, name: str) -> None:
        self._qtest = qtest
        self._base = base
        self.name = name

    async def access(self, accesses: Sequence[Access]) -> list[int]:
        """Make accesses, their addresses offsets here, in order; returns what the reads found."""
        return await self._qtest.access(
            [Access(self._base + offset, value) for offset, value in accesses]
        )

    async def read(self, *offsets: int) -> list[int]:
        """Read registers."""
        return await self.access([Access(offset) for offset in offsets])

    async def identity(self) -> PciIdentity:
        """The registers that identify the function, with its serial number if it has one."""
        ids, revision, kind, subsystem = await self.read(
            _IDS, _CLASS_AND_REVISION, _HEADER_TYPE, _SUBSYSTEM_IDS
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
            if header == _NOBODY:
                break
            if header & 0xFFFF == wanted:
                found.append(offset)
            offset = header >> 20 & 0xFFC
        return found


class Ecam:
    """The mapped configuration space of every function."""

    def __init__(self, qtest: Qtest, base: int = ECAM_BASE) -> None:
        self._qtest = qtest
        self._base = base

    async def function(self, bus: int, device: int, function: int = 0) -> Function:
        """The function at an address. Raises PcieError when nobody answers there."""
        name = f"{bus:02x}:{device:02x}.{function}"
        base = self._base + (bus << 20 | device << 15 | function << 12)
        found = Function(self._qtest, base, name)
        if (await found.read(_IDS))[0] == _NOBODY:
            raise PcieError(f"no PCI function answers at {name}")
        return found


async def map_ecam(qtest: Qtest, base: int = ECAM_BASE) -> Ecam:
    """Map the configuration space of q35 at `base`, a multiple of 256 MiB below 4 GiB."""
    wanted = base | _PCIEXBAR_ENABLE
    await qtest.outl(_CONFIG_ADDRESS, _HOST_BRIDGE_PCIEXBAR_HIGH)
    await qtest.outl(_CONFIG_DATA, 0)
    await qtest.outl(_CONFIG_ADDRESS, _HOST_BRIDGE_PCIEXBAR)
    await qtest.outl(_CONFIG_DATA, wanted)
    kept = await qtest.inl(_CONFIG_DATA)
    if kept != wanted:
        raise PcieError(f"PCIEXBAR holds 0x{kept:x} after 0x{wanted:x} was written")
    return Ecam(qtest, base)
