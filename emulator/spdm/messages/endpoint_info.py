"""GET_ENDPOINT_INFO, ENDPOINT_INFO, and the device class identifiers it tells.

Since 1.3. Source: libspdm `include/industry_standard/spdm.h` (`spdm_get_endpoint_info_request_t`,
`spdm_endpoint_info_response_t`, `spdm_endpoint_info_device_class_identifier_t`).
"""

from enum import IntEnum, IntFlag

from emulator.spdm.codes import Code
from emulator.spdm.messages.challenge import NONCE_SIZE
from emulator.wire import (
    AUTO,
    U8,
    U32,
    Counted,
    IfSigned,
    Message,
    Reserved,
    Sized,
    Structure,
    Table,
    When,
    message,
    structure,
    wire,
)


class SubCode(IntEnum):
    """Param1 of GET_ENDPOINT_INFO: what is asked."""

    DEVICE_CLASS_IDENTIFIER = 1


class EndpointInfoAttributes(IntFlag):
    """RequestAttributes of GET_ENDPOINT_INFO."""

    SIGNATURE = 0x01


_SIGNED = int(EndpointInfoAttributes.SIGNATURE)


@message(Code.GET_ENDPOINT_INFO)
class GetEndpointInfo(Message):
    """Asks what an endpoint is; the nonce exists only with SIGNATURE set."""

    sub_code: int = wire(U8(SubCode))
    slot: int = wire(U8(), default=0)
    attributes: EndpointInfoAttributes = wire(U8(EndpointInfoAttributes))
    reserved: bytes = wire(Reserved(3), default=bytes(3))
    nonce: bytes = wire(When("attributes", _SIGNED, NONCE_SIZE), default=b"")


@message(Code.ENDPOINT_INFO)
class EndpointInfo(Message):
    """What the endpoint is; with a nonce and signed over IL1/IL2 where that was asked for."""

    reserved1: int = wire(U8(), default=0)
    slot: int = wire(U8(), default=0)
    reserved2: bytes = wire(Reserved(4), default=bytes(4))
    nonce: bytes = wire(IfSigned(NONCE_SIZE), default=b"")
    info_length: int = wire(U32(), default=AUTO, counts="info")
    info: bytes = wire(Counted("info_length"), default=b"")
    signature: bytes = wire(Sized("signature"), default=b"", trailer=True)


@structure
class SubordinateId(Structure):
    """A subordinate identifier, whose meaning is the registry's."""

    size: int = wire(U8(), default=AUTO, counts="value")
    value: bytes = wire(Counted("size"), default=b"")


@structure
class ClassIdentifier(Structure):
    """One device class: a standards body, a vendor in it, and what that says of the device."""

    registry: int = wire(U8())
    vendor_length: int = wire(U8(), default=AUTO, counts="vendor")
    vendor: bytes = wire(Counted("vendor_length"), default=b"")
    subordinate_count: int = wire(U8(), default=AUTO, counts="subordinates")
    subordinates: tuple[SubordinateId, ...] = wire(
        Table(SubordinateId, "subordinate_count"), default=()
    )


@structure
class ClassElement(Structure):
    """One element of the list: `identifier` is a ClassIdentifier."""

    size: int = wire(U8(), default=AUTO, counts="identifier")
    identifier: bytes = wire(Counted("size"))


@structure
class ClassIdentifiers(Structure):
    """What `info` holds in answer to DEVICE_CLASS_IDENTIFIER."""

    count: int = wire(U8(), default=AUTO, counts="elements")
    reserved: bytes = wire(Reserved(3), default=bytes(3))
    elements: tuple[ClassElement, ...] = wire(Table(ClassElement, "count"), default=())
