"""What a host sees in the mailbox when the device's reply is odd, late or missing.

Each row is what QEMU makes of one kind of reply; the exchange after it must be in step again.
"""

import asyncio
from collections.abc import Callable

import pytest
from interop.qemu_support import (
    GET_VERSION,
    NO_RESPONSE,
    VERSION_1_2,
    Answer,
    CannedDevice,
    always_version,
    qemu_with,
)

from emulator.device.device import QEMU_REPLY
from emulator.qemu import MailboxError, MailboxTimeout
from emulator.transport import doe

pytestmark = pytest.mark.qemu

_IDLE = 0x0000_0000
_ERROR = 0x0000_0004
_READY = 0x8000_0000


def _first(odd: bytes) -> Answer:
    """Answers `odd` once, and VERSION ever after."""
    answers = iter([odd])
    return lambda _: next(answers, VERSION_1_2)


def _stating(dwords: int) -> bytes:
    """VERSION in an object whose length field says `dwords`; four would be right."""
    return VERSION_1_2[:4] + dwords.to_bytes(4, "little") + VERSION_1_2[8:]


@pytest.mark.parametrize(
    ("odd", "failure", "status"),
    [
        pytest.param(NO_RESPONSE, MailboxTimeout, _IDLE, id="no payload"),
        pytest.param(_stating(5), MailboxError, _ERROR, id="one DWORD short"),
        pytest.param(_stating(3), MailboxError, _READY, id="one DWORD long"),
        pytest.param(_stating(0), MailboxError, _ERROR, id="a length of 2^18 DWORDs"),
        pytest.param(VERSION_1_2[:4], MailboxError, _ERROR, id="half a header"),
    ],
)
async def test_an_odd_reply_fails_its_own_exchange_only(
    odd: bytes, failure: type[MailboxError], status: int
) -> None:
    async with CannedDevice(_first(odd)) as device, qemu_with(device) as qemu:
        mailbox = await qemu.mailbox(response_time=0.3)
        with pytest.raises(MailboxError) as caught:
            await mailbox.exchange(GET_VERSION)
        assert type(caught.value) is failure
        assert caught.value.status is not None
        assert caught.value.status.word == status
        assert (await mailbox.status()).idle
        assert await mailbox.exchange(GET_VERSION) == VERSION_1_2
        assert device.requests == [GET_VERSION] * 2


async def test_a_reply_larger_than_qemu_takes_breaks_the_connection_for_good() -> None:
    # What QEMU leaves unread it takes for the next frame's header; these bytes make no small one.
    too_large = doe.spdm_object(b"\xff" * (QEMU_REPLY - doe.HEADER_SIZE + 4))
    async with CannedDevice(_first(too_large)) as device, qemu_with(device) as qemu:
        mailbox = await qemu.mailbox(response_time=0.1)
        for _ in range(3):
            with pytest.raises(MailboxTimeout):
                await mailbox.exchange(GET_VERSION)
        assert await mailbox.discover() == [(1, 0), (1, 1), (1, 2)]


async def test_a_size_that_is_no_multiple_of_four_is_rounded_up() -> None:
    cut = VERSION_1_2[:-1]
    async with CannedDevice(_first(cut)) as device, qemu_with(device) as qemu:
        reply = await (await qemu.mailbox()).exchange(GET_VERSION)
        assert reply[: len(cut)] == cut
        assert len(reply) == len(VERSION_1_2)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: data + bytes(4), id="longer than its length says"),
        pytest.param(lambda data: data[:-4], id="shorter than its length says"),
        pytest.param(lambda data: data[:2] + b"\x07" + data[3:], id="a type nobody offers"),
    ],
)
async def test_qemu_discards_a_bad_request_without_asking_the_device(
    spoil: Callable[[bytes], bytes],
) -> None:
    async with CannedDevice() as device, qemu_with(device) as qemu:
        mailbox = await qemu.mailbox(response_time=0.1)
        with pytest.raises(
            MailboxTimeout, match=r"no response within 0\.1 s; DOE status 0x00000000"
        ):
            await mailbox.exchange(spoil(GET_VERSION))
        assert device.requests == []
        assert await mailbox.exchange(GET_VERSION) == VERSION_1_2


async def test_a_slow_answer_is_waited_for_inside_the_register_write() -> None:
    async def slow(_: bytes) -> bytes:
        await asyncio.sleep(0.5)
        return VERSION_1_2

    async with CannedDevice(slow) as device, qemu_with(device) as qemu:
        mailbox = await qemu.mailbox(response_time=0.1)
        assert await mailbox.exchange(GET_VERSION) == VERSION_1_2


async def test_an_answer_nobody_waited_for_any_more_is_not_taken_for_the_next() -> None:
    late = doe.spdm_object(bytes(64))
    release = asyncio.Event()

    async def hold(_: bytes) -> bytes:
        await release.wait()
        return late

    async with CannedDevice(hold) as device, qemu_with(device, timeout=0.5) as qemu:
        mailbox = await qemu.mailbox()
        with pytest.raises(MailboxTimeout, match="QEMU waits for the device") as caught:
            await mailbox.exchange(GET_VERSION)
        assert caught.value.status is None
        device.answer = always_version
        release.set()
        assert await mailbox.exchange(GET_VERSION) == VERSION_1_2


async def test_after_a_close_every_exchange_fails_and_qemu_lives_on() -> None:
    async with CannedDevice() as device, qemu_with(device) as qemu:
        mailbox = await qemu.mailbox(response_time=0.1)
        assert await mailbox.exchange(GET_VERSION) == VERSION_1_2
        device.hang_up()
        await device.ended.wait()
        for _ in range(2):
            with pytest.raises(MailboxTimeout):
                await mailbox.exchange(GET_VERSION)
        assert await mailbox.discover() == [(1, 0), (1, 1), (1, 2)]
        assert device.connections == 1
