"""GET_ENCAPSULATED_REQUEST and DELIVER_ENCAPSULATED_RESPONSE: what the peer wants to know of us.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_encap_request.c`.
"""

from abc import ABC
from dataclasses import dataclass

from emulator.ask.request import Request
from emulator.errors import BrokenReply, PeerErrorReply, UnsupportedByPeer
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import ErrorCode
from emulator.spdm.connection import Connection
from emulator.spdm.messages import (
    DeliverEncapsulatedResponse,
    EncapsulatedRequest,
    EncapsulatedResponseAck,
    GetEncapsulatedRequest,
)
from emulator.spdm.messages.certificates import SLOT_COUNT
from emulator.spdm.messages.encapsulated import AckPayload
from emulator.spdm.state import State
from emulator.spdm.transcript import resets
from emulator.spdm.versions import Version
from emulator.wire import Message

_REQUEST = "ENCAPSULATED_REQUEST"
_ACK = "ENCAPSULATED_RESPONSE_ACK"


@dataclass(frozen=True)
class Asked:
    """A request of the peer's: its id, and the request, which padding may follow."""

    number: int
    request: bytes


@dataclass(frozen=True)
class UsedSlot:
    """The peer has nothing more to ask, and tells the slot of ours that is to be used."""

    slot: int


class _Encapsulating(Request[Asked | UsedSlot | None], ABC):
    """What both have in common; the reply is the peer's next request, or what it ends with."""

    needs = Cap.ENCAP

    def __init__(self, connection: Connection, message: Message) -> None:
        """Raises UnsupportedByPeer where we do not offer ENCAP either."""
        if Cap.ENCAP not in connection.local_capabilities:
            raise UnsupportedByPeer("encapsulated requests need ENCAP, which was not offered")
        super().__init__(connection, message)

    def is_legal(self, state: State) -> bool:
        """No state is left by them: what they carry is the other way round."""
        return state >= State.NEGOTIATED

    def _settle(self) -> None:
        """What was begun to be signed, and is given up."""
        connection = self.connection
        connection.transcript.reset(resets(self.code, connection.state))


class EncapsulatedRequestRequest(_Encapsulating):
    """Asks what the peer wants to know."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, GetEncapsulatedRequest(version=connection.version))

    def _accept(self, reply: bytes) -> Asked | UsedSlot | None:
        named = self.connection.version >= Version.V1_3
        nothing = ErrorCode.NO_PENDING_REQUESTS if named else ErrorCode.UNEXPECTED_REQUEST
        try:
            theirs, _ = self._read(EncapsulatedRequest, reply, self.connection.shape())
        except PeerErrorReply as error:
            if error.code != nothing:
                raise
            self._settle()
            return None
        if not theirs.request:
            raise BrokenReply(_REQUEST, "request", found="nothing", expected="a request")
        self._settle()
        return Asked(theirs.request_id, theirs.request)


class EncapsulatedResponseRequest(_Encapsulating):
    """Delivers the response to a request of the peer's."""

    def __init__(self, connection: Connection, asked: Asked, response: bytes) -> None:
        """`response`: the whole message that answers `asked`."""
        self._asked = asked
        message = DeliverEncapsulatedResponse(
            version=connection.version, request_id=asked.number, response=response
        )
        super().__init__(connection, message)

    def _accept(self, reply: bytes) -> Asked | UsedSlot | None:
        theirs, _ = self._read(EncapsulatedResponseAck, reply, self.connection.shape())
        named = theirs.version >= Version.V1_2
        if named and theirs.ack_request_id != self._asked.number:
            raise BrokenReply(
                _ACK, "ack_request_id", found=theirs.ack_request_id, expected=self._asked.number
            )
        if theirs.payload_type == AckPayload.ABSENT:
            self._settle()
            return None
        if theirs.payload_type == AckPayload.SLOT_NUMBER:
            slot = theirs.payload[:1]
            if not slot or slot[0] >= SLOT_COUNT:
                found = f"slot {slot[0]}" if slot else "none"
                expected = f"a slot below {SLOT_COUNT}"
                raise BrokenReply(_ACK, "payload", found=found, expected=expected)
            self._settle()
            return UsedSlot(slot[0])
        if theirs.payload_type != AckPayload.REQUEST or not theirs.payload:
            found = f"type {int(theirs.payload_type)}, {len(theirs.payload)} bytes"
            raise BrokenReply(_ACK, "payload_type", found=found, expected="a request or nothing")
        self._settle()
        return Asked(theirs.request_id, theirs.payload)
