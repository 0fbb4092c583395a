"""VENDOR_DEFINED_REQUEST.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_vendor_defined_request.c`.
"""

from emulator.ask.request import Request
from emulator.errors import BrokenReply
from emulator.spdm.connection import Connection
from emulator.spdm.messages import VendorDefinedRequest, VendorDefinedResponse

_NAME = "VENDOR_DEFINED_RESPONSE"


class VendorRequest(Request[bytes]):
    """Carries a payload of a vendor's protocol; the reply is the protocol's payload."""

    def __init__(
        self, connection: Connection, *, standard: int, vendor: bytes, payload: bytes
    ) -> None:
        """Address the protocol of `vendor` in the registry of the body `standard`."""
        self._request = VendorDefinedRequest(
            version=connection.version, standard=standard, vendor=vendor, payload=payload
        )
        super().__init__(connection, self._request)

    def _accept(self, reply: bytes) -> bytes:
        theirs, _ = self._read(VendorDefinedResponse, reply, self.connection.shape())
        ours = self._request
        if theirs.standard != ours.standard:
            raise BrokenReply(_NAME, "standard", found=theirs.standard, expected=ours.standard)
        if theirs.vendor != ours.vendor:
            raise BrokenReply(
                _NAME, "vendor", found=theirs.vendor.hex(), expected=ours.vendor.hex()
            )
        self._record(None, reply)
        return theirs.payload
