"""Answers GET_SUPPORTED_EVENT_TYPES and SUBSCRIBE_EVENT_TYPES, and tells the events.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_supported_event_types.c`,
`libspdm_rsp_subscribe_event_types_ack.c`, `libspdm_rsp_encap_send_event.c`.
"""

from emulator.answer import asking
from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import handles
from emulator.ask.events import SendEventRequest
from emulator.errors import InvalidRequest, UnexpectedRequest, WireError
from emulator.spdm.capabilities import Cap
from emulator.spdm.connection import Connection
from emulator.spdm.messages import (
    GetSupportedEventTypes,
    SubscribeEventTypes,
    SubscribeEventTypesAck,
    SupportedEventTypes,
)
from emulator.spdm.messages.events import (
    GROUP_VERSION,
    EventGroup,
    EventType,
    EventTypeEntry,
    GroupAttributes,
    Subscription,
)
from emulator.spdm.notices import Notices
from emulator.spdm.questions import EventsQuestion, Progress, Step
from emulator.spdm.session import Phase, Session
from emulator.spdm.standards import REGISTRIES
from emulator.wire import Shape, decode, encode, parse

_ANY_SHAPE = Shape()
_DMTF = REGISTRIES["DMTF"].number
ALL = frozenset(EventType)
"""What a requester subscribes to that wants all."""


def _session(exchange: Exchange) -> Session:
    """The session, in which alone events are (its row says so)."""
    if exchange.session is None:
        raise UnexpectedRequest("events outside of a session")
    return exchange.session


@handles(GetSupportedEventTypes, needs=Cap.EVENT, where=Phase.ESTABLISHED)
def get_supported_event_types(exchange: Exchange, request: GetSupportedEventTypes) -> Outcome:
    """The DMTF's group, with all its events."""
    types = tuple(EventTypeEntry(kind=kind) for kind in EventType)
    group = EventGroup(registry=_DMTF, types=types)
    return Outcome(
        reply=SupportedEventTypes(
            version=request.version, group_count=1, groups=encode(group, _ANY_SHAPE)
        ),
        shape=exchange.connection.shape(),
    )


@handles(SubscribeEventTypes, needs=Cap.EVENT, where=Phase.ESTABLISHED)
def subscribe_event_types(exchange: Exchange, request: SubscribeEventTypes) -> Outcome:
    """Take down what the requester wants to be told; it replaces what it wanted before."""
    session = _session(exchange)
    wanted = _wanted(request)
    limit = exchange.device.sessions.event_limit

    def subscribe() -> None:
        session.notices = session.notices or Notices(limit)
        session.notices.subscribe(wanted)

    return Outcome(
        reply=SubscribeEventTypesAck(version=request.version),
        shape=exchange.connection.shape(),
        effects=(subscribe,),
    )


def _wanted(request: SubscribeEventTypes) -> frozenset[EventType]:
    """The types of event that are subscribed to. Raises InvalidRequest."""
    if not request.group_count:
        if request.subscription:
            raise InvalidRequest("no group, and something behind the header")
        return frozenset()
    try:
        listed, _ = parse(Subscription, request.subscription, _ANY_SHAPE)
        rest, groups = listed.groups, []
        for _ in range(request.group_count):
            group, size = decode(EventGroup, rest, _ANY_SHAPE)
            groups.append(group)
            rest = rest[size:]
    except WireError as error:
        raise InvalidRequest(str(error)) from error
    if rest:
        raise InvalidRequest(f"{len(rest)} bytes behind the last group")
    if len(groups) > 1:
        raise InvalidRequest(f"{len(groups)} groups, and there is one")
    return _of_group(groups[0])


def _of_group(group: EventGroup) -> frozenset[EventType]:
    """The events that are wanted of a group. Raises InvalidRequest for an unknown one."""
    if group.registry != _DMTF or group.vendor:
        raise InvalidRequest(f"event group {group.registry} {group.vendor.hex()}")
    if group.version != GROUP_VERSION:
        raise InvalidRequest(f"EventGroupVer {group.version}")
    if GroupAttributes.ALL in group.attributes:
        if group.types:
            raise InvalidRequest("all events of a group, and some by their types")
        return ALL
    kinds = [one.kind for one in group.types]
    unknown = [kind for kind in kinds if kind not in set(EventType)]
    if unknown or not kinds or len(set(kinds)) != len(kinds):
        raise InvalidRequest(f"event types {', '.join(map(str, kinds)) or '(none)'}")
    return frozenset(map(EventType, kinds))


@asking.asks(EventsQuestion)
def tell(exchange: Exchange, question: EventsQuestion) -> Step | None:
    """SEND_EVENT with what waits; None where nothing does."""
    del question
    session = exchange.session
    if session is None or session.notices is None or not session.notices.waiting:
        return None
    notices, waiting = session.notices, session.notices.waiting
    last = waiting[-1].number

    def told(exchange: Exchange, content: None, state: Connection) -> Progress:
        del exchange, content, state
        return Progress(effects=(lambda: notices.acknowledge(last),))

    return asking.step(SendEventRequest(exchange.connection.turn(), waiting), told)
