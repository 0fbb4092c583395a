"""The IDE extended capability's registers."""

import pytest
from linking import keyed

from emulator.link import (
    AddressRange,
    Block,
    End,
    RidRange,
    Stream,
    StreamEvent,
    read_blocks,
    stream_control,
)
from emulator.link.registers import read_addresses, read_rid

RID = RidRange(0x0100, 0x01FF, segment=3)
RANGES = (AddressRange(0xE000_0000, 0xE0FF_FFFF), AddressRange(0x40_0000_0000, 0x4F_FFFF_FFFF))


def port() -> End:
    """Two link streams and two selective ones, of which the second has associations."""
    return End(
        "device",
        link=(
            Stream(selective=False, control=stream_control(0x11, enabled=False)),
            Stream(selective=False, control=stream_control(0x12, enabled=True, traffic_class=1)),
        ),
        selective=(
            Stream(selective=True, control=stream_control(0, enabled=True, default=True)),
            Stream(
                selective=True,
                control=stream_control(0xFE, enabled=False),
                rid=RID.registers(),
                addresses=[one.registers() for one in RANGES],
            ),
        ),
    )


def test_the_block_is_the_published_layout() -> None:
    """By hand from Linux `include/uapi/linux/pci_regs.h`."""
    assert [f"{one:08x}" for one in port().registers()] == [
        "00012043",  # link, selective, IDE_KM; two traffic classes, two selective streams
        "00000000",
        "11000000",
        "00000000",
        "12080001",
        "00000000",
        "00000000",  # no address blocks
        "00400001",
        "00000000",
        "00000000",
        "00000000",
        "00000002",  # two address blocks
        "fe000000",
        "00000000",
        "0001ff00",
        "03010001",
        "e0fe0001",
        "00000000",
        "00000000",
        "fff00001",
        "0000004f",
        "00000040",
    ]


def test_a_block_is_read_as_it_was_written() -> None:
    assert read_blocks(port().registers()) == [
        Block(selective=False, control=0x11000000, status=0),
        Block(selective=False, control=0x12080001, status=0),
        Block(selective=True, control=0x00400001, status=0),
        Block(selective=True, control=0xFE000000, status=0, rid=RID, addresses=RANGES),
    ]
    assert read_blocks(End("none").registers()) == []


@pytest.mark.parametrize("size", [0, 1, 2, 3, 6, 10, 12, 21, 23])
def test_a_block_of_another_length(size: int) -> None:
    registers = (*port().registers(), 0)[:size]
    with pytest.raises(ValueError, match=f"{size} registers where"):
        read_blocks(registers)


def test_associations_that_are_not_valid() -> None:
    assert read_rid(0xFFFF00, 0) is None
    assert read_addresses(0, 0, 0) is None


def test_registers_that_are_read_only() -> None:
    one = port()
    before = one.registers()
    for index in (0, 1, 3, 5, 6, 8, 11, 13):
        one.write(index, 0xFFFFFFFF)
        assert one.registers() == before


def test_a_stream_is_configured_and_then_enabled() -> None:
    one = port()
    one.write(12, 0x05FF_FFFE)
    assert one.registers()[12] == 0x0578_0000
    one.write(12, 0x0040_0001)
    assert one.registers()[12] == 0x0040_0001
    one.write(12, 0x0700_0001)  # enabled: the rest is locked
    assert one.registers()[12] == 0x0040_0001
    one.write(12, 0)
    assert one.registers()[12] == 0x0040_0000


def test_associations_are_written() -> None:
    one = port()
    for index, value in ((14, 0x0007FF00), (15, 0x00070001), (16, 0x10010001), (21, 0x12)):
        one.write(index, value)
        assert one.registers()[index] == value


def test_a_register_there_is_not() -> None:
    one = port()
    with pytest.raises(IndexError, match="register 22 where the block has 0 to 21"):
        one.write(22, 0)


def test_the_status_says_secure_and_failed_and_forgets_that_when_told() -> None:
    _, device = keyed()
    assert device.registers()[4] == 2
    device.streams[0].event(StreamEvent.CHECK_FAILED)
    assert device.registers()[4] == 0x8000_0000
    device.write(4, 0x7FFF_FFFF)
    assert device.registers()[4] == 0x8000_0000
    device.write(4, 0x8000_0000)
    assert device.registers()[4] == 0


def test_the_enable_bit_of_the_register_is_the_streams() -> None:
    _, device = keyed()
    device.write(3, 0)
    assert not device.streams[0].secure
    device.write(3, 1)
    assert device.streams[0].secure


def test_another_stream_id_takes_other_keys() -> None:
    _, device = keyed()
    device.write(3, 0)
    device.write(3, 0x0100_0001)
    assert not device.streams[0].secure
    assert not device.streams[0].keyed
    assert device.stream(1) is device.streams[0]
    assert device.stream(0) is None
