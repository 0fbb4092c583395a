"""IDE_KM: the objects a host asks with, and what it holds against the replies.

Every field that a reply repeats must be the request's (libspdm-based requesters check the same:
spdm-emu `library/pci_ide_km_requester_lib`).
"""

from dataclasses import dataclass
from typing import TypeVar

from emulator.errors import BrokenReply, KeyRefused, WireError
from emulator.link import Block, read_blocks
from emulator.vendor.ide_km import KeySetObject, KpAck, KpStatus, ObjectId, Query, QueryResp
from emulator.vendor.ide_km.objects import PLAIN, key_prog, to_bytes
from emulator.vendor.pci import PciProtocol
from emulator.wire import Structure, parse

_S = TypeVar("_S", bound=Structure)


@dataclass(frozen=True)
class PortInfo:
    """What a device says of one of its ports.

    Attributes:
        port: its index.
        bus: the bus of its function.
        devfn: the device and function number of its function.
        segment: the segment of its function.
        max_port: the highest index of a port.
        registers: the registers of its IDE extended capability.
        blocks: the streams in them.
    """

    port: int
    bus: int
    devfn: int
    segment: int
    max_port: int
    registers: tuple[int, ...]
    blocks: tuple[Block, ...]

    @property
    def function(self) -> str:
        """The function, as lspci writes it."""
        return f"{self.segment:04x}:{self.bus:02x}:{self.devfn >> 3:02x}.{self.devfn & 7}"


def query(port: int) -> bytes:
    """The payload that asks what a port is like."""
    return _payload(Query(port_index=port))


def read_query_resp(port: int, payload: bytes) -> PortInfo:
    """What QUERY_RESP says. Raises BrokenReply."""
    said = _read(QueryResp, ObjectId.QUERY_RESP, payload)
    name = ObjectId.QUERY_RESP.name
    if said.port_index != port:
        raise BrokenReply(name, "port_index", found=said.port_index, expected=port)
    if said.max_port_index < port:
        found, expected = said.max_port_index, f"{port} or more"
        raise BrokenReply(name, "max_port_index", found=found, expected=expected)
    try:
        registers = said.registers()
        blocks = tuple(read_blocks(registers))
    except ValueError as error:
        raise BrokenReply(
            name, "registers", found=error, expected="the IDE extended capability's"
        ) from error
    return PortInfo(
        port,
        said.bus_num,
        said.dev_func_num,
        said.segment,
        said.max_port_index,
        registers,
        blocks,
    )


def program(port: int, stream: int, place: int, key: bytes, invocation: int) -> bytes:
    """The payload that brings a key to its place."""
    return _payload(key_prog(stream, place, port, key, invocation))


def check_kp_ack(port: int, stream: int, place: int, payload: bytes) -> None:
    """Raise KeyRefused where a key is not taken, and BrokenReply for another reply."""
    said = _read(KpAck, ObjectId.KP_ACK, payload)
    _echoes(ObjectId.KP_ACK, said, port, stream, place)
    if said.status != KpStatus.SUCCESS:
        known = said.status in set(KpStatus)
        name = KpStatus(said.status).name if known else "an unknown status"
        raise KeyRefused(f"port {port}, stream {stream}, key 0x{place:02x}", said.status, name)


def key_set(object_id: ObjectId, port: int, stream: int, place: int) -> bytes:
    """The payload of K_SET_GO or K_SET_STOP."""
    asked = KeySetObject(
        object_id=object_id, stream_id=stream, key_sub_stream=place, port_index=port
    )
    return _payload(asked)


def check_gostop_ack(port: int, stream: int, place: int, payload: bytes) -> None:
    """Raise BrokenReply for anything but the acknowledgement."""
    said = _read(KeySetObject, ObjectId.K_SET_GOSTOP_ACK, payload)
    _echoes(ObjectId.K_SET_GOSTOP_ACK, said, port, stream, place)


def _payload(item: Structure) -> bytes:
    return bytes((PciProtocol.IDE_KM,)) + to_bytes(item)


def _read(layout: type[_S], object_id: ObjectId, payload: bytes) -> _S:
    """The object in a payload. Raises BrokenReply for another one."""
    name = object_id.name
    if payload[:1] != bytes((PciProtocol.IDE_KM,)):
        found = payload[0] if payload else "no byte"
        raise BrokenReply(name, "protocol", found=found, expected=int(PciProtocol.IDE_KM))
    if payload[1:2] != bytes((object_id,)):
        found = payload[1] if len(payload) > 1 else "no byte"
        raise BrokenReply(name, "object_id", found=found, expected=int(object_id))
    try:
        said, _ = parse(layout, payload[1:], PLAIN)
    except WireError as error:
        raise BrokenReply(
            name, error.field or "size", found=error.reason, expected="a whole object"
        ) from error
    return said


def _echoes(object_id: ObjectId, said: KeySetObject, port: int, stream: int, place: int) -> None:
    """Raise BrokenReply where a field is not the request's."""
    asked = {"port_index": port, "stream_id": stream, "key_sub_stream": place}
    for field, expected in asked.items():
        found = getattr(said, field)
        if found != expected:
            raise BrokenReply(object_id.name, field, found=found, expected=expected)
