"""GET_SUPPORTED_EVENT_TYPES, SUBSCRIBE_EVENT_TYPES and, as a device asks it, SEND_EVENT.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_get_supported_event_types.c`,
`libspdm_req_subscribe_event_types.c`, `library/spdm_responder_lib/libspdm_rsp_encap_send_event.c`.
"""

from collections.abc import Collection, Sequence

from emulator.ask.request import Request
from emulator.errors import BrokenReply, WireError
from emulator.spdm.capabilities import Cap
from emulator.spdm.connection import Connection
from emulator.spdm.messages import (
    EventAck,
    GetSupportedEventTypes,
    SendEvent,
    SubscribeEventTypes,
    SubscribeEventTypesAck,
    SupportedEventTypes,
)
from emulator.spdm.messages.events import (
    EventData,
    EventGroup,
    EventType,
    EventTypeEntry,
    GroupAttributes,
    Subscription,
)
from emulator.spdm.notices import Notice
from emulator.spdm.standards import REGISTRIES
from emulator.spdm.state import State
from emulator.wire import Shape, decode, encode

_NAME = "SUPPORTED_EVENT_TYPES"
_ANY_SHAPE = Shape()
_DMTF = REGISTRIES["DMTF"].number


class EventTypesRequest(Request[tuple[EventGroup, ...]]):
    """Asks which events the peer tells of: its groups."""

    needs = Cap.EVENT

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, GetSupportedEventTypes(version=connection.version))

    def _accept(self, reply: bytes) -> tuple[EventGroup, ...]:
        theirs, raw = self._read(SupportedEventTypes, reply, self.connection.shape())
        rest, groups = theirs.groups, []
        try:
            for _ in range(theirs.group_count):
                group, size = decode(EventGroup, rest, _ANY_SHAPE)
                groups.append(group)
                rest = rest[size:]
        except WireError as error:
            raise BrokenReply(_NAME, "groups", found=error, expected="whole groups") from error
        if not groups or rest:
            found = f"{len(groups)} groups and {len(rest)} bytes behind them"
            raise BrokenReply(_NAME, "groups", found=found, expected="at least one group alone")
        self._record(None, raw)
        return tuple(groups)


class SubscribeRequest(Request[None]):
    """Asks to be told of events of the DMTF's group, in place of those asked for before."""

    needs = Cap.EVENT

    def __init__(self, connection: Connection, wanted: Collection[EventType]) -> None:
        """`wanted`: the types; all of them, or none to be told nothing any more."""
        kinds = sorted(wanted)
        every = set(kinds) == set(EventType)
        group = EventGroup(
            registry=_DMTF,
            attributes=GroupAttributes.ALL if every else GroupAttributes(0),
            types=() if every else tuple(EventTypeEntry(kind=kind) for kind in kinds),
        )
        listed = Subscription(groups=encode(group, _ANY_SHAPE))
        message = SubscribeEventTypes(
            version=connection.version,
            group_count=1 if kinds else 0,
            subscription=encode(listed, _ANY_SHAPE) if kinds else b"",
        )
        super().__init__(connection, message)

    def _accept(self, reply: bytes) -> None:
        _, raw = self._read(SubscribeEventTypesAck, reply, self.connection.shape())
        self._record(None, raw)


class SendEventRequest(Request[None]):
    """Tells the peer of events, which subscribed to them."""

    def __init__(self, connection: Connection, notices: Sequence[Notice]) -> None:
        events = tuple(
            EventData(number=one.number, registry=_DMTF, kind=one.kind, detail=one.detail)
            for one in notices
        )
        super().__init__(connection, SendEvent(version=connection.version, events=events))

    def is_legal(self, state: State) -> bool:
        """It leaves no state."""
        return state >= State.NEGOTIATED

    def _accept(self, reply: bytes) -> None:
        self._read(EventAck, reply, self.connection.shape())
