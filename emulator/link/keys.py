"""Keys of a stream: their places, their bytes on the wire, and the IV made for each TLP.

The IV of 96 bits is a fixed field of 32 bits, whose top four are the sub-stream's number, and the
invocation field of 64 bits, most significant byte first, which counts TLPs and begins with the
value that KEY_PROG brings. Sources: tee-io-validator `doc/key_byte_order.md`, which gives PCIe's IV
as 00000000‖0000000000000001 and CXL's as 80000000‖…1, and libspdm
`include/industry_standard/cxl_idekm.h`, where CXL's sub-stream is 8 in the high nibble: so the top
four bits of the fixed field are the sub-stream's number, and the rest is 0. For NPR and CPL that is
inferred: no public test vector of them was found.
"""

from enum import IntEnum
from typing import NamedTuple

KEY_SIZE = 32
IFV_SIZE = 8
FIRST_INVOCATION = 1
"""The only value that KEY_PROG may bring (tee-io-validator, KEY_PROG case 2.5)."""

LAST_INVOCATION = (1 << 64) - 1
_DWORD = 4
_SUB_STREAM_SHIFT = 28


class SubStream(IntEnum):
    """The kinds of TLPs that are counted and keyed apart."""

    PR = 0
    NPR = 1
    CPL = 2


class Direction(IntEnum):
    """As seen by the end that has the key."""

    RX = 0
    TX = 1


class KeySet(IntEnum):
    """The two sets that a stream alternates between."""

    K0 = 0
    K1 = 1


class Place(NamedTuple):
    """Which key of a stream."""

    key_set: KeySet
    direction: Direction
    sub_stream: SubStream

    @property
    def byte(self) -> int:
        """The key_sub_stream byte of IDE_KM (libspdm `industry_standard/pci_idekm.h`)."""
        return self.key_set | self.direction << 1 | self.sub_stream << 4

    @classmethod
    def of(cls, byte: int) -> "Place | None":
        """The place a key_sub_stream byte names; None: a sub-stream or bits there are not."""
        if byte >> 4 > max(SubStream) or byte & 0x0C:
            return None
        return cls(KeySet(byte & 1), Direction(byte >> 1 & 1), SubStream(byte >> 4))

    @property
    def opposite(self) -> "Place":
        """The same key's place at the other end of the link."""
        return self._replace(direction=Direction(1 - self.direction))

    @property
    def other_set(self) -> "Place":
        """The place of the other key set."""
        return self._replace(key_set=KeySet(1 - self.key_set))

    def __str__(self) -> str:
        return f"{self.key_set.name} {self.direction.name} {self.sub_stream.name}"


PLACES = tuple(
    Place(key_set, direction, sub_stream)
    for key_set in KeySet
    for direction in Direction
    for sub_stream in SubStream
)
"""All places of a stream."""


def key_to_wire(key: bytes) -> bytes:
    """A key as KEY_PROG carries it: DWORD 7, its first bytes, comes first, each DWORD turned round.

    Source: tee-io-validator `doc/key_byte_order.md`.
    """
    return b"".join(key[at : at + _DWORD][::-1] for at in range(0, len(key), _DWORD))


key_from_wire = key_to_wire
"""The key of the bytes on the wire: turning the DWORDs round once more."""


def ifv_to_wire(value: int) -> bytes:
    """An initial invocation field as KEY_PROG carries it: its high DWORD first."""
    return (value >> 32).to_bytes(_DWORD, "little") + (value & 0xFFFFFFFF).to_bytes(4, "little")


def ifv_from_wire(raw: bytes) -> int:
    """The initial invocation field of the bytes on the wire."""
    return int.from_bytes(raw[:_DWORD], "little") << 32 | int.from_bytes(raw[_DWORD:], "little")


def initialization_vector(sub_stream: SubStream, invocation: int) -> bytes:
    """The IV of one TLP."""
    return (sub_stream << _SUB_STREAM_SHIFT).to_bytes(4, "big") + invocation.to_bytes(8, "big")
