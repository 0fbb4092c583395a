"""Configuration space of a fake machine."""

from dataclasses import replace

import pytest
from unit.qemu.fake_machine import FakeFunction, FakeMachine
from unit.qemu.wiring import wired_to

from emulator.client.config_space import DOE_CAPABILITY, PcieError
from emulator.qemu.launch import NVME_IDENTITY
from emulator.qemu.pcie import map_ecam

_BASIC = FakeFunction().registers


def _function(**more: int) -> FakeFunction:
    """A function with registers named by offset (`x100=...`) and no mailbox."""
    extra = {int(name[1:], 16): value for name, value in more.items()}
    return FakeFunction(registers={**_BASIC, **extra}, respond=None)


async def test_ecam_is_mapped_where_it_was_asked_for() -> None:
    machine = FakeMachine({})
    async with wired_to(machine) as qtest:
        await map_ecam(qtest, 0xC0000000)
    assert machine.pciexbar == 0xC0000001


async def test_a_machine_without_pciexbar_is_told() -> None:
    async with wired_to(FakeMachine({}, mappable=False)) as qtest:
        with pytest.raises(PcieError, match="PCIEXBAR holds 0x0 after 0xb0000001 was written"):
            await map_ecam(qtest)


async def test_a_function_is_found_by_its_address() -> None:
    async with wired_to(FakeMachine({4: FakeFunction()})) as qtest:
        ecam = await map_ecam(qtest)
        assert await (await ecam.function(0, 4)).identity() == NVME_IDENTITY
        with pytest.raises(PcieError, match=r"no PCI function answers at 00:05\.0"):
            await ecam.function(0, 5)


async def test_a_bridge_has_no_subsystem() -> None:
    async with wired_to(FakeMachine({4: _function(xC=0x00810000)})) as qtest:
        function = await (await map_ecam(qtest)).function(0, 4)
        identity = await function.identity()
    assert identity == replace(NVME_IDENTITY, subsystem_vendor=None, subsystem=None)


async def test_the_serial_number_is_part_of_the_identity() -> None:
    numbered = _function(x100=0x00010003, x104=0x89ABCDEF, x108=0x01234567)
    async with wired_to(FakeMachine({4: numbered})) as qtest:
        function = await (await map_ecam(qtest)).function(0, 4)
        assert (await function.identity()).serial == 0x0123456789ABCDEF


async def test_all_doe_capabilities_are_found_in_the_order_of_the_list() -> None:
    listed = _function(x100=0x2001_002E, x200=0x1401_0003, x140=0x0001_002E)
    async with wired_to(FakeMachine({4: listed})) as qtest:
        function = await (await map_ecam(qtest)).function(0, 4)
        assert await function.capabilities(DOE_CAPABILITY) == [0x100, 0x140]


@pytest.mark.parametrize("header", [0, 0xFFFF_FFFF])
async def test_a_function_without_extended_capabilities_has_none(header: int) -> None:
    async with wired_to(FakeMachine({4: _function(x100=header)})) as qtest:
        function = await (await map_ecam(qtest)).function(0, 4)
        assert await function.capabilities(DOE_CAPABILITY) == []


@pytest.mark.parametrize(("following", "place"), [(0x100, "0x100"), (0x0FC, "0xfc")])
async def test_a_list_that_leads_astray_is_told(following: int, place: str) -> None:
    astray = _function(x100=following << 20 | 0x0001_002E)
    async with wired_to(FakeMachine({4: astray})) as qtest:
        function = await (await map_ecam(qtest)).function(0, 4)
        with pytest.raises(PcieError, match=rf"00:04\.0: .* astray to {place}$"):
            await function.capabilities(DOE_CAPABILITY)
