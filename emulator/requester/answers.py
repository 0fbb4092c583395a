"""What a requester answers to a device that asks it something: KEY_UPDATE in a session, so far.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_encap_key_update_ack.c`,
`libspdm_req_encap_error.c`.
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
from emulator.spdm.messages import Error, KeyUpdate, KeyUpdateAck
from emulator.spdm.messages.session import KeyOperation
from emulator.spdm.session import Session
from emulator.wire import encode, parse

_HEADER = 4


class Answers:
    """The answers in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._updating = False

    def answer(self, request: bytes) -> bytes:
        """The whole message that answers a request; an ERROR for one that cannot be met."""
        context = self._session.context
        try:
            reply = self._key_update(self._read(request))
        except SpdmError as error:
            message = Error(version=context.version, error_code=error.code, data=error.data)
            return encode(message, context.shape())
        return encode(reply, context.shape())

    def _read(self, request: bytes) -> KeyUpdate:
        context = self._session.context
        if len(request) < _HEADER:
            raise InvalidRequest(f"{len(request)} bytes where a header takes {_HEADER}")
        if request[1] != Code.KEY_UPDATE or not context.both(Cap.KEY_UPD):
            raise UnsupportedRequest("nothing but KEY_UPDATE is answered", data=request[1])
        if request[0] != context.version:
            raise VersionMismatch(f"version 0x{request[0]:02x}")
        try:
            return parse(KeyUpdate, request, context.shape())[0]
        except WireError as error:
            raise InvalidRequest(str(error)) from error

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
