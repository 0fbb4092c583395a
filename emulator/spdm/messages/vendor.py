"""VENDOR_DEFINED_REQUEST and VENDOR_DEFINED_RESPONSE."""

from emulator.spdm.codes import Code
from emulator.wire import AUTO, U8, U16, Counted, Message, message, wire


@message(Code.VENDOR_DEFINED_REQUEST)
class VendorDefinedRequest(Message):
    """A payload of a protocol named by a standards body's registry and a vendor's id in it."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
    standard: int = wire(U16())
    vendor_length: int = wire(U8(), default=AUTO, counts="vendor")
    vendor: bytes = wire(Counted("vendor_length"), default=b"")
    payload_length: int = wire(U16(), default=AUTO, counts="payload")
    payload: bytes = wire(Counted("payload_length"), default=b"")


@message(Code.VENDOR_DEFINED_RESPONSE)
class VendorDefinedResponse(Message):
    """The protocol's answer, under the same standard and vendor."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
    standard: int = wire(U16())
    vendor_length: int = wire(U8(), default=AUTO, counts="vendor")
    vendor: bytes = wire(Counted("vendor_length"), default=b"")
    payload_length: int = wire(U16(), default=AUTO, counts="payload")
    payload: bytes = wire(Counted("payload_length"), default=b"")
