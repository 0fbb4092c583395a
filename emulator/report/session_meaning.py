"""One line for each message of sessions; see `meaning.py`, whose lines these are too."""

from emulator.report.meaning import meaning, signed, signer, summarise
from emulator.spdm.codes import name
from emulator.spdm.messages import (
    DeliverEncapsulatedResponse,
    EncapsulatedRequest,
    EncapsulatedResponseAck,
    EndSession,
    EndSessionAck,
    Finish,
    FinishRsp,
    GetEncapsulatedRequest,
    Heartbeat,
    HeartbeatAck,
    KeyExchange,
    KeyExchangeRsp,
    KeyUpdate,
    KeyUpdateAck,
    PskExchange,
    PskExchangeRsp,
    PskFinish,
    PskFinishRsp,
)
from emulator.spdm.messages.encapsulated import AckPayload
from emulator.spdm.messages.key_exchange import MutualAuth
from emulator.spdm.messages.session import EndAttributes, KeyOperation

_OPERATIONS = {
    KeyOperation.UPDATE_KEY: "a new key for the sender",
    KeyOperation.UPDATE_ALL_KEYS: "new keys for both",
    KeyOperation.VERIFY_NEW_KEY: "the new key works",
}
_CODE_AT = 1


@meaning.register
def _(message: KeyExchange) -> str:
    asked = summarise(message.summary_type)
    return f"{signer(message.slot)}: a session, half {message.session_id:04x}{asked}"


_FETCHED = MutualAuth.ENCAPSULATED | MutualAuth.GET_DIGESTS


@meaning.register
def _(message: KeyExchangeRsp) -> str:
    asks = "; show your chain" if message.mutual_auth & _FETCHED else ""
    if message.mutual_auth & MutualAuth.REQUESTED:
        asks = f"; sign with {signer(message.requester_slot)}"
    return f"half {message.session_id:04x}, {signed(message.signature)}{_beat(message)}{asks}"


def _beat(message: KeyExchangeRsp | PskExchangeRsp) -> str:
    period = message.heartbeat_period
    return f"; a heartbeat every {period} s" if period else ""


@meaning.register
def _(message: Finish) -> str:
    if message.signature:
        return f"{signer(message.requester_slot)}: {signed(message.signature)}; I have the keys"
    return "I have the keys"


@meaning.register
def _(message: FinishRsp | PskFinishRsp) -> str:
    del message
    return "the session begins"


@meaning.register
def _(message: PskExchange) -> str:
    hint = f"hint {message.hint.hex()}" if message.hint else "no hint"
    asked = summarise(message.summary_type)
    return f"pre-shared key, {hint}: a session, half {message.session_id:04x}{asked}"


@meaning.register
def _(message: PskExchangeRsp) -> str:
    begins = "" if message.context else "; the session begins"
    return f"half {message.session_id:04x}{_beat(message)}{begins}"


@meaning.register
def _(message: PskFinish) -> str:
    del message
    return "I have the keys"


@meaning.register
def _(message: Heartbeat | HeartbeatAck) -> str:
    del message
    return "still there"


@meaning.register
def _(message: KeyUpdate | KeyUpdateAck) -> str:
    operation = message.operation
    known = operation in KeyOperation.__members__.values()
    told = _OPERATIONS[KeyOperation(operation)] if known else f"operation {operation}"
    return f"{told}, tag {message.tag}"


@meaning.register
def _(message: EndSession) -> str:
    clears = EndAttributes.CLEAR_NEGOTIATED_STATE in message.attributes
    return "the session ends" + (", and what was negotiated is forgotten" if clears else "")


@meaning.register
def _(message: EndSessionAck) -> str:
    del message
    return "the session has ended"


@meaning.register
def _(message: GetEncapsulatedRequest) -> str:
    del message
    return "what do you want to know?"


@meaning.register
def _(message: EncapsulatedRequest) -> str:
    return f"request {message.request_id}: {_carried(message.request)}"


@meaning.register
def _(message: DeliverEncapsulatedResponse) -> str:
    return f"to request {message.request_id}: {_carried(message.response)}"


@meaning.register
def _(message: EncapsulatedResponseAck) -> str:
    if message.payload_type == AckPayload.REQUEST:
        return f"request {message.request_id}: {_carried(message.payload)}"
    if message.payload_type == AckPayload.SLOT_NUMBER and message.payload:
        return f"nothing more; use slot {message.payload[0]}"
    return "nothing more"


def _carried(raw: bytes) -> str:
    return name(raw[_CODE_AT]) if len(raw) > _CODE_AT else "nothing"
