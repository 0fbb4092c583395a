"""The qtest client against replies of a test's choosing."""

import asyncio

import pytest
from unit.qemu.wiring import wired

from emulator.qemu.qtest import Access, QtestError, QtestTimeout


async def test_each_command_is_a_line() -> None:
    async with wired() as (qtest, reader, writer):
        writer.write(b"OK\nOK 0xb0000001\nOK\nOK 0x0000000029c08086\n")
        await qtest.outl(0xCF8, 0x80000060)
        assert await qtest.inl(0xCFC) == 0xB0000001
        await qtest.writel(0xB0000010, 7)
        assert await qtest.readl(0xB0000000) == 0x29C08086
        sent = [await reader.readline() for _ in range(4)]
        assert sent == [
            b"outl 0xcf8 0x80000060\n",
            b"inl 0xcfc\n",
            b"writel 0xb0000010 0x7\n",
            b"readl 0xb0000000\n",
        ]


async def test_accesses_are_sent_ahead_and_only_reads_return() -> None:
    async with wired() as (qtest, reader, writer):
        task = asyncio.create_task(qtest.access([Access(8), Access(12, 1), Access(16)]))
        assert await reader.readexactly(32) == b"readl 0x8\nwritel 0xc 0x1\nreadl 0"
        writer.write(b"OK 0x1\nIRQ raise 3\nOK\nOK 0x2\n")
        assert await task == [1, 2]


@pytest.mark.parametrize(
    "reply",
    ["OK", "FAIL", "OK 12", "OK 0xzz", "OK 0x", "0x1", "OK 0x100000000", "OK 0x-1", "ERR 0x1", ""],
)
async def test_a_read_takes_nothing_but_32_bits(reply: str) -> None:
    async with wired() as (qtest, _, writer):
        writer.write(f"{reply}\n".encode())
        with pytest.raises(QtestError) as caught:
            await qtest.readl(0x40)
        assert str(caught.value) == (
            f"sent 'readl 0x40', got {reply!r} where 'OK 0x' and 32 bits are right"
        )


async def test_a_write_takes_nothing_but_ok() -> None:
    async with wired() as (qtest, _, writer):
        writer.write(b"FAIL Unknown command 'writel'\n")
        with pytest.raises(QtestError, match=r"sent 'writel 0x4 0x5', got \"FAIL .* 'OK' is right"):
            await qtest.writel(4, 5)


async def test_bytes_that_are_no_text_are_shown() -> None:
    async with wired() as (qtest, _, writer):
        writer.write(b"OK \xff\n")
        with pytest.raises(QtestError, match=r"OK .*xff"):
            await qtest.readl(4)


async def test_a_timeout_names_the_command_without_a_reply() -> None:
    async with wired(patience=0.05) as (qtest, _, writer):
        writer.write(b"OK 0x1\n")
        with pytest.raises(QtestTimeout, match=r"sent 'readl 0x2', no reply in 0\.05 s"):
            await qtest.access([Access(1), Access(2), Access(3)])


async def test_late_replies_are_not_taken_for_the_next_commands() -> None:
    async with wired(patience=0.05) as (qtest, _, writer):
        with pytest.raises(QtestTimeout):
            await qtest.access([Access(1), Access(2)])
        with pytest.raises(QtestTimeout, match="sent 2 earlier commands"):
            await qtest.readl(3)
        writer.write(b"OK 0x11\nOK 0x22\nOK 0x33\n")
        assert await qtest.readl(3) == 0x33


async def test_a_cancelled_command_does_not_disturb_the_next() -> None:
    async with wired() as (qtest, reader, writer):
        task = asyncio.create_task(qtest.readl(1))
        await reader.readline()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        writer.write(b"OK 0x11\nOK 0x22\n")
        assert await qtest.readl(2) == 0x22


async def test_tasks_take_turns() -> None:
    async with wired() as (qtest, reader, writer):
        tasks = [asyncio.create_task(qtest.access([Access(n)] * 2)) for n in (1, 2)]
        for n in (1, 2):
            assert await reader.readline() == await reader.readline() == f"readl {n:#x}\n".encode()
            writer.write(f"OK {n:#x}\nOK {n:#x}\n".encode())
        assert await asyncio.gather(*tasks) == [[1, 1], [2, 2]]


@pytest.mark.parametrize("last", [b"", b"OK 0x"])
async def test_the_end_of_the_stream_is_an_error(last: bytes) -> None:
    async with wired() as (qtest, _, writer):
        writer.write(last)
        writer.close()
        with pytest.raises(QtestError, match="sent 'readl 0x1', the connection to QEMU broke"):
            await qtest.readl(1)


async def test_an_endless_line_is_an_error() -> None:
    async with wired() as (qtest, _, writer):
        writer.write(b"OK " + b"0" * 0x20000)
        with pytest.raises(QtestError, match="the connection to QEMU broke"):
            await qtest.readl(1)
