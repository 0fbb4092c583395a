"""VENDOR_DEFINED_REQUEST and VENDOR_DEFINED_RESPONSE."""

from emulator.spdm.codes import Code
from emulator.wire import AUTO, U8, U16, Counted, Message, message, structure, wire


@structure
class VendorDefined(Message):
    """What both have: a protocol named by a standards body and a vendor in it, and its payload."""

    reserved1: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
    standard: int = wire(U16())
    vendor_length: int = wire(U8(), default=AUTO, counts="vendor")
    vendor: bytes = wire(Counted("vendor_length"), default=b"")
    payload_length: int = wire(U16(), default=AUTO, counts="payload")
    payload: bytes = wire(Counted("payload_length"), default=b"")


@message(Code.VENDOR_DEFINED_REQUEST)
class VendorDefinedRequest(VendorDefined):
    """A payload for a vendor's protocol."""


@message(Code.VENDOR_DEFINED_RESPONSE)
class VendorDefinedResponse(VendorDefined):
    """The protocol's answer, under the same standard and vendor."""
