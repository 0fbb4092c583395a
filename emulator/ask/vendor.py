"""VENDOR_DEFINED_REQUEST.

Rules: libspdm `library/spdm_requester_lib/libspdm_req_vendor_defined_request.c`.
"""

from emulator.ask.request import Request
from emulator.errors import BrokenReply, EmulatorError
from emulator.spdm.capabilities import Cap
from emulator.spdm.connection import Connection
from emulator.spdm.messages import VendorDefinedRequest, VendorDefinedResponse
from emulator.spdm.messages.vendor import LARGE_PAYLOAD, MAX_PAYLOAD, sized
from emulator.spdm.versions import rules

_NAME = "VENDOR_DEFINED_RESPONSE"


class VendorRequest(Request[bytes]):
    """Carries a payload of a vendor's protocol; the reply is the protocol's payload."""

    def __init__(
        self, connection: Connection, *, standard: int, vendor: bytes, payload: bytes
    ) -> None:
        """Address the protocol of `vendor` in the registry of the body `standard`.

        The large form is used wherever both sides have LARGE_RESP, as libspdm's requester does.
        Raises EmulatorError for a payload that the form in use has no room for.
        """
        both = connection.local_capabilities & connection.peer_capabilities
        large = rules(connection.version).large_forms and Cap.LARGE_RESP in both
        if len(payload) > MAX_PAYLOAD and not large:
            raise EmulatorError(
                f"a payload of {len(payload)} bytes, where {MAX_PAYLOAD} are the most"
                " unless both sides have LARGE_RESP in 1.4"
            )
        self._request = VendorDefinedRequest(
            version=connection.version,
            standard=standard,
            vendor=vendor,
            **sized(payload, large=large),
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
        form = theirs.attributes & LARGE_PAYLOAD
        if rules(theirs.version).large_forms and form != ours.attributes & LARGE_PAYLOAD:
            found = f"the {'large' if form else 'small'} form"
            raise BrokenReply(_NAME, "attributes", found=found, expected="that of the request")
        self._record(None, reply)
        return theirs.payload
