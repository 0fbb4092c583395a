"""TLPs between two ends: what gets through, and what does not."""

from collections.abc import Callable

import pytest
from linking import DEVICE, HOST, end, key_up, keyed, secret

from emulator.errors import LinkError
from emulator.link import (
    PLACES,
    AddressRange,
    Direction,
    End,
    KeySet,
    KeyState,
    Place,
    RidRange,
    Stream,
    StreamEvent,
    SubStream,
    Tlp,
    Verdict,
    completion,
    memory_read,
    memory_write,
    stream_control,
)
from emulator.link.keys import LAST_INVOCATION

WRITE = memory_write(0x1000, b"data" * 4, requester=HOST)
READ = memory_read(0x1000, 4, tag=3, requester=HOST)
ANSWER = completion(READ, b"data" * 4, completer=DEVICE)


def moved(sender: End, receiver: End, tlp: Tlp) -> None:
    """A TLP arrives as it was sent."""
    (raw,) = sender.send(tlp)
    received = receiver.receive(raw)
    assert received.verdict is Verdict.PROTECTED, received.reason
    assert received.tlp == tlp
    assert received.stream is receiver.streams[0]


def failed(receiver: End, raw: bytes, why: str) -> None:
    """A TLP makes its stream Insecure, and whatever follows is dropped."""
    received = receiver.receive(raw)
    assert received.verdict is Verdict.CHECK_FAILED
    assert received.tlp is None
    assert why in received.reason
    stream = receiver.streams[0]
    assert not stream.secure
    assert stream.failed
    used = {stream.key_state(place) for place in PLACES}
    assert KeyState.IN_USE not in used
    assert receiver.receive(raw).verdict is Verdict.DROPPED


def test_writes_reads_and_completions_arrive() -> None:
    root, device = keyed()
    for _ in range(3):
        moved(root, device, WRITE)
        moved(root, device, READ)
        moved(device, root, ANSWER)
        moved(device, root, memory_write(0xF000_0000_0000, bytes(4096), requester=DEVICE))
        moved(device, root, memory_read(0, 1024, tag=9, requester=DEVICE))
        moved(root, device, completion(READ, b"", completer=HOST, status=1))


def test_link_streams_protect_as_well() -> None:
    root, device = end("root port", selective=False), end("device", selective=False)
    key_up(root, device)
    moved(root, device, WRITE)


def test_the_t_bit_arrives() -> None:
    root, device = keyed()
    assert device.receive(root.send(WRITE, trusted=True)[0]).trusted
    assert not device.receive(root.send(WRITE)[0]).trusted


@pytest.mark.parametrize("tlp", [WRITE, READ, ANSWER], ids=str)
def test_every_byte_counts(tlp: Tlp) -> None:
    root, _ = keyed()
    (raw,) = root.send(tlp)
    for at in range(1, len(raw)):
        _, device = keyed()
        bent = raw[:at] + bytes((raw[at] ^ 0x10,)) + raw[at + 1 :]
        try:
            received = device.receive(bent)
        except LinkError:
            continue  # no TLP at all: its header is cut off
        assert received.tlp is None
        other_stream = at == 2
        expected = Verdict.MISROUTED if other_stream else Verdict.CHECK_FAILED
        assert received.verdict is expected
        assert device.streams[0].secure == other_stream


def test_a_cut_tlp() -> None:
    root, _ = keyed()
    (raw,) = root.send(WRITE)
    for size in range(17, len(raw)):
        _, device = keyed()
        assert device.receive(raw[:size]).verdict is Verdict.CHECK_FAILED
    for size in range(16):
        _, device = keyed()
        with pytest.raises(LinkError, match="shorter than its header"):
            device.receive(raw[:size])
        assert device.streams[0].secure


def test_a_replayed_tlp() -> None:
    root, device = keyed()
    (raw,) = root.send(WRITE)
    device.receive(raw)
    failed(device, raw, "no MAC of K0 RX PR number 2")


def test_a_lost_tlp() -> None:
    root, device = keyed()
    root.send(WRITE)
    failed(device, root.send(WRITE)[0], "no MAC")


def test_tlps_of_a_sub_stream_in_another_order() -> None:
    root, device = keyed()
    root.send(READ)
    failed(device, root.send(READ)[0], "no MAC")


def test_a_tlp_of_the_other_direction() -> None:
    root, device = keyed()
    (raw,) = device.send(WRITE)
    failed(device, raw, "no MAC")
    assert root.streams[0].secure


