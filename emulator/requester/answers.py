"""What a requester answers to a device that asks it something in a session.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_encap_key_update_ack.c`,
`libspdm_req_encap_event_ack.c`, `libspdm_req_encap_error.c`.
"""

from emulator.errors import (
    InvalidRequest,
    SpdmError,
    UnsupportedRequest,
    VersionMismatch,
    WireError,
)
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.key_schedule import Direction
from emulator.spdm.messages import Error, EventAck, KeyUpdate, KeyUpdateAck, SendEvent
from emulator.spdm.messages.events import DETAIL_SIZES, EventData
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.session import Session
from emulator.spdm.standards import BY_NUMBER, REGISTRIES
from emulator.wire import Message, encode, parse

_HEADER = 4


class Answers:
    """The answers in one session.

    Attributes:
        events: the events the device has told of.
    """

    def __init__(self, session: Session) -> None:
        self.events: list[EventData] = []
        self._session = session
        self._updating = False

    def answer(self, request: bytes) -> bytes:
        """The whole message that answers a request; an ERROR for one that cannot be met."""
        context = self._session.context
        try:
            reply = self._answer(request)
        except SpdmError as error:
            message = Error(version=context.version, error_code=error.code, data=error.data)
            return encode(message, context.shape())
        return encode(reply, context.shape())

    def _answer(self, request: bytes) -> Message:
        context = self._session.context
        if len(request) < _HEADER:
            raise InvalidRequest(f"{len(request)} bytes where a header takes {_HEADER}")
        telling = request[1] == Code.SEND_EVENT and Cap.EVENT in context.peer_capabilities
        if not telling and (request[1] != Code.KEY_UPDATE or not context.both(Cap.KEY_UPD)):
            raise UnsupportedRequest("nothing but KEY_UPDATE or events", data=request[1])
        if request[0] != context.version:
            raise VersionMismatch(f"version 0x{request[0]:02x}")
        try:
            if telling:
                return self._events(parse(SendEvent, request, context.shape())[0])
            return self._key_update(parse(KeyUpdate, request, context.shape())[0])
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
        secrets = self._session.secrets
        if request.operation == KeyOperation.UPDATE_KEY:
            if self._updating:
                raise InvalidRequest("another new key while the last is not verified")
            secrets.update(Direction.RESPONSE)
            self._updating = True
        elif request.operation == KeyOperation.VERIFY_NEW_KEY:
            if not self._updating or self._session.outdated:
                raise InvalidRequest("VERIFY_NEW_KEY, and no new key was used")
            secrets.confirm(Direction.RESPONSE)
            self._updating = False
        else:
            raise InvalidRequest(f"key operation {int(request.operation)} of a responder")
        return KeyUpdateAck(version=request.version, operation=request.operation, tag=request.tag)
