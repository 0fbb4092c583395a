"""What is behind a device's port, and how TLPs travel to it."""

import pytest
from linking import end, keyed

from emulator.errors import FrameError, LinkError
from emulator.link import Verdict, completion, memory_read, memory_write
from emulator.link.frames import LARGEST, LinkFrame, LinkReader, pack
from emulator.link.traffic import Completer, Memory

DATA = bytes(range(64))


def test_memory_is_zero_until_it_is_written() -> None:
    memory = Memory(64)
    assert memory.read(0, 64) == bytes(64)
    memory.write(8, b"12345678")
    assert memory.read(4, 16) == bytes(4) + b"12345678" + bytes(4)
    memory.clear()
    assert memory.read(0, 64) == bytes(64)


@pytest.mark.parametrize(
    ("address", "size", "holds"),
    [(0, 64, True), (60, 4, True), (64, 4, False), (60, 8, False), (-4, 4, False)],
)
def test_what_memory_holds(address: int, size: int, holds: bool) -> None:  # noqa: FBT001
    assert Memory(64).holds(address, size) == holds


def test_writes_and_reads_under_ide() -> None:
    root, device = keyed()
    memory = Memory()
    behind = Completer(device, memory)
    assert behind.receive(root.send(memory_write(0x100, DATA))[0])[1] == ()
    assert memory.read(0x100, 64) == DATA
    asked = memory_read(0x100, 16, tag=4)
    received, (back,) = behind.receive(root.send(asked, trusted=True)[0])
    assert received.verdict is Verdict.PROTECTED
    assert DATA not in back
    answer = root.receive(back)
    assert answer.trusted
    assert answer.tlp == completion(asked, DATA, completer=device.requester)


def test_reads_of_nothing_are_unsupported_and_writes_are_lost() -> None:
    root, device = keyed()
    memory = Memory(64)
    behind = Completer(device, memory)
    _, (back,) = behind.receive(root.send(memory_read(64, 1))[0])
    answer = root.receive(back).tlp
    assert answer is not None
    assert (answer.status, answer.data) == (1, b"")
    assert behind.receive(root.send(memory_write(60, DATA))[0])[1] == ()
    assert memory.read(60, 4) == bytes(4)


def test_nothing_unprotected_reaches_a_port_with_a_stream() -> None:
    plain, device = end("root port", enabled=False), end("device")
    memory = Memory()
    behind = Completer(device, memory)
    received, back = behind.receive(plain.send(memory_write(0, DATA))[0])
    assert (received.verdict, back) == (Verdict.UNPROTECTED, ())
    assert memory.read(0, 64) == bytes(64)
    assert behind.receive(plain.send(memory_read(0, 1))[0])[1] == ()


def test_without_ide_everything_reaches_it() -> None:
    plain, device = end("root port", enabled=False), end("device", enabled=False)
    behind = Completer(device, Memory())
    behind.receive(plain.send(memory_write(0, DATA))[0])
    _, (back,) = behind.receive(plain.send(memory_read(0, 16))[0])
    assert DATA in back
    assert plain.receive(back).verdict is Verdict.UNPROTECTED


def test_a_completion_is_no_request() -> None:
    root, device = keyed()
    asked = completion(memory_read(0, 1), DATA)
    received, back = Completer(device, Memory()).receive(root.send(asked)[0])
    assert (received.verdict, back) == (Verdict.PROTECTED, ())


def test_what_fails_the_check_reaches_nothing() -> None:
    root, device = keyed()
    memory = Memory()
    behind = Completer(device, memory)
    (raw,) = root.send(memory_write(0, DATA))
    bent = raw[:20] + bytes((raw[20] ^ 1,)) + raw[21:]
    received, back = behind.receive(bent)
    assert (received.verdict, back) == (Verdict.CHECK_FAILED, ())
    assert behind.receive(raw)[0].verdict is Verdict.DROPPED
    assert memory.read(0, 64) == bytes(64)
    with pytest.raises(LinkError):
        behind.receive(b"")


def test_tlps_on_a_stream_of_bytes() -> None:
    stream = pack(0, b"") + pack(7, DATA) + pack(255, bytes(LARGEST))
    expected = [LinkFrame(0, b""), LinkFrame(7, DATA), LinkFrame(255, bytes(LARGEST))]
    assert stream[:8] == bytes(8)
    assert stream[8:16] == b"\0\0\0\x40\x07\0\0\0"
    assert list(LinkReader().feed(stream)) == expected
    reader = LinkReader()
    assert [frame for at in range(len(stream)) for frame in reader.feed(stream[at : at + 1])] == (
        expected
    )


def test_heads_that_are_none() -> None:
    with pytest.raises(FrameError, match=f"4129 bytes where {LARGEST} are the most"):
        list(LinkReader().feed((LARGEST + 1).to_bytes(4, "big") + bytes(4)))
    with pytest.raises(FrameError, match="000100 in the head of a TLP"):
        list(LinkReader().feed(b"\0\0\0\1\0\0\1\0"))
