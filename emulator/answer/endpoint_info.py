"""Answers GET_ENDPOINT_INFO (libspdm `library/spdm_responder_lib/libspdm_rsp_endpoint_info.c`)."""

from collections.abc import Iterable

from emulator.answer.exchange import Exchange, Outcome, Signing
from emulator.answer.registry import handles
from emulator.crypto.keys import SigningKey
from emulator.device.endpoint_info import DeviceClass, encoded, of_function
from emulator.errors import InvalidRequest, UnsupportedRequest
from emulator.spdm import signing
from emulator.spdm.capabilities import EP_INFO, Cap
from emulator.spdm.codes import Code
from emulator.spdm.messages import EndpointInfo, GetEndpointInfo
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.messages.challenge import NONCE_SIZE
from emulator.spdm.messages.endpoint_info import EndpointInfoAttributes, SubCode
from emulator.spdm.messages.measurements import NO_SLOT
from emulator.spdm.session import APPLICATION
from emulator.spdm.transcript import IL1IL2


def asks_signature(request: GetEndpointInfo) -> bool:
    """Whether a request, of either role, asks for a signature. Raises InvalidRequest."""
    if request.sub_code != SubCode.DEVICE_CLASS_IDENTIFIER:
        raise InvalidRequest(f"SubCode 0x{int(request.sub_code):02x}")
    return EndpointInfoAttributes.SIGNATURE in request.attributes


def told(
    request: GetEndpointInfo, classes: Iterable[DeviceClass], *, nonce: bytes = b""
) -> EndpointInfo:
    """The reply of either role: its device classes; with a nonce where it is to be signed."""
    return EndpointInfo(
        version=request.version,
        slot=request.slot & SLOT_MASK if nonce else 0,
        nonce=nonce,
        info=encoded(classes),
    )


def _key(exchange: Exchange, slot: int) -> SigningKey:
    """The key that signs. Raises UnsupportedRequest, InvalidRequest."""
    if Cap.EP_INFO_SIG not in exchange.connection.local_capabilities:
        raise UnsupportedRequest(
            "a signature was asked for, and EP_INFO_SIG is not offered", data=Code.GET_ENDPOINT_INFO
        )
    return exchange.public_key() if slot == NO_SLOT else exchange.chain(slot).key


@handles(GetEndpointInfo, needs=EP_INFO, where=APPLICATION)
def get_endpoint_info(exchange: Exchange, request: GetEndpointInfo) -> Outcome:
    """What the device is, signed if that was asked for; unsigned, no slot is looked at."""
    device, shape = exchange.device, exchange.connection.shape
    classes = device.device_classes or (of_function(device.identity),)
    if not asks_signature(request):
        return Outcome(reply=told(request, classes), shape=shape())
    slot = request.slot & SLOT_MASK
    key = _key(exchange, slot)
    nonce = exchange.entropy.bytes(NONCE_SIZE, label="ENDPOINT_INFO nonce")
    return Outcome(
        reply=told(request, classes, nonce=nonce),
        shape=shape(signature=True),
        signing=Signing(signing.endpoint_info(turned=exchange.connection.turned), IL1IL2, key),
        changes=exchange.shown(slot),
    )
