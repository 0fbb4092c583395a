"""What a requester answers to a device that asks it something.

KEY_UPDATE and events in a session; GET_DIGESTS, GET_CERTIFICATE and CHALLENGE where it has an
identity, and GET_ENDPOINT_INFO where that says what it is, which the answering half answers on the
connection turned round. Rules: libspdm
`library/spdm_requester_lib/libspdm_req_encap_key_update_ack.c`, `libspdm_req_encap_event_ack.c`,
`libspdm_req_encap_endpoint_info.c`, `libspdm_req_encap_error.c`.
"""

from collections.abc import Callable

from emulator.ask import (
    Asked,
    EncapsulatedRequestRequest,
    EncapsulatedResponseRequest,
    Request,
    UsedSlot,
)
from emulator.entropy import Entropy
from emulator.errors import (
    InvalidRequest,
    SpdmError,
    UnsupportedRequest,
    VersionMismatch,
    WireError,
)
from emulator.requester.flow import Flow
from emulator.requester.own import NOBODY, Identity
from emulator.responder import Responder
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.connection import Connection
from emulator.spdm.key_schedule import Direction
from emulator.spdm.messages import (
    Error,
    EventAck,
    GetDigests,
    KeyUpdate,
    KeyUpdateAck,
    SendEvent,
)
from emulator.spdm.messages.events import DETAIL_SIZES, EventData
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.session import Session
from emulator.spdm.standards import BY_NUMBER, REGISTRIES
from emulator.spdm.transcript import Part, View
from emulator.spdm.work import finish
from emulator.wire import Message, encode, parse

_HEADER = 4
_OF_IDENTITY = frozenset({Code.GET_DIGESTS, Code.GET_CERTIFICATE, Code.CHALLENGE})

Ask = Callable[[Request[Asked | UsedSlot | None]], Flow[Asked | UsedSlot | None]]
"""How a request of ours is asked."""


class Answers:
    """The answers on one connection, outside of sessions or in one.

    Attributes:
        events: the events the device has told of.
    """

    def __init__(
        self,
        connection: Connection,
        entropy: Entropy,
        *,
        session: Session | None = None,
        identity: Identity = NOBODY,
    ) -> None:
        """`session`: the one whose inner state `connection` is, or None."""
        self.events: list[EventData] = []
        self._connection = connection
        self._session = session
        self._updating = False
        self._identity = identity
        self._entropy = entropy
        self._answering: Responder | None = None

    def _of_identity(self, request: bytes) -> bytes | None:
        """The answer about who we are; None where that is not asked, or not known."""
        connection, identity = self._connection, self._identity
        code = request[1] if len(request) >= _HEADER else 0
        known = bool(identity.schemes) and connection.both(Cap.MUT_AUTH)
        described = bool(identity.classes) and code == Code.GET_ENDPOINT_INFO
        if not (described or (known and code in _OF_IDENTITY)):
            return None
        if self._answering is None:
            self._answering = identity.responder(connection, self._entropy)
        reply = finish(self._answering.respond(request, slack=_HEADER - 1))
        reply.commit()
        return reply.data

    @property
    def digests(self) -> View:
        """Our DIGESTS in this conversation, where we may use several keys."""
        return () if self._answering is None else self._answering.connection.transcript.part(Part.D)

    def answer(self, request: bytes) -> bytes:
        """The whole message that answers a request; an ERROR for one that cannot be met."""
        connection = self._connection
        told = self._of_identity(request)
        if told is not None:
            return told
        try:
            message = self._answer(request)
        except SpdmError as error:
            refused = Error(version=connection.version, error_code=error.code, data=error.data)
            return encode(refused, connection.shape())
        return encode(message, connection.shape())

    def converse(self, ask: Ask, *, implied: bool = False) -> Flow[tuple[list[int], int]]:
        """GET_ENCAPSULATED_REQUEST, until the device has nothing left to ask.

        Args:
            ask: how a request of ours is asked.
            implied: the device's first request is GET_DIGESTS, without being asked for.

        Returns the codes of what it asked, and the slot of ours that is to be used.
        """
        self._answering = None  # what was said before is of another conversation
        connection = self._connection
        seen: list[int] = []
        asked: Asked | UsedSlot | None
        if implied:
            digests = GetDigests(version=connection.version)
            asked = Asked(0, encode(digests, connection.shape()))
        else:
            asked = yield from ask(EncapsulatedRequestRequest(connection))
        while isinstance(asked, Asked):
            seen.append(asked.request[1] if len(asked.request) > 1 else 0)
            response = self.answer(asked.request)
            asked = yield from ask(EncapsulatedResponseRequest(connection, asked, response))
        return seen, asked.slot if asked is not None else 0

    def _answer(self, request: bytes) -> Message:
        connection, inside = self._connection, self._session is not None
        if len(request) < _HEADER:
            raise InvalidRequest(f"{len(request)} bytes where a header takes {_HEADER}")
        code = request[1]
        telling = inside and code == Code.SEND_EVENT and Cap.EVENT in connection.peer_capabilities
        updating = inside and code == Code.KEY_UPDATE and connection.both(Cap.KEY_UPD)
        if not (telling or updating):
            raise UnsupportedRequest("there is no answer to it here", data=code)
        if request[0] != connection.version:
            raise VersionMismatch(f"version 0x{request[0]:02x}")
        try:
            if telling:
                return self._events(parse(SendEvent, request, connection.shape())[0])
            return self._key_update(parse(KeyUpdate, request, connection.shape())[0])
        except WireError as error:
            raise InvalidRequest(str(error)) from error

    def _events(self, request: SendEvent) -> EventAck:
        """Take note of events: known ones are of their size, and no number is missing."""
        numbers = sorted(one.number for one in request.events)
        if not numbers or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            raise InvalidRequest("events whose numbers do not follow one another")
        for one in request.events:
            sizes = BY_NUMBER[one.registry].vendor_sizes if one.registry in BY_NUMBER else ()
            if len(one.vendor) not in sizes:
                raise InvalidRequest(f"event group {one.registry} {one.vendor.hex()}")
            if one.registry == REGISTRIES["DMTF"].number:
                size = {int(kind): size for kind, size in DETAIL_SIZES.items()}.get(one.kind)
                if len(one.detail) != size:
                    raise InvalidRequest(f"event type {one.kind} of {len(one.detail)} bytes")
        self.events += sorted(request.events, key=lambda one: one.number)
        return EventAck(version=request.version)

    def _key_update(self, request: KeyUpdate) -> KeyUpdateAck:
        """The device's own key only; the one before is kept until the new one was used."""
        session = self._session
        if session is None:
            raise UnsupportedRequest("KEY_UPDATE outside of a session", data=Code.KEY_UPDATE)
        if request.operation == KeyOperation.UPDATE_KEY:
            if self._updating:
                raise InvalidRequest("another new key while the last is not verified")
            session.secrets.update(Direction.RESPONSE)
            self._updating = True
        elif request.operation == KeyOperation.VERIFY_NEW_KEY:
            if not self._updating or session.outdated:
                raise InvalidRequest("VERIFY_NEW_KEY, and no new key was used")
            session.secrets.confirm(Direction.RESPONSE)
            self._updating = False
        else:
            raise InvalidRequest(f"key operation {int(request.operation)} of a responder")
        return KeyUpdateAck(version=request.version, operation=request.operation, tag=request.tag)
