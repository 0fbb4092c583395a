"""Answers VENDOR_DEFINED_REQUEST.

Rules: libspdm `library/spdm_responder_lib/libspdm_rsp_vendor_defined_response.c`.
"""

from emulator.answer.exchange import Exchange, Outcome
from emulator.answer.registry import handles
from emulator.errors import InvalidRequest, UnsupportedRequest
from emulator.spdm.capabilities import Cap
from emulator.spdm.codes import Code
from emulator.spdm.messages import VendorDefinedRequest, VendorDefinedResponse
from emulator.spdm.messages.vendor import sized
from emulator.spdm.session import APPLICATION
from emulator.vendor import VendorExchange
from emulator.vendor.registry import VENDOR_ID_SIZES


@handles(VendorDefinedRequest, where=APPLICATION)
def vendor_defined(exchange: Exchange, request: VendorDefinedRequest) -> Outcome:
    """Hand the payload to the protocol registered for this standards body and vendor.

    The answer has the form of the request.
    """
    connection = exchange.connection
    large = request.large_payload_length is not None
    both = connection.local_capabilities & connection.peer_capabilities
    if large and Cap.LARGE_RESP not in both:
        raise InvalidRequest("a large payload, and not both sides have LARGE_RESP")
    sizes = VENDOR_ID_SIZES.get(request.standard)
    if sizes is not None and request.vendor_length not in sizes:
        raise InvalidRequest(
            f"a vendor id of {request.vendor_length} bytes where standard "
            f"{request.standard} has {' or '.join(map(str, sizes))}"
        )
    protocol = exchange.vendors.find(request.standard, request.vendor)
    if protocol is None:
        raise UnsupportedRequest(
            f"nothing is registered for standard {request.standard} "
            f"vendor {request.vendor.hex() or '(none)'}",
            data=Code.VENDOR_DEFINED_REQUEST,
        )
    inside = VendorExchange(exchange.device, connection, exchange.session, exchange.entropy)
    payload = protocol.respond(request.payload, inside)
    reply = None
    if payload is not None:
        reply = VendorDefinedResponse(
            version=request.version,
            standard=request.standard,
            vendor=request.vendor,
            **sized(payload, large=large),
        )
    return Outcome(
        reply=reply,
        shape=connection.shape(),
        effects=tuple(inside.effects),
        refused=inside.refusals[0] if inside.refusals else None,
    )
