"""A PCI function by way of sysfs: its `config` file is a fake with a mailbox behind it."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from asking import ROOTS
from chains import AT, SAN
from devices import device, seen_frames
from unit.qemu.fake_machine import FakeFunction

from emulator.client import Client
from emulator.client.config_space import PcieError
from emulator.client.mailbox import MailboxError, MailboxTimeout
from emulator.client.sysfs import SysfsFunction, find_mailbox, function_name, open_mailbox
from emulator.endpoint import Endpoint, Send
from emulator.entropy import Seeded
from emulator.requester import Requester
from emulator.transport import doe
from emulator.transport.spdm_socket import Command, Frame, TransportType


@dataclass
class FakeFile:
    """A `config` file: accesses of one register each, as the driver core passes them on."""

    function: FakeFunction
    visible: int = 4096
    closed: int = 0
    accesses: list[tuple[str, int]] = field(default_factory=list)

    def pread(self, size: int, offset: int) -> bytes:
        self.accesses.append(("read", offset))
        assert (size, offset % 4) == (4, 0)
        return struct.pack("<I", self.function.read(offset)) if offset < self.visible else b""

    def pwrite(self, data: bytes, offset: int) -> int:
        self.accesses.append(("write", offset))
        assert (len(data), offset % 4) == (4, 0)
        self.function.write(offset, *struct.unpack("<I", data))
        return len(data)

    def close(self) -> None:
        self.closed += 1


def answering() -> Callable[[bytes], bytes]:
    """What a mailbox with an endpoint behind it answers."""
    endpoint = Endpoint(device())

    def respond(request: bytes) -> bytes:
        frame = Frame(Command.NORMAL, TransportType.PCI_DOE, request).to_bytes()
        (action,) = endpoint.receive(frame, 0.0)
        assert isinstance(action, Send)
        ((_, _, payload),) = seen_frames(action.data)
        return payload

    return respond


async def test_a_function_is_attested() -> None:
    file = FakeFile(FakeFunction(respond=answering()))
    function = SysfsFunction(file, "0000:00:04.0")
    assert (await function.identity()).vendor == 0x1B36
    mailbox = await find_mailbox(function, response_time=0.05)
    client = Client(Requester(Seeded(1)), mailbox)
    verdict = await client.attest(trust=ROOTS, at=AT, expected_san=SAN)
    assert verdict.ok, [step for step in verdict.steps if step.ok is False]
    await mailbox.close()
    assert file.closed == 1
    with pytest.raises(MailboxError, match="the mailbox was closed"):
        await mailbox.exchange(doe.spdm_object(b"\x10\x84\x00\x00"))


async def test_registers_are_touched_as_a_driver_touches_them() -> None:
    file = FakeFile(FakeFunction(respond=answering()))
    mailbox = await find_mailbox(SysfsFunction(file, "0000:00:04.0"), response_time=0.05)
    file.accesses.clear()
    reply = await mailbox.exchange(doe.spdm_object(b"\x10\x84\x00\x00"))
    control, status, write, read = 0x108, 0x10C, 0x110, 0x114
    taken = [("read", read), ("write", read)]
    assert len(reply) == 20
    assert file.accesses == [
        ("read", status),
        *[("write", write)] * 3,
        ("write", control),
        ("read", status),
        *taken * 2,
        ("read", status),
        *taken * 3,
        ("read", status),
    ]


async def test_silence_ends_at_the_deadline() -> None:
    function = FakeFunction(respond=answering())
    mailbox = await find_mailbox(SysfsFunction(FakeFile(function), "x"), response_time=0.05)
    function.respond = lambda _: b""
    with pytest.raises(MailboxTimeout, match=r"no response within 0\.05 s"):
        await mailbox.exchange(doe.spdm_object(b"\x10\x84\x00\x00"))
    assert function.aborts == 1


async def test_what_only_root_sees_is_told_and_the_file_closed() -> None:
    file = FakeFile(FakeFunction(), visible=64)
    with pytest.raises(PcieError, match=r"0000:00:04\.0: register 0x100 .*only root"):
        await find_mailbox(SysfsFunction(file, "0000:00:04.0"), response_time=0.05)
    assert file.closed == 1


def _without_spdm(request: bytes) -> bytes:
    assert doe.parse(request).kind == doe.DataObjectType.DISCOVERY
    return doe.DataObject(1, 0, bytes.fromhex("01000000")).to_bytes()


@pytest.mark.parametrize("respond", [None, _without_spdm])
async def test_a_function_without_such_a_mailbox(
    respond: Callable[[bytes], bytes] | None,
) -> None:
    file = FakeFile(FakeFunction(respond=respond))
    with pytest.raises(PcieError, match="x has no DOE mailbox that carries SPDM"):
        await find_mailbox(SysfsFunction(file, "x"), response_time=0.05)
    assert file.closed == 1


async def test_a_file_of_the_system(tmp_path: Path) -> None:
    config = tmp_path / "0000:00:04.0" / "config"
    config.parent.mkdir()
    config.write_bytes(bytes.fromhex("361b1000") + bytes(60))
    with pytest.raises(PcieError, match="only root"):
        await open_mailbox("0000:00:04.0", devices=tmp_path)
    config.write_bytes(bytes(4096))
    with pytest.raises(PcieError, match="has no DOE mailbox"):
        await open_mailbox("0000:00:04.0", devices=tmp_path)
    with pytest.raises(PcieError, match=r"cannot open .*0000:00:05\.0/config: No such file"):
        await open_mailbox("0000:00:05.0", devices=tmp_path)


async def test_what_is_written_reaches_the_file(tmp_path: Path) -> None:
    config = tmp_path / "0000:00:04.0" / "config"
    config.parent.mkdir()
    registers = bytearray(4096)
    registers[0x100:0x104] = struct.pack("<I", 0x2E)
    config.write_bytes(registers)
    # A file is no mailbox: nothing in it becomes ready.
    with pytest.raises(MailboxTimeout):
        await open_mailbox("0000:00:04.0", devices=tmp_path, response_time=0.02)
    written = config.read_bytes()
    assert written[0x108:0x10C] == struct.pack("<I", 1)
    assert written[0x110:0x114] == bytes(4)


async def test_an_access_the_system_refuses_is_told() -> None:
    class Refusing(FakeFile):
        def pread(self, size: int, offset: int) -> bytes:
            del size, offset
            raise PermissionError(1, "Operation not permitted")

    function = SysfsFunction(Refusing(FakeFunction()), "x")
    with pytest.raises(PcieError, match="x: register 0x0: Operation not permitted"):
        await function.read(0)


@pytest.mark.parametrize(
    ("text", "name"),
    [("0000:00:04.0", "0000:00:04.0"), ("3A:1f.7", "0000:3a:1f.7"), ("0001:ff:00.0",) * 2],
)
def test_addresses_are_completed(text: str, name: str) -> None:
    assert function_name(text) == name


@pytest.mark.parametrize("text", ["", "4", "00:04", "00:04.8", "../../etc", "0000:00:04.0/.."])
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="where a PCI address such as"):
        function_name(text)
