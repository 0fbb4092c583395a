"""Starting and ending real QEMU processes."""

import asyncio
import os
import signal

import pytest
from interop.qemu_support import (
    DEVICES,
    GET_VERSION,
    CannedDevice,
    DeviceFactory,
    qemu_with,
)

from emulator.qemu import MailboxTimeout, QemuError, QtestError

pytestmark = pytest.mark.qemu
every_device = pytest.mark.parametrize("factory", DEVICES.values(), ids=DEVICES.keys())


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@every_device
async def test_a_device_outlives_twenty_qemus(factory: DeviceFactory) -> None:
    pids: list[int] = []
    async with factory() as device:
        for _ in range(20):
            async with qemu_with(device) as qemu:
                pids.append(qemu.pid)
                reply = await (await qemu.mailbox()).exchange(GET_VERSION)
                assert reply[8:10] == bytes.fromhex("1004")
            assert _is_gone(pids[-1])
    assert len(set(pids)) == 20


@every_device
async def test_a_device_outlives_a_qemu_that_is_killed(factory: DeviceFactory) -> None:
    async with factory() as device:
        async with qemu_with(device) as qemu:
            mailbox = await qemu.mailbox()
            os.kill(qemu.pid, signal.SIGKILL)
            with pytest.raises(QtestError, match="the connection to QEMU broke"):
                await mailbox.exchange(GET_VERSION)
        async with qemu_with(device) as qemu:
            reply = await (await qemu.mailbox()).exchange(GET_VERSION)
            assert reply[8:10] == bytes.fromhex("1004")


async def test_a_qemu_that_waits_for_its_device_ends_when_asked() -> None:
    async def never(_: bytes) -> bytes:
        await asyncio.Event().wait()
        return b""

    async with CannedDevice(never) as device:
        async with qemu_with(device, timeout=0.5) as qemu:
            pid = qemu.pid
            with pytest.raises(MailboxTimeout, match="QEMU waits for the device"):
                await (await qemu.mailbox()).exchange(GET_VERSION)
            assert not _is_gone(pid)
        assert _is_gone(pid)


async def test_without_a_listener_qemu_does_not_start() -> None:
    device = CannedDevice()
    async with device:
        port = device.port

    class Nobody:
        @property
        def port(self) -> int:
            return port

    with pytest.raises(QemuError, match=r"ended with status 1: .*Connection refused"):
        async with qemu_with(Nobody()):
            raise AssertionError
