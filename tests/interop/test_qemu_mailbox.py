"""A data object's way through a real QEMU, there and back."""

import asyncio

import pytest
from interop.qemu_support import (
    DEVICES,
    GET_VERSION,
    VERSION_1_2,
    CannedDevice,
    DeviceFactory,
    qemu_with,
)

from emulator.client.config_space import DOE_CAPABILITY
from emulator.device.device import QEMU_REPLY
from emulator.qemu import NVME_IDENTITY, PcieError
from emulator.transport import doe

pytestmark = pytest.mark.qemu
every_device = pytest.mark.parametrize("factory", DEVICES.values(), ids=DEVICES.keys())


async def test_nvme_has_the_identity_we_say_it_has() -> None:
    async with CannedDevice() as device, qemu_with(device) as qemu:
        function = await qemu.function()
        assert await function.identity() == NVME_IDENTITY
        assert await function.capabilities(DOE_CAPABILITY) == [0x100]


async def test_an_empty_slot_is_told() -> None:
    async with CannedDevice() as device, qemu_with(device) as qemu:
        assert qemu._ecam is not None
        with pytest.raises(PcieError, match=r"no PCI function answers at 00:09\.0"):
            await qemu._ecam.function(0, 9)


async def test_discovery_is_answered_by_qemu_itself() -> None:
    async with CannedDevice() as device, qemu_with(device) as qemu:
        mailbox = await qemu.mailbox()
        assert await mailbox.discover() == [(1, 0), (1, 1), (1, 2)]
        assert device.requests == []


@every_device
async def test_get_version_is_answered_with_version(factory: DeviceFactory) -> None:
    async with factory() as device, qemu_with(device) as qemu:
        mailbox = await qemu.mailbox()
        for _ in range(3):
            reply = doe.parse(await mailbox.exchange(GET_VERSION))
            assert (reply.vendor, reply.kind) == (doe.VENDOR_PCISIG, doe.DataObjectType.CMA_SPDM)
            assert reply.payload[:2] == bytes.fromhex("1004")
        assert (await mailbox.status()).idle


async def test_the_largest_reply_and_a_larger_request_pass_whole() -> None:
    request = doe.spdm_object(bytes(range(250)) * 32)
    reply = doe.spdm_object((bytes(range(256)) * 18)[: QEMU_REPLY - doe.HEADER_SIZE])
    assert len(reply) == QEMU_REPLY
    async with CannedDevice(lambda _: reply) as device, qemu_with(device) as qemu:
        mailbox = await qemu.mailbox()
        assert await mailbox.exchange(request) == reply
        assert device.requests == [request]


@every_device
async def test_two_devices_in_one_qemu_have_a_mailbox_each(factory: DeviceFactory) -> None:
    async with factory() as one, factory() as two, qemu_with(one, two) as qemu:
        mailboxes = [await qemu.mailbox(0), await qemu.mailbox(1)]
        replies = await asyncio.gather(
            *(mailbox.exchange(GET_VERSION) for mailbox in mailboxes * 5)
        )
        assert {reply[8:10] for reply in replies} == {bytes.fromhex("1004")}


async def test_each_mailbox_reaches_its_own_device() -> None:
    other = doe.spdm_object(bytes.fromhex("10040000 0001 0013"))
    async with (
        CannedDevice() as one,
        CannedDevice(lambda _: other) as two,
        qemu_with(one, two) as qemu,
    ):
        assert await (await qemu.mailbox(1)).exchange(GET_VERSION) == other
        assert (len(one.requests), len(two.requests)) == (0, 1)
        assert await (await qemu.mailbox(0)).exchange(GET_VERSION) == VERSION_1_2
        assert (len(one.requests), len(two.requests)) == (1, 1)
