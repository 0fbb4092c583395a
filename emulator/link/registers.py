"""The registers of the IDE extended capability: their bits, and what may be written to them.

Layout: Linux `include/uapi/linux/pci_regs.h` (`PCI_IDE_*`), tee-io-validator
`teeio-validator/include/pcie.h`; the block that QUERY_RESP carries begins behind the capability's
header (spdm-emu `include/library/pci_ide_km_common_lib.h`).
"""

from collections.abc import Sequence
from typing import NamedTuple

MAX_LINK_STREAMS = 8
MAX_SELECTIVE_STREAMS = 255
MAX_ADDRESS_BLOCKS = 15
_LINK_SUPPORTED = 1 << 0
_SELECTIVE_SUPPORTED = 1 << 1
_IDE_KM_SUPPORTED = 1 << 6  # the algorithm field stays 0: AES-256-GCM with a MAC of 96 bits

ENABLE = 1 << 0
DEFAULT_STREAM = 1 << 22
_TC_SHIFT, _TC_MASK = 19, 0x7
_ID_SHIFT = 24
_CONFIGURED = _TC_MASK << _TC_SHIFT | 0xFF << _ID_SHIFT
LINK_WRITABLE = ENABLE | _CONFIGURED
SELECTIVE_WRITABLE = LINK_WRITABLE | DEFAULT_STREAM
INTEGRITY_FAIL = 1 << 31
"""Of the status registers: IDE check failed; written as 1 it is cleared."""

_VALID = 1 << 0
_MIB_SHIFT = 20
_RID_SHIFT = 8
_SEGMENT_SHIFT = 24


class RidRange(NamedTuple):
    """The Requester IDs of the partner: both ends belong to it."""

    base: int
    limit: int
    segment: int = 0

    def registers(self) -> tuple[int, int]:
        """RID association registers 1 and 2."""
        second = self.segment << _SEGMENT_SHIFT | self.base << _RID_SHIFT | _VALID
        return self.limit << _RID_SHIFT, second


class AddressRange(NamedTuple):
    """Memory at the partner, in units of 1 MiB: `limit` is the last byte."""

    base: int
    limit: int

    def registers(self) -> tuple[int, int, int]:
        """Address association registers 1 to 3."""
        first = (self.limit >> _MIB_SHIFT & 0xFFF) << 20 | (self.base >> _MIB_SHIFT & 0xFFF) << 8
        return first | _VALID, self.limit >> 32, self.base >> 32


def read_rid(first: int, second: int) -> RidRange | None:
    """The range in RID association registers; None where they are not valid."""
    if not second & _VALID:
        return None
    base, limit = second >> _RID_SHIFT & 0xFFFF, first >> _RID_SHIFT & 0xFFFF
    return RidRange(base, limit, second >> _SEGMENT_SHIFT)


def read_addresses(first: int, second: int, third: int) -> AddressRange | None:
    """The range in address association registers; None where they are not valid."""
    if not first & _VALID:
        return None
    base = third << 32 | (first >> 8 & 0xFFF) << _MIB_SHIFT
    limit = second << 32 | (first >> 20 & 0xFFF) << _MIB_SHIFT | (1 << _MIB_SHIFT) - 1
    return AddressRange(base, limit)


def stream_control(
    stream: int, *, enabled: bool, traffic_class: int = 0, default: bool = False
) -> int:
    """A stream's control register."""
    control = stream << _ID_SHIFT | traffic_class << _TC_SHIFT
    return control | (ENABLE if enabled else 0) | (DEFAULT_STREAM if default else 0)


def stream_id(control: int) -> int:
    """The Stream ID in a control register."""
    return control >> _ID_SHIFT


def traffic_class(control: int) -> int:
    """The traffic class in a control register."""
    return control >> _TC_SHIFT & _TC_MASK


def ide_capability(link: int, selective: int) -> int:
    """The IDE Capability register of a port with so many streams."""
    found = _IDE_KM_SUPPORTED
    if link:
        found |= _LINK_SUPPORTED | link - 1 << 13
    if selective:
        found |= _SELECTIVE_SUPPORTED | selective - 1 << 16
    return found


class Block(NamedTuple):
    """One stream's registers, as QUERY_RESP tells them.

    Attributes:
        selective: it is of a selective stream; otherwise of a link stream.
        control: its control register.
        status: its status register.
        rid: the Requester IDs of the partner, or None.
        addresses: memory at the partner, as far as it is valid.
    """

    selective: bool
    control: int
    status: int
    rid: RidRange | None = None
    addresses: tuple[AddressRange, ...] = ()


def read_blocks(registers: Sequence[int]) -> list[Block]:
    """The streams' registers in a register block.

    Raises ValueError for a block that is not as long as it says itself.
    """
    if len(registers) < 2:  # noqa: PLR2004 - the capability and the control register
        raise ValueError(f"{len(registers)} registers where two are the least")
    capability, at = registers[0], 2
    blocks = []
    try:
        if capability & _LINK_SUPPORTED:
            for _ in range((capability >> 13 & 0x7) + 1):
                blocks.append(Block(False, registers[at], registers[at + 1]))  # noqa: FBT003
                at += 2
        if capability & _SELECTIVE_SUPPORTED:
            for _ in range((capability >> 16 & 0xFF) + 1):
                count, control, status, first, second = (registers[at + n] for n in range(5))
                at += 5
                ranges = []
                for _ in range(count & 0xF):
                    ranges.append(read_addresses(*(registers[at + n] for n in range(3))))
                    at += 3
                found = tuple(one for one in ranges if one is not None)
                blocks.append(Block(True, control, status, read_rid(first, second), found))  # noqa: FBT003
    except (IndexError, TypeError) as error:
        raise ValueError(f"{len(registers)} registers where its streams need more") from error
    if at != len(registers):
        raise ValueError(f"{len(registers)} registers where its streams have {at}")
    return blocks
