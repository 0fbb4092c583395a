"""What is written is read back, and what was damaged is said to be."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import RecordingError
from emulator.record import ENCODERS, LinkType, Packet, pcap, read
from emulator.requester import Direction

PACKETS = st.builds(
    Packet,
    time=st.integers(0, 2**62),
    link=st.sampled_from(LinkType),
    data=st.binary(max_size=70),
    direction=st.sampled_from([None, *Direction]),
    device=st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    connection=st.integers(0, 2**32 - 1),
    comments=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3).map(tuple),
)
NOW = 1_700_000_000_123_456_789


def written(form: str, packets: list[Packet]) -> bytes:
    encoder = ENCODERS[form]()
    return encoder.start() + b"".join(encoder.encode(packet) for packet in packets)


def without_place(packet: Packet) -> tuple[object, ...]:
    return tuple(getattr(packet, name) for name in Packet.__slots__ if name != "offset")


@given(st.lists(PACKETS, max_size=5))
def test_pcapng_keeps_everything(packets: list[Packet]) -> None:
    recording = read("a", written("pcapng", packets))
    assert recording.problem is None
    assert recording.format == "pcapng"
    assert [without_place(one) for one in recording.packets] == list(map(without_place, packets))


def test_pcap_keeps_times_and_bytes_of_one_link_type() -> None:
    packets = [
        Packet(NOW, LinkType.PCI_DOE, b"abcd", Direction.REPLY, "nvme", 3, ("said",)),
        Packet(NOW, LinkType.PCI_DOE, b""),
        Packet(NOW, LinkType.MCTP, b"efgh"),
        Packet(NOW, LinkType.PCI_DOE, bytes(pcap.SNAP_LENGTH + 1)),
    ]
    recording = read("a", written("pcap", packets))
    assert recording.problem is None
    assert recording.format == "pcap"
    microseconds = NOW // 1000 * 1000
    assert [without_place(one) for one in recording.packets] == [
        (microseconds, 292, b"abcd", None, "", 0, ()),
        (microseconds, 292, bytes(pcap.SNAP_LENGTH), None, "", 0, ()),
    ]


def test_pcap_is_laid_out_as_spdm_dump_reads_it() -> None:
    data = written("pcap", [Packet(NOW, LinkType.MCTP, b"abcdef")])
    assert data == bytes.fromhex(
        "d4c3b2a1 0200 0400 00000000 00000000 00000100 23010000"
        "00f15365 40e20100 06000000 06000000"
    ) + b"abcdef"  # fmt: skip


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("magic", "unit"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_pcap_of_either_byte_order_and_unit(order: str, magic: int, unit: int) -> None:
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 9, 292)
    data += struct.pack(order + "IIII", 5, 7, 4, 4) + b"abcd"
    (packet,) = read("a", data).packets
    assert (packet.time, packet.data, packet.offset) == (5 * 10**9 + 7 * unit, b"abcd", 24)


def block(order: str, kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", size)


@pytest.mark.parametrize("order", "<>")
def test_pcapng_by_others(order: str) -> None:
    """Either byte order, a power of two as unit, unknown blocks, and simple packets."""
    resolution = struct.pack(order + "HH", 9, 1) + b"\x8a\0\0\0"
    name = struct.pack(order + "HH", 2, 3) + b"abc\0"
    data = (
        block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
        + block(order, 1, struct.pack(order + "HHI", 292, 0, 0) + name + resolution)
        + block(order, 0xBAD, b"what?   ")
        + block(order, 6, struct.pack(order + "IIIII", 0, 0, 3 << 10, 2, 2) + b"hi\0\0")
        + block(order, 3, struct.pack(order + "I", 3) + b"you\0")
    )
    first, second = read("a", data).packets
    assert (first.time, first.data, first.device) == (3 * 10**9, b"hi", "abc")
    assert (first.direction, first.connection, first.comments) == (None, 0, ())
    assert (second.time, second.data, second.device) == (0, b"you", "abc")


SOME = [
    Packet(NOW, LinkType.PCI_DOE, bytes(range(12)), Direction.REQUEST, "nvme", 1, ("opened",)),
    Packet(NOW, LinkType.PCI_DOE, bytes(range(16)), Direction.REPLY, "nvme", 1),
]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a: byte 0: an empty file where"),
        (b"PK\x03\x04", "a: byte 0: 50 4b 03 04 where a pcapng or pcap file begins"),
    ],
)
def test_what_is_no_recording_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        read("a", data)


# Section, interface and two packets; header and two packets.
@pytest.mark.parametrize(("form", "blocks"), [("pcapng", 4), ("pcap", 3)])
def test_a_file_cut_anywhere_gives_what_is_whole(form: str, blocks: int) -> None:
    data = written(form, SOME)
    whole = [at for at in range(4, len(data) + 1) if read("a", data[:at]).problem is None]
    assert len(whole) == blocks, "a file may only end where a block does"
    counts = [len(read("a", data[:at]).packets) for at in range(4, len(data) + 1)]
    assert counts == sorted(counts)
    assert counts[-1] == len(SOME)
    for at in range(4, len(data)):
        problem = read("a", data[:at]).problem
        if at not in whole:
            assert problem is not None
            assert 0 <= problem.offset <= at
            assert str(problem).startswith(f"a: byte {problem.offset}: ")


@pytest.mark.parametrize("form", ENCODERS)
@given(data=st.data())
def test_damaged_files_never_raise_anything_else(form: str, data: st.DataObject) -> None:
    damaged = bytearray(written(form, SOME))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    try:
        recording = read("a", bytes(damaged))
    except RecordingError as error:
        assert error.offset == 0  # noqa: PT017 - either outcome is right
        return
    if recording.problem is not None:
        assert 0 <= recording.problem.offset < len(damaged)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (8, b"what", "byte-order mark 77686174"),
        (4, b"\x0d\0\0\0", "a block of 13 bytes: not a multiple of 4"),
        (-4, b"\0\x01\0\0", "a block of 68 bytes that says 256 at its end"),
    ],
)
def test_damage_is_named(place: int, value: bytes, message: str) -> None:
    damaged = bytearray(written("pcapng", SOME))
    place %= len(damaged)
    damaged[place : place + 4] = value
    problem = read("a", bytes(damaged)).problem
    assert problem is not None
    assert message in str(problem)
