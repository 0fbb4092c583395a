"""The layouts of CXL IDE_KM's objects: libspdm `include/industry_standard/cxl_idekm.h`."""

from enum import IntEnum, IntFlag

from emulator.wire import U8, Bytes, Reserved, Rest, Shape, Structure, structure, wire

SHAPE = Shape()
KEY_SIZE, IV_SIZE = 32, 12


class ObjectId(IntEnum):
    """What an object is."""

    QUERY = 0x00
    QUERY_RESP = 0x01
    KEY_PROG = 0x02
    KP_ACK = 0x03
    K_SET_GO = 0x04
    K_SET_STOP = 0x05
    K_GOSTOP_ACK = 0x06
    GET_KEY = 0x07
    GET_KEY_ACK = 0x08


class KeyStatus(IntEnum):
    """Status of KP_ACK."""

    SUCCESS = 0
    INVALID = 1


class PortCaps(IntFlag):
    """What a port can do; the version is in the four bits below these."""

    IV_GENERATION = 0x10
    KEY_GENERATION = 0x20
    K_SET_STOP = 0x40


CAPABILITY_VERSION = 1


@structure
class Query(Structure):
    """What can a port do?"""

    object_id: int = wire(U8(), default=ObjectId.QUERY)
    reserved: int = wire(U8(), default=0)
    port: int = wire(U8())


@structure
class QueryResponse(Structure):
    """Where a port is, what it can do, and its registers."""

    object_id: int = wire(U8(), default=ObjectId.QUERY_RESP)
    reserved: int = wire(U8(), default=0)
    port: int = wire(U8())
    device_function: int = wire(U8())
    bus: int = wire(U8())
    segment: int = wire(U8())
    max_port: int = wire(U8())
    caps: int = wire(U8())
    registers: bytes = wire(Rest(), default=b"")


@structure
class _OfKey(Structure):
    """What all others begin with: which key of which port they are about."""

    object_id: int = wire(U8())
    reserved: bytes = wire(Reserved(2), default=bytes(2))
    stream_id: int = wire(U8(), default=0)
    status: int = wire(U8(), default=0)
    sub_stream: int = wire(U8())
    port: int = wire(U8())


@structure
class KeyObject(_OfKey):
    """K_SET_GO, K_SET_STOP, GET_KEY, and the acknowledgements KP_ACK and K_GOSTOP_ACK.

    `status` is KP_ACK's; the others reserve it.
    """


@structure
class KeyProgram(_OfKey):
    """KEY_PROG: a key, and the initial IV."""

    key: bytes = wire(Bytes(KEY_SIZE))
    iv: bytes = wire(Bytes(IV_SIZE))


@structure
class GetKeyAck(_OfKey):
    """GET_KEY_ACK: the key and the IV that the port has made; zeros where it makes none."""

    key: bytes = wire(Bytes(KEY_SIZE))
    iv: bytes = wire(Bytes(IV_SIZE))
