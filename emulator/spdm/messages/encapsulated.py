"""Requests of the responder to the requester, carried inside the requester's own exchanges.

What is carried reaches to the end of the message, so padding of the transport stands behind it.
"""

from enum import IntEnum

from emulator.spdm.codes import Code
from emulator.spdm.versions import Version
from emulator.wire import U8, Bytes, Message, Rest, Since, message, wire


class AckPayload(IntEnum):
    """Param2 of ENCAPSULATED_RESPONSE_ACK: what it carries."""

    ABSENT = 0
    REQUEST = 1
    SLOT_NUMBER = 2


@message(Code.GET_ENCAPSULATED_REQUEST)
class GetEncapsulatedRequest(Message):
    """Asks what the responder wants to know."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)


@message(Code.ENCAPSULATED_REQUEST)
class EncapsulatedRequest(Message):
    """A request to the requester."""

    request_id: int = wire(U8())
    reserved: int = wire(U8(), default=0)
    request: bytes = wire(Rest(), default=b"")


@message(Code.DELIVER_ENCAPSULATED_RESPONSE)
class DeliverEncapsulatedResponse(Message):
    """The requester's reply."""

    request_id: int = wire(U8())
    reserved: int = wire(U8(), default=0)
    response: bytes = wire(Rest(), default=b"")


@message(Code.ENCAPSULATED_RESPONSE_ACK)
class EncapsulatedResponseAck(Message):
    """The reply came; there may be another request, or the slot of the chain to be used.

    `ack_request_id` names the request that was answered, since 1.2.
    """

    request_id: int = wire(U8())
    payload_type: int = wire(U8(AckPayload), default=AckPayload.ABSENT)
    ack_request_id: int = wire(Since(Version.V1_2, U8()), default=0)
    reserved: bytes = wire(Since(Version.V1_2, Bytes(3)), default=bytes(3))
    payload: bytes = wire(Rest(), default=b"")
