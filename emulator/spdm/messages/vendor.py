"""VENDOR_DEFINED_REQUEST and VENDOR_DEFINED_RESPONSE."""

from typing import Any

from emulator.spdm.codes import Code
from emulator.spdm.versions import Version
from emulator.wire import (
    AUTO,
    U8,
    U16,
    Counted,
    CountedEither,
    Message,
    Since,
    U32When,
    message,
    structure,
    wire,
)

LARGE_PAYLOAD = 0x80
"""Param1 of both since 1.4: the large form, whose length has 32 bits and stands behind the small
one, which is reserved then. libspdm leaves anything in it."""


MAX_PAYLOAD = 0xFFFF
"""The largest payload of the small form, bytes."""


@structure
class VendorDefined(Message):
    """What both have: a protocol named by a standards body and a vendor in it, and its payload."""

    attributes: int = wire(U8(), default=0)
    reserved2: int = wire(U8(), default=0)
    standard: int = wire(U16())
    vendor_length: int = wire(U8(), default=AUTO, counts="vendor")
    vendor: bytes = wire(Counted("vendor_length"), default=b"")
    payload_length: int = wire(U16(), default=AUTO, counts="payload")
    large_payload_length: int | None = wire(
        Since(Version.V1_4, U32When("attributes", LARGE_PAYLOAD)), default=None
    )
    payload: bytes = wire(CountedEither("payload_length", "large_payload_length"), default=b"")


def sized(payload: bytes, *, large: bool) -> dict[str, Any]:
    """The fields of a message that carry `payload` in the small or the large form."""
    if not large:
        return {"payload": payload}
    return {
        "attributes": LARGE_PAYLOAD,
        "payload_length": 0,
        "large_payload_length": len(payload),
        "payload": payload,
    }


@message(Code.VENDOR_DEFINED_REQUEST)
class VendorDefinedRequest(VendorDefined):
    """A payload for a vendor's protocol."""


@message(Code.VENDOR_DEFINED_RESPONSE)
class VendorDefinedResponse(VendorDefined):
    """The protocol's answer, under the same standard and vendor."""