def test_keys_that_differ() -> None:
    root, device = end("root port"), end("device")
    key_up(root, device)
    device.reset()
    for place in PLACES[:6]:
        device.streams[0].program(place, secret(place, of=1), 1)
        device.streams[0].go(place)
    assert device.streams[0].secure
    failed(device, root.send(WRITE)[0], "no MAC")


def test_a_stream_there_is_not_is_misrouted_and_changes_nothing() -> None:
    root, device = end("root port", stream=5), end("device", stream=4)
    key_up(root, device)
    received = device.receive(root.send(WRITE)[0])
    assert received.verdict is Verdict.MISROUTED
    assert received.reason == "stream 5, which device does not have"
    assert device.streams[0].secure


def test_what_is_not_protected_is_said_to_be_so() -> None:
    plain, device = end("root port", enabled=False), keyed()[1]
    received = device.receive(plain.send(WRITE)[0])
    assert received.verdict is Verdict.UNPROTECTED
    assert received.tlp == WRITE
    assert device.streams[0].secure


def test_nothing_goes_in_the_clear_where_its_stream_is_insecure() -> None:
    root, _ = keyed()
    root.streams[0].event(StreamEvent.CHECK_FAILED)
    with pytest.raises(LinkError, match="stream 0 is Insecure: no memory write of 16 bytes at"):
        root.send(WRITE)


OVERTAKEN: list[Callable[[End, End], None]] = [
    lambda to, by: failed(to, by.send(READ)[0], "overtook 2 posted"),
    lambda to, by: failed(to, by.send(ANSWER)[0], "overtook 2 posted"),
]


@pytest.mark.parametrize("overtaking", OVERTAKEN)
def test_posted_tlps_are_not_overtaken(overtaking: Callable[[End, End], None]) -> None:
    root, device = keyed()
    moved(root, device, WRITE)
    root.send(WRITE)
    root.send(WRITE)
    overtaking(device, root)


def test_posted_tlps_may_overtake() -> None:
    root, device = keyed()
    (read,), (write,) = root.send(READ), root.send(WRITE)
    assert device.receive(write).tlp == WRITE
    assert device.receive(read).tlp == READ
    moved(root, device, READ)
    moved(root, device, ANSWER)


def test_counters_of_posted_tlps_never_overflow() -> None:
    root, device = keyed()
    kinds = []
    for _ in range(600):
        for raw in root.send(WRITE):
            received = device.receive(raw)
            assert received.verdict is Verdict.PROTECTED
            assert received.tlp is not None
            kinds.append(received.tlp.kind.value)
    assert [at for at, kind in enumerate(kinds) if kind == "IDE sync"] == [255, 511]
    moved(root, device, READ)


def test_more_posted_tlps_than_can_be_counted() -> None:
    root, device = keyed()
    stream = root.streams[0]
    for _ in range(255):
        device.receive(stream.seal(WRITE))
    stream._sent = dict.fromkeys((SubStream.NPR, SubStream.CPL), 0)  # an end that counts wrongly
    failed(device, stream.seal(WRITE), "more than 255 posted")


def test_switching_key_sets_while_the_other_runs() -> None:
    root, device = keyed()
    moved(root, device, WRITE)
    key_up(root, device, KeySet.K1)
    assert device.streams[0].secure
    old = Place(KeySet.K0, Direction.RX, SubStream.PR)
    assert device.streams[0].key_state(old) is KeyState.IN_USE  # until the other end uses K1
    for tlp in (WRITE, READ, ANSWER):
        moved(root, device, tlp)
        moved(device, root, tlp)
    for place in PLACES:
        expected = KeyState.IN_USE if place.key_set is KeySet.K1 else KeyState.VOID
        assert device.streams[0].key_state(place) is expected
    key_up(root, device, KeySet.K0, of=1)
    moved(root, device, WRITE)
    moved(device, root, WRITE)


def test_tlps_under_the_old_set_may_be_on_their_way() -> None:
    root, device = keyed()
    (old,) = root.send(WRITE)
    key_up(root, device, KeySet.K1)
    assert device.receive(old).tlp == WRITE
    moved(root, device, WRITE)
    (new,) = keyed()[0].send(WRITE)
    failed(device, new, "it is under K0 RX PR, which is VOID")


def test_a_key_set_that_is_not_set_to_go() -> None:
    root, device = keyed()
    stream = root.streams[0]
    for place in PLACES:
        if place.key_set is KeySet.K1:
            stream.program(place, secret(place.opposite), 1)
            stream.go(place)
    failed(device, root.send(READ)[0], "it is under K1 RX NPR, which is EMPTY")


