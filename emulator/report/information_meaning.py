"""One line for each message that tells of a device beside its identity; see `meaning.py`."""

from emulator.ask.endpoint_info import read_classes
from emulator.errors import BrokenReply
from emulator.report.meaning import meaning, signed, signer
from emulator.requester.evidence import device_class
from emulator.spdm.messages import (
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
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.messages.endpoint_info import EndpointInfoAttributes, SubCode
from emulator.spdm.messages.events import EventData, EventType
from emulator.spdm.standards import REGISTRIES


@meaning.register
def _(message: GetMeasurementExtensionLog) -> str:
    return f"the log of measurements: {message.length} bytes from {message.offset} on"


@meaning.register
def _(message: MeasurementExtensionLog) -> str:
    return f"{len(message.portion)} bytes of the log, {message.remainder_length} left"


@meaning.register
def _(message: GetSupportedEventTypes) -> str:
    del message
    return "of which events do you tell?"


@meaning.register
def _(message: SupportedEventTypes) -> str:
    return f"groups of events: {message.group_count}"


@meaning.register
def _(message: SubscribeEventTypes) -> str:
    return "tell me of events" if message.group_count else "tell me of no events"


@meaning.register
def _(message: SubscribeEventTypesAck | EventAck) -> str:
    del message
    return "noted"


@meaning.register
def _(message: SendEvent) -> str:
    return ", ".join(f"{one.number} {event_name(one)}" for one in message.events)


def event_name(one: EventData) -> str:
    """The name of an event's type; its group's and type's numbers for one nobody knows."""
    known = one.registry == REGISTRIES["DMTF"].number and one.kind in set(EventType)
    return EventType(one.kind).name if known else f"{one.registry}:{one.kind}"


@meaning.register
def _(message: GetEndpointInfo) -> str:
    known = message.sub_code == SubCode.DEVICE_CLASS_IDENTIFIER
    asked = "of which device classes are you?" if known else f"sub-code {message.sub_code}"
    by_key = EndpointInfoAttributes.SIGNATURE in message.attributes
    return asked + (f", signed by {signer(message.slot & SLOT_MASK)}" if by_key else "")


@meaning.register
def _(message: EndpointInfo) -> str:
    try:
        classes = read_classes(message.info)
    except BrokenReply:
        return f"{len(message.info)} bytes, {signed(message.signature)}"
    return f"{'; '.join(map(device_class, classes)) or 'none'}, {signed(message.signature)}"
