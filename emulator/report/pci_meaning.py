"""What PCI-SIG's protocols say inside vendor-defined messages, in one line each."""

from collections.abc import Callable

from emulator.errors import WireError
from emulator.link import Place, read_blocks
from emulator.report.tdisp_meaning import tdisp_meaning
from emulator.vendor.ide_km import KeyProg, KeySetObject, KpStatus, ObjectId, Query, QueryResp
from emulator.vendor.ide_km.objects import PLAIN
from emulator.vendor.pci import PciProtocol
from emulator.wire import decode

_SECURE = 2
_STATE = 0xF


def pci_meaning(payload: bytes) -> str:
    """What a payload of PCI-SIG says; empty where it is of no protocol that is known here."""
    say = _PROTOCOLS.get(payload[0]) if payload else None
    if say is None:
        return ""
    try:
        return say(payload[1:])
    except (WireError, ValueError):
        return "broken"


def _ide_km(raw: bytes) -> str:
    """IDE_KM's objects. No key is shown. Raises WireError and ValueError for broken ones."""
    code = raw[0] if raw else None
    if code not in set(ObjectId):
        return f"IDE_KM object {code}" if raw else "IDE_KM without an object"
    object_id = ObjectId(code)
    name = f"IDE_KM {object_id.name}"
    if object_id is ObjectId.QUERY:
        return f"{name}: port {decode(Query, raw, PLAIN)[0].port_index}"
    if object_id is ObjectId.QUERY_RESP:
        return f"{name}: {_query_resp(decode(QueryResp, raw, PLAIN)[0])}"
    said, end = decode(KeySetObject, raw, PLAIN)
    place = Place.of(said.key_sub_stream) or f"key 0x{said.key_sub_stream:02x}"
    text = f"{name}: port {said.port_index}, stream {said.stream_id}, {place}"
    if object_id is ObjectId.KEY_PROG:
        text += _programmed(raw, len(raw) - end)
    if object_id is ObjectId.KP_ACK:
        known = said.status in set(KpStatus)
        text += f": {KpStatus(said.status).name if known else f'status {said.status}'}"
    return text


def _programmed(raw: bytes, size: int) -> str:
    """What KEY_PROG brings, in so many bytes."""
    try:
        return f", {size} bytes: a key, IFV {decode(KeyProg, raw, PLAIN)[0].invocation}"
    except WireError:
        return f", {size} bytes: no whole key"


def _query_resp(said: QueryResp) -> str:
    function = f"{said.bus_num:02x}:{said.dev_func_num >> 3:02x}.{said.dev_func_num & 7}"
    registers = said.registers()
    try:
        blocks = read_blocks(registers)
    except ValueError as error:
        return f"port {said.port_index} of {said.max_port_index}, function {function}, {error}"
    streams = (
        f"{'selective' if one.selective else 'link'} stream {one.control >> 24}"
        f" {'Secure' if one.status & _STATE == _SECURE else 'Insecure'}"
        for one in blocks
    )
    told = f"port {said.port_index} of {said.max_port_index}, function {function}"
    return ", ".join([told, *streams])


_PROTOCOLS: dict[int, Callable[[bytes], str]] = {
    PciProtocol.IDE_KM: _ide_km,
    PciProtocol.TDISP: tdisp_meaning,
}
