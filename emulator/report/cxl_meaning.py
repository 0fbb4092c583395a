"""What CXL's protocols say inside vendor-defined messages, in one line each. No key is shown."""

from collections.abc import Callable

from emulator.device.cxl import TspState
from emulator.errors import WireError
from emulator.forms.words import counted
from emulator.vendor.cxl import CxlProtocol
from emulator.vendor.cxl.ide_messages import (
    SHAPE,
    KeyObject,
    KeyStatus,
    ObjectId,
    Query,
    QueryResponse,
)
from emulator.vendor.cxl.tsp_messages import (
    ERROR_RSP,
    LAYOUTS,
    Opcode,
    SetTargetConfiguration,
    SetTeState,
    TargetConfigurationResponse,
    TargetReportPortion,
    TspError,
    TspErrorCode,
)
from emulator.wire import Message, decode, parse

_NAMES: dict[int, str] = {
    ERROR_RSP: "ERROR_RSP",
    **{int(one): one.name for one in Opcode},
    **{one & 0x7F: f"{one.name}_RSP" for one in Opcode},
}


def cxl_meaning(payload: bytes) -> str:
    """What a payload of CXL says; empty where it is of no protocol that is known here."""
    say = _PROTOCOLS.get(payload[0]) if payload else None
    if say is None:
        return ""
    try:
        return say(payload[1:])
    except WireError:
        return "broken"


def _ide_km(raw: bytes) -> str:
    """CXL IDE_KM's objects. Raises WireError for broken ones."""
    if not raw or raw[0] not in set(ObjectId):
        return f"CXL IDE_KM object {raw[0]}" if raw else "CXL IDE_KM without an object"
    object_id = ObjectId(raw[0])
    name = f"CXL IDE_KM {object_id.name}"
    if object_id is ObjectId.QUERY:
        return f"{name}: port {decode(Query, raw, SHAPE)[0].port}"
    if object_id is ObjectId.QUERY_RESP:
        told, _ = decode(QueryResponse, raw, SHAPE)
        return f"{name}: port {told.port} of {told.max_port}, capabilities {told.caps:#04x}"
    about, _ = decode(KeyObject, raw, SHAPE)
    direction = "TX" if about.sub_stream & 0x02 else "RX"
    text = f"{name}: port {about.port}, {direction}"
    if object_id is ObjectId.KP_ACK:
        known = about.status in set(KeyStatus)
        text += f": {KeyStatus(about.status).name if known else f'status {about.status}'}"
    return text


def _tsp(raw: bytes) -> str:
    """TSP's messages. Raises WireError for broken ones."""
    layout = LAYOUTS.get(raw[1]) if len(raw) > 1 else None
    if layout is None:
        return f"CXL TSP opcode {raw[1]}" if len(raw) > 1 else "CXL TSP without a message"
    message, _ = parse(layout, raw, SHAPE)
    said = _said(message)
    return f"CXL TSP {_NAMES[layout.CODE]}" + (f": {said}" if said else "")


def _said(message: Message) -> str:
    """What a message says beside its name."""
    match message:
        case SetTargetConfiguration():
            count = message.validity.bit_count()
            return f"keys of {counted(count, 'secondary session')}"
        case TargetConfigurationResponse():
            known = message.state in set(TspState)
            return TspState(message.state).name if known else f"state {message.state}"
        case TargetReportPortion():
            return f"{len(message.portion)} bytes, {message.remainder_length} left"
        case SetTeState():
            whose = "for tenants alone" if message.te_state else "for all"
            return f"{counted(message.count, 'range')} {whose}"
        case TspError():
            known = message.error_code in set(TspErrorCode)
            name = TspErrorCode(message.error_code).name if known else "an unknown error"
            return f"{name} ({message.error_code:#x})"
    return ""


_PROTOCOLS: dict[int, Callable[[bytes], str]] = {CxlProtocol.IDE_KM: _ide_km, CxlProtocol.TSP: _tsp}
