"""Events: which a device tells of, who wants which, and telling them. Since 1.3.

Source: libspdm `include/industry_standard/spdm.h` (`spdm_supported_event_types_response_t`,
`spdm_dmtf_event_type_*`) and, for groups and event data, `library/spdm_common_lib/
libspdm_com_event.c` and `unit_test/spdm_unit_test_common/event_support.c`.
"""

from enum import IntEnum, IntFlag

from emulator.spdm.codes import Code
from emulator.wire import (
    AUTO,
    U8,
    U16,
    U32,
    Counted,
    Message,
    Rest,
    Structure,
    Table,
    message,
    structure,
    wire,
)

GROUP_VERSION = 1
"""EventGroupVer of the DMTF's events."""


class EventType(IntEnum):
    """EventTypeId in the DMTF's group."""

    EVENT_LOST = 1
    MEASUREMENT_CHANGED = 2
    MEASUREMENT_PRE_UPDATE = 3
    CERTIFICATE_CHANGED = 4


DETAIL_SIZES = {
    EventType.EVENT_LOST: 8,
    EventType.MEASUREMENT_CHANGED: 32,
    EventType.MEASUREMENT_PRE_UPDATE: 32,
    EventType.CERTIFICATE_CHANGED: 1,
}
"""Bytes of each event's detail: two event numbers, a bit for each index, a bit for each slot."""


class GroupAttributes(IntFlag):
    """Attributes of a group that is subscribed to."""

    ALL = 0x01


@structure
class EventTypeEntry(Structure):
    """One type of event in a group."""

    kind: int = wire(U16())
    reserved: int = wire(U16(), default=0)


@structure
class EventGroup(Structure):
    """A group: whose events they are, and which of them."""

    registry: int = wire(U8())
    vendor_length: int = wire(U8(), default=AUTO, counts="vendor")
    vendor: bytes = wire(Counted("vendor_length"), default=b"")
    type_count: int = wire(U16(), default=AUTO, counts="types")
    version: int = wire(U16(), default=GROUP_VERSION)
    attributes: GroupAttributes = wire(U32(GroupAttributes), default=GroupAttributes(0))
    types: tuple[EventTypeEntry, ...] = wire(Table(EventTypeEntry, "type_count"), default=())


@structure
class Subscription(Structure):
    """What SUBSCRIBE_EVENT_TYPES has behind its header, unless it names no group."""

    size: int = wire(U32(), default=AUTO, counts="groups")
    groups: bytes = wire(Counted("size"))


@structure
class EventData(Structure):
    """One event: its number in the session, its group and type, and what it tells."""

    number: int = wire(U32())
    reserved: int = wire(U32(), default=0)
    registry: int = wire(U8())
    vendor_length: int = wire(U8(), default=AUTO, counts="vendor")
    vendor: bytes = wire(Counted("vendor_length"), default=b"")
    kind: int = wire(U16())
    size: int = wire(U16(), default=AUTO, counts="detail")
    detail: bytes = wire(Counted("size"))


@message(Code.GET_SUPPORTED_EVENT_TYPES)
class GetSupportedEventTypes(Message):
    """Asks of which events there are."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)


@message(Code.SUPPORTED_EVENT_TYPES)
class SupportedEventTypes(Message):
    """The events there are: `groups` holds as many EventGroup as `group_count` says."""

    group_count: int = wire(U8())
    reserved: int = wire(U8(), default=0)
    size: int = wire(U32(), default=AUTO, counts="groups")
    groups: bytes = wire(Counted("size"))


@message(Code.SUBSCRIBE_EVENT_TYPES)
class SubscribeEventTypes(Message):
    """Asks to be told of events; of none without a group.

    `subscription` is a Subscription of `group_count` groups, or nothing.
    """

    group_count: int = wire(U8())
    reserved: int = wire(U8(), default=0)
    subscription: bytes = wire(Rest(), default=b"")


@message(Code.SUBSCRIBE_EVENT_TYPES_ACK)
class SubscribeEventTypesAck(Message):
    """It is taken down."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)


@message(Code.SEND_EVENT)
class SendEvent(Message):
    """Tells events; their numbers follow one another."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
    event_count: int = wire(U32(), default=AUTO, counts="events")
    events: tuple[EventData, ...] = wire(Table(EventData, "event_count"), default=())


@message(Code.EVENT_ACK)
class EventAck(Message):
    """They were taken note of."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
