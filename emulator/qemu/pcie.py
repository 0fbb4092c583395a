"""PCI Express configuration space of QEMU's q35 machine, by way of qtest.

No firmware has run, so nobody has mapped the configuration space into memory (ECAM). That is done
here: the host bridge's PCIEXBAR register gets a base address through the legacy ports, and then
each function's 4 KiB are ordinary memory. Functions on bus 0 need no more; behind a bridge they
would need bus numbers, which firmware gives too.

Sources: QEMU `hw/pci-host/q35.c` (PCIEXBAR), `hw/pci/pcie_host.c` (addresses).
"""

from collections.abc import Sequence

from emulator.client.config_space import IDS, NOBODY, ConfigSpace, PcieError
from emulator.qemu.qtest import Access, Qtest

ECAM_BASE = 0xB000_0000

_CONFIG_ADDRESS = 0xCF8
_CONFIG_DATA = 0xCFC
_HOST_BRIDGE_PCIEXBAR = 0x8000_0060
_HOST_BRIDGE_PCIEXBAR_HIGH = 0x8000_0064
_PCIEXBAR_ENABLE = 1


class Function(ConfigSpace):
    """One PCI function's configuration space."""

    def __init__(self, qtest: Qtest, base: int, name: str) -> None:
        self._qtest = qtest
        self._base = base
        self.name = name

    async def access(self, accesses: Sequence[tuple[int, int | None]]) -> list[int]:
        """Make accesses, their addresses offsets here, in order; returns what the reads found."""
        return await self._qtest.access(
            [Access(self._base + offset, value) for offset, value in accesses]
        )


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
        if (await found.read(IDS))[0] == NOBODY:
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
