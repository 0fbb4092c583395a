"""What the messages that tell of a device beside its identity are said to mean."""

import pytest

from emulator.report import Conversation
from emulator.report.meaning import meaning
from emulator.requester import Direction
from emulator.spdm.messages import (
    Algorithms,
    EndpointInfo,
    EventAck,
    GetEndpointInfo,
    GetMeasurementExtensionLog,
    GetSupportedEventTypes,
    MeasurementExtensionLog,
    SendEvent,
    SubscribeEventTypes,
    SubscribeEventTypesAck,
    SupportedEventTypes,
)
from emulator.spdm.messages.endpoint_info import EndpointInfoAttributes
from emulator.spdm.messages.events import EventData
from emulator.wire import Message, Shape, encode

V = 0x13
INFO = bytes.fromhex("02000000 08 03 02 361b 01 02 0801 03 63 00 00")
SIGN = EndpointInfoAttributes.SIGNATURE
NO = EndpointInfoAttributes(0)
NONCE = bytes(32)

LINES: list[tuple[Message, str]] = [
    (
        GetMeasurementExtensionLog(version=V, offset=16, length=400),
        "the log of measurements: 400 bytes from 16 on",
    ),
    (
        MeasurementExtensionLog(version=V, remainder_length=7, portion=b"log"),
        "3 bytes of the log, 7 left",
    ),
    (GetEndpointInfo(version=V, sub_code=1, attributes=NO), "of which device classes are you?"),
    (
        GetEndpointInfo(version=V, sub_code=1, slot=0xF, attributes=SIGN, nonce=NONCE),
        "of which device classes are you?, signed by provisioned key",
    ),
    (GetEndpointInfo(version=V, sub_code=9, attributes=NO), "sub-code 9"),
    (EndpointInfo(version=V, info=INFO), "PCISIG 361b 0801; 99, not signed"),
    (EndpointInfo(version=V, info=bytes(4)), "none, not signed"),
    (GetSupportedEventTypes(version=V), "of which events do you tell?"),
    (SupportedEventTypes(version=V, group_count=1, groups=b"g"), "groups of events: 1"),
    (SubscribeEventTypes(version=V, group_count=1, subscription=b"g"), "tell me of events"),
    (SubscribeEventTypes(version=V, group_count=0), "tell me of no events"),
    (SubscribeEventTypesAck(version=V), "noted"),
    (EventAck(version=V), "noted"),
    (
        SendEvent(
            version=V,
            events=(
                EventData(number=4, registry=0, kind=2, detail=bytes(32)),
                EventData(number=5, registry=0, kind=9, detail=b""),
                EventData(number=6, registry=3, vendor=b"ab", kind=2, detail=b""),
            ),
        ),
        "4 MEASUREMENT_CHANGED, 5 0:9, 6 3:2",
    ),
    (
        EndpointInfo(version=V, nonce=NONCE, info=b"?", signature=bytes(96)),
        "1 bytes, signed, 96 bytes",
    ),
]


@pytest.mark.parametrize(("message", "line"), LINES)
def test_a_line(message: Message, line: str) -> None:
    assert meaning(message) == line


@pytest.mark.parametrize("attributes", [NO, SIGN])
def test_a_conversation_knows_whether_the_reply_is_signed(
    attributes: EndpointInfoAttributes,
) -> None:
    signed = bool(attributes)
    conversation = Conversation()
    agreed = Algorithms(version=V, length=0, base_asym=0x80, base_hash=2)
    conversation.tell(Direction.REPLY, encode(agreed, Shape(V)))
    ask = GetEndpointInfo(
        version=V, sub_code=1, attributes=attributes, nonce=NONCE if signed else b""
    )
    conversation.tell(Direction.REQUEST, encode(ask, Shape(V)))
    shape = Shape(V, 48, 96 if signed else 0)
    answer = EndpointInfo(
        version=V,
        nonce=NONCE if signed else b"",
        info=INFO,
        signature=bytes(shape.signature),
    )
    told = conversation.tell(Direction.REPLY, encode(answer, shape))
    assert told.shape == shape
    assert told.meaning == meaning(answer)
