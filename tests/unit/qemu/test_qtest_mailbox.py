"""The mailbox against a fake machine whose answers and status a test chooses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from unit.qemu.fake_machine import FakeFunction, FakeMachine
from unit.qemu.wiring import wired, wired_to

from emulator.client.mailbox import MailboxError, MailboxStatus, MailboxTimeout
from emulator.qemu.mailbox import QemuMailbox
from emulator.qemu.pcie import Function, map_ecam
from emulator.qemu.qtest import QtestError
from emulator.transport import doe

_REQUEST = doe.spdm_object(bytes.fromhex("10840000"))
_BUSY, _ERROR, _READY = 1, 4, 1 << 31


@asynccontextmanager
async def _mailbox(function: FakeFunction) -> AsyncIterator[QemuMailbox]:
    async with wired_to(FakeMachine({4: function})) as qtest:
        ecam = await map_ecam(qtest)
        yield QemuMailbox(await ecam.function(0, 4), 0x100, response_time=0.05)


async def test_an_object_goes_in_and_an_object_comes_out() -> None:
    async with _mailbox(FakeFunction()) as mailbox:
        for size in (4, 8, 4096, 8000):
            data_object = doe.spdm_object(bytes(n % 251 for n in range(size)))
            assert await mailbox.exchange(data_object) == data_object
        assert (await mailbox.status()).idle


async def test_exchanges_of_several_tasks_take_turns() -> None:
    objects = [doe.spdm_object(bytes([n]) * 64) for n in range(8)]
    async with _mailbox(FakeFunction()) as mailbox:
        assert await asyncio.gather(*map(mailbox.exchange, objects)) == objects


@pytest.mark.parametrize("size", [0, 3, 13])
async def test_only_whole_dwords_are_sent(size: int) -> None:
    async with _mailbox(FakeFunction()) as mailbox:
        with pytest.raises(ValueError, match=f"{size} bytes are no whole number of DWORDs"):
            await mailbox.exchange(bytes(size))


async def test_no_response_ends_at_the_deadline_and_is_aborted() -> None:
    function = FakeFunction(respond=lambda _: b"")
    async with _mailbox(function) as mailbox:
        clock = asyncio.get_running_loop()
        start = clock.time()
        with pytest.raises(MailboxTimeout, match=r"within 0\.05 s; .*0x00000000 \(idle\)"):
            await mailbox.exchange(_REQUEST)
        assert 0.05 <= clock.time() - start < 1
        assert function.aborts == 1


async def test_a_response_may_take_its_time() -> None:
    function = FakeFunction(respond=lambda _: b"")
    async with _mailbox(function) as mailbox:
        task = asyncio.create_task(mailbox.exchange(_REQUEST))
        await asyncio.sleep(0.02)
        function._readable = [0x00010001, 3, 7]
        function._status = _READY
        assert await task == bytes.fromhex("01000100 03000000 07000000")


@pytest.mark.parametrize(
    ("reply", "words", "status"),
    [
        ("01000100 05000000 aaaaaaaa", "too short: its header says 20 bytes, 20 were read", _ERROR),
        ("01000100 02000000 aaaaaaaa", "too long: its header says 8 bytes, 8 were read", _READY),
        ("01000100 01000000 aaaaaaaa", "too long: its header says 4 bytes, 8 were read", _READY),
        ("01000100", "too short: its header says 1048576 bytes, 8 were read", _ERROR),
        ("01000100 00000000", "too short: its header says 1048576 bytes, 8 were read", 0),
    ],
)
async def test_a_reply_of_another_length_than_it_says(reply: str, words: str, status: int) -> None:
    function = FakeFunction(respond=lambda _: bytes.fromhex(reply))
    async with _mailbox(function) as mailbox:
        with pytest.raises(MailboxError, match=words) as caught:
            await mailbox.exchange(_REQUEST)
        assert caught.value.status == MailboxStatus(status)
        function.respond = lambda request: request
        assert await mailbox.exchange(_REQUEST) == _REQUEST


async def test_an_error_keeps_the_status_and_survives_a_failing_abort() -> None:
    function = FakeFunction()
    async with _mailbox(function) as mailbox:
        function.respond = lambda _: _stick(function, _ERROR)
        with pytest.raises(MailboxError, match=r"an error; DOE status 0x00000004 \(ERROR\)"):
            await mailbox.exchange(_REQUEST)
        with pytest.raises(MailboxError, match=r"not idle 0\.05 s after an abort"):
            await mailbox.abort()
        with pytest.raises(MailboxError, match="not idle"):
            await mailbox.exchange(_REQUEST)


def _stick(function: FakeFunction, status: int) -> bytes:
    function.forced = status
    return b""


@pytest.mark.parametrize("left", [_BUSY, _ERROR, _READY])
async def test_what_a_cancelled_exchange_left_is_aborted_first(left: int) -> None:
    function = FakeFunction(_status=left, _readable=[1, 2, 3])
    async with _mailbox(function) as mailbox:
        assert await mailbox.exchange(_REQUEST) == _REQUEST
        assert function.aborts == 1


async def test_a_frozen_qemu_is_no_response_without_a_status() -> None:
    async with wired(patience=0.05) as (qtest, _, writer):
        mailbox = QemuMailbox(Function(qtest, 0, "00:04.0"), 0x100)
        writer.write(b"OK 0x0\n" + b"OK\n" * (len(_REQUEST) // 4))
        with pytest.raises(MailboxTimeout, match="QEMU waits for the device: sent 'writel") as no:
            await mailbox.exchange(_REQUEST)
        assert no.value.status is None


async def test_a_qemu_that_is_gone_is_a_qtest_error() -> None:
    async with wired() as (qtest, _, writer):
        mailbox = QemuMailbox(Function(qtest, 0, "00:04.0"), 0x100)
        writer.close()
        with pytest.raises(QtestError, match="the connection to QEMU broke"):
            await mailbox.exchange(_REQUEST)


async def test_a_closed_mailbox_takes_nothing() -> None:
    async with _mailbox(FakeFunction()) as mailbox:
        await mailbox.close()
        with pytest.raises(MailboxError, match="the mailbox was closed"):
            await mailbox.exchange(_REQUEST)


def test_a_status_names_its_bits() -> None:
    assert str(MailboxStatus(0x80000007)) == "0x80000007 (BUSY INTERRUPT ERROR READY)"
    assert str(MailboxStatus(0)) == "0x00000000 (idle)"
    assert MailboxStatus(2).idle


def _discovery(request: bytes) -> bytes:
    return doe.discovery_response(doe.parse(request).payload)


async def test_discovery_lists_everything() -> None:
    async with _mailbox(FakeFunction(respond=_discovery)) as mailbox:
        assert await mailbox.discover() == [(1, 0), (1, 1), (1, 2)]


async def test_discovery_that_goes_round_in_circles_is_an_error() -> None:
    answers = iter([bytes.fromhex("01000001"), bytes.fromhex("01000101")])

    def respond(_: bytes) -> bytes:
        return doe.DataObject(1, 0, next(answers)).to_bytes()

    async with _mailbox(FakeFunction(respond=respond)) as mailbox:
        with pytest.raises(MailboxError, match="leads from index 1 back to 1"):
            await mailbox.discover()


@pytest.mark.parametrize("reply", [doe.DataObject(1, 1, bytes(4)), doe.DataObject(1, 0, bytes(8))])
async def test_discovery_takes_no_other_object(reply: doe.DataObject) -> None:
    async with _mailbox(FakeFunction(respond=lambda _: reply.to_bytes())) as mailbox:
        with pytest.raises(MailboxError, match="Discovery of index 0 got DataObject"):
            await mailbox.discover()
