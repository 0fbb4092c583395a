"""Each fault of frame and delivery through the DOE mailbox of a real QEMU.

The table of docs/reference/qemu-faults.md says what comes of it; its rows are the tests.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from devices import device
from interop.qemu_support import GET_VERSION, ServedDevice, qemu_with

from emulator.entropy import Seeded
from emulator.faults import Rule, arm
from emulator.faults.effect import EFFECTS, Stage
from emulator.profile.faults import load_rules
from emulator.qemu import MailboxError, MailboxTimeout
from emulator.qemu.mailbox import QemuMailbox
from emulator.qemu.qtest import QtestError
from emulator.serve import Listener
from emulator.transport import doe

pytestmark = pytest.mark.qemu

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "qemu-faults.md"
VERSION = doe.spdm_object(bytes.fromhex("1004000000020012 0013"))

SILENCE = 1.0
"""What takes the place of the 30 s after which the device ends a connection."""

AT_ONCE = 0.4
"""No GO that waits for nothing lasts as long, seconds."""

_ERROR = 0x0000_0004
_READY = 0x8000_0000


class Row(NamedTuple):
    """A row of the table."""

    do: str
    waits: str
    seen: tuple[str, ...]


def rows() -> list[Row]:
    found = re.findall(r"^\| `(.+?)` \|(.+)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    cells = [(do, [cell.strip() for cell in rest.split("|")]) for do, rest in found]
    return [Row(do, waits, tuple(seen)) for do, (waits, *seen) in cells if do != "do"]


ROWS = rows()


def rule(do: str, folder: Path) -> Rule:
    """The rule that does what a row says, once."""
    file = folder / "faults.yaml"
    entry = f"{{{do}}}" if ":" in do else do
    file.write_text(f"faults: 1\nrules:\n  - {{name: odd, times: 1, do: [{entry}]}}\n")
    return load_rules(file)[0]


@asynccontextmanager
async def hostile(odd: Rule) -> AsyncIterator[ServedDevice]:
    """A device with a fault."""
    held = device()
    arm(held, [odd], Seeded("qemu"))
    listener = Listener(held)
    _, port = await listener.start("127.0.0.1", 0)
    try:
        yield ServedDevice(port)
    finally:
        await listener.stop()


async def exchange(mailbox: QemuMailbox) -> str:
    """One exchange, in the words of the page."""
    try:
        reply = await mailbox.exchange(GET_VERSION)
    except QtestError:
        return "QEMU ends"
    except MailboxError as failure:
        return failed(failure)
    return "right" if reply == VERSION else "odd"


def failed(failure: MailboxError) -> str:
    """A failed exchange in the words of the page: its status register says which."""
    status = failure.status
    if status is None:
        return "QEMU hangs"
    if isinstance(failure, MailboxTimeout):
        return "no response" if status.idle else str(status)
    return {_ERROR: "ERROR", _READY: "too long"}.get(status.word, str(status))


def timed(mailbox: QemuMailbox, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each write of GO lasts, seconds; a list that fills."""
    lasted: list[float] = []
    go, clock = mailbox._go, asyncio.get_running_loop().time

    async def measured() -> None:
        began = clock()
        try:
            await go()
        finally:
            lasted.append(clock() - began)

    monkeypatch.setattr(mailbox, "_go", measured)
    return lasted


@pytest.mark.parametrize("row", ROWS, ids=[row.do for row in ROWS])
async def test_qemu_makes_this_of_it(
    row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.endpoint.endpoint.STALL", SILENCE)
    async with hostile(rule(row.do, tmp_path)) as device, qemu_with(device) as qemu:
        mailbox = await qemu.mailbox(response_time=0.1)
        lasted = timed(mailbox, monkeypatch)
        seen = [await exchange(mailbox) for said in row.seen if said != "—"]
    assert seen == [said for said in row.seen if said != "—"]
    if row.waits == "—":
        assert lasted[0] < AT_ONCE
    else:
        least = SILENCE if row.waits == "hang" else float(row.waits.removesuffix(" s"))
        assert lasted[0] >= least


async def test_an_exchange_that_is_out_of_step_hangs_until_the_device_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.endpoint.endpoint.STALL", SILENCE)
    odd = rule("frame-size: {by: -4}", tmp_path)
    async with hostile(odd) as device, qemu_with(device) as qemu:
        mailbox = await qemu.mailbox(response_time=0.1)
        lasted = timed(mailbox, monkeypatch)
        for _ in range(3):
            with pytest.raises(MailboxError):
                await mailbox.exchange(GET_VERSION)
        assert lasted[0] < AT_ONCE
        assert lasted[1] < AT_ONCE
        assert lasted[2] >= SILENCE
        assert await mailbox.discover() == [(1, 0), (1, 1), (1, 2)]


async def test_what_qemu_leaves_unread_may_end_it(tmp_path: Path) -> None:
    async with hostile(rule('oversize: {hex: "00"}', tmp_path)) as device:
        qemu = qemu_with(device)
        async with qemu:
            mailbox = await qemu.mailbox(response_time=0.1)
            seen = [await exchange(mailbox) for _ in range(4)]
    assert seen == ["no response", "no response", "no response", "QEMU ends"]
    assert "Assertion" in qemu.output


async def test_a_byte_too_many_brings_bytes_that_nobody_sent(tmp_path: Path) -> None:
    odd = rule("doe-padding: {count: 1, hex: ee}", tmp_path)
    async with hostile(odd) as device, qemu_with(device) as qemu:
        reply = await (await qemu.mailbox()).exchange(GET_VERSION)
        assert reply[8:-4] == VERSION[8:]
        assert reply[-4] == 0xEE


def test_the_table_has_every_effect_of_frame_and_delivery() -> None:
    mine = {Stage.FRAME, Stage.DELIVERY}
    names = [name for name, cls in EFFECTS.items() if cls.STAGES[0] in mine]
    assert sorted({row.do.partition(":")[0] for row in ROWS}) == sorted(names)