@pytest.mark.parametrize("number", range(3, 8))
def test_a_sub_stream_there_is_not(number: int) -> None:
    root, device = keyed()
    (raw,) = root.send(WRITE)
    bent = raw[:1] + bytes((raw[1] | number,)) + raw[2:]
    failed(device, bent, f"sub-stream {number}, which there is not")


def test_a_tlp_in_the_sub_stream_of_another_kind() -> None:
    root, device = keyed()
    stream = root.streams[0]
    header, data = b"\x00\0\0\x04\0\0\x03\xff\0\0\x10\0", b""
    key = stream._keys[Place(KeySet.K0, Direction.TX, SubStream.PR)]
    assert key.cipher is not None
    prefix = b"\x92\x20\0\0"
    sealed, mac = key.cipher.seal(bytes(11) + b"\1", prefix + header, data)
    failed(device, prefix + header + sealed + mac, "in the sub-stream PR")


def test_the_invocation_field_comes_to_its_end() -> None:
    root, device = end("root port"), end("device")
    for place in PLACES[:6]:
        device.streams[0].program(place, secret(place), LAST_INVOCATION)
        root.streams[0].program(place.opposite, secret(place), LAST_INVOCATION)
        device.streams[0].go(place)
        root.streams[0].go(place.opposite)
    moved(root, device, READ)
    with pytest.raises(LinkError, match="the invocation field of NPR is at its end"):
        root.send(READ)
    assert not root.streams[0].secure
    assert device.streams[0].secure
    failed(device, b"\x92\x21\0\0" + bytes(12 + 12), "is at its end")


def test_which_stream_a_tlp_belongs_to() -> None:
    near = Stream(
        selective=True,
        control=stream_control(1, enabled=True),
        rid=RidRange(0x100, 0x107).registers(),
        addresses=[AddressRange(0x1000_0000, 0x10FF_FFFF).registers()],
    )
    far = Stream(
        selective=True,
        control=stream_control(2, enabled=True),
        addresses=[AddressRange(1 << 40, (2 << 40) - 1).registers()],
    )
    rest = Stream(selective=False, control=stream_control(3, enabled=True))
    port = End("root port", link=(rest,), selective=(near, far))
    assert port.stream_for(memory_write(0x1000_0000, bytes(4))) is near
    assert port.stream_for(memory_read(0x10FF_FFFC, 1)) is near
    assert port.stream_for(memory_read(0x1100_0000, 1)) is rest
    assert port.stream_for(memory_read(1 << 40, 1)) is far
    for requester, stream in ((0xFF, rest), (0x100, near), (0x107, near), (0x108, rest)):
        answer = completion(memory_read(0, 1, requester=requester), bytes(4))
        assert port.stream_for(answer) is stream
    near.enable(on=False)
    assert port.stream_for(memory_write(0x1000_0000, bytes(4))) is rest
    rest.enable(on=False)
    assert port.stream_for(memory_write(0x1000_0000, bytes(4))) is None


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "0 bytes, shorter"),
        (bytes(11), "11 bytes, shorter"),
        (b"\x40\0\0\2" + bytes(12), "2 DWORDs with 4 bytes"),
        (b"\x00\0\0\1" + bytes(12), "4 bytes behind a TLP without data"),
        (b"\x04\0\0\1" + bytes(8), "the type 0x04"),
        (b"\x4b\0\0\0" + bytes(8 + 4096), "the type 0x4b"),
        (b"\x34\0\0\0" + bytes(12), "the type 0x34"),
    ],
)
def test_bytes_that_are_no_tlp(raw: bytes, why: str) -> None:
    with pytest.raises(LinkError, match=why):
        end("device").receive(raw)


@pytest.mark.parametrize(
    ("tlp", "why"),
    [
        (memory_write(2, bytes(4)), "whole DWORDs"),
        (memory_write(0, bytes(5)), "whole DWORDs"),
        (memory_write(0, b""), "a memory write of nothing"),
        (memory_read(0, 0), "a memory read of nothing"),
        (memory_write(0, bytes(4100)), "1025 DWORDs where a TLP has 1024 at most"),
    ],
)
def test_what_no_tlp_can_say(tlp: Tlp, why: str) -> None:
    with pytest.raises(LinkError, match=why):
        end("device", enabled=False).send(tlp)
