"""The objects of IDE_KM (libspdm `include/industry_standard/pci_idekm.h`).

Each begins with its id; in VENDOR_DEFINED messages the number of the protocol stands before it.
"""

import struct
from enum import IntEnum

from emulator.link import KEY_SIZE
from emulator.link.keys import IFV_SIZE, ifv_from_wire, ifv_to_wire, key_from_wire, key_to_wire
from emulator.wire import U8, Bytes, Reserved, Rest, Shape, Structure, encode, structure, wire

PLAIN = Shape()
"""No object's layout depends on what was negotiated."""


class ObjectId(IntEnum):
    """Which object it is."""

    QUERY = 0x00
    QUERY_RESP = 0x01
    KEY_PROG = 0x02
    KP_ACK = 0x03
    K_SET_GO = 0x04
    K_SET_STOP = 0x05
    K_SET_GOSTOP_ACK = 0x06


class KpStatus(IntEnum):
    """What KP_ACK says of a key."""

    SUCCESS = 0
    INCORRECT_LENGTH = 1
    UNSUPPORTED_PORT_INDEX = 2
    UNSUPPORTED_VALUE = 3
    UNSPECIFIED_FAILURE = 4


@structure
class Query(Structure):
    """QUERY: what is a port like?"""

    object_id: int = wire(U8(ObjectId), default=ObjectId.QUERY)
    reserved: int = wire(U8(), default=0)
    port_index: int = wire(U8())


@structure
class QueryResp(Structure):
    """QUERY_RESP: the port's function, and the registers of its IDE extended capability."""

    object_id: int = wire(U8(ObjectId), default=ObjectId.QUERY_RESP)
    reserved: int = wire(U8(), default=0)
    port_index: int = wire(U8())
    dev_func_num: int = wire(U8())
    bus_num: int = wire(U8())
    segment: int = wire(U8())
    max_port_index: int = wire(U8())
    register_block: bytes = wire(Rest())

    def registers(self) -> tuple[int, ...]:
        """The registers. Raises ValueError where they are no whole DWORDs."""
        raw = self.register_block
        if len(raw) % 4:
            raise ValueError(f"{len(raw)} bytes of registers, which are no whole DWORDs")
        return struct.unpack(f"<{len(raw) // 4}I", raw)


@structure
class KeySetObject(Structure):
    """K_SET_GO, K_SET_STOP, K_SET_GOSTOP_ACK, and how KEY_PROG and KP_ACK begin.

    `status` is KP_ACK's, and reserved in all others.
    """

    object_id: int = wire(U8(ObjectId))
    reserved: bytes = wire(Reserved(2), default=bytes(2))
    stream_id: int = wire(U8())
    status: int = wire(U8(KpStatus), default=0)
    key_sub_stream: int = wire(U8())
    port_index: int = wire(U8())


@structure
class KpAck(KeySetObject):
    """KP_ACK: what became of a key."""

    object_id: int = wire(U8(ObjectId), default=ObjectId.KP_ACK)


@structure
class KeyProg(KeySetObject):
    """KEY_PROG: a key, and the invocation field of its first TLP."""

    object_id: int = wire(U8(ObjectId), default=ObjectId.KEY_PROG)
    key_on_wire: bytes = wire(Bytes(KEY_SIZE))
    ifv_on_wire: bytes = wire(Bytes(IFV_SIZE))

    @property
    def key(self) -> bytes:
        """The key as AES takes it."""
        return key_from_wire(self.key_on_wire)

    @property
    def invocation(self) -> int:
        """The invocation field."""
        return ifv_from_wire(self.ifv_on_wire)


def key_prog(
    stream: int, key_sub_stream: int, port: int, key: bytes, invocation: int = 1
) -> KeyProg:
    """KEY_PROG of a key as AES takes it."""
    return KeyProg(
        stream_id=stream,
        key_sub_stream=key_sub_stream,
        port_index=port,
        key_on_wire=key_to_wire(key),
        ifv_on_wire=ifv_to_wire(invocation),
    )


def to_bytes(item: Structure) -> bytes:
    """An object's bytes."""
    return encode(item, PLAIN)


QUERY_SIZE = 3
KEY_SET_SIZE = 7
KEY_PROG_SIZE = KEY_SET_SIZE + KEY_SIZE + IFV_SIZE
