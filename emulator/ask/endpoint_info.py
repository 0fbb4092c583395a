"""GET_ENDPOINT_INFO (libspdm `library/spdm_requester_lib/libspdm_req_get_endpoint_info.c`)."""

from dataclasses import dataclass

from emulator.ask.chain import Signer
from emulator.ask.request import Request
from emulator.ask.verify import verify
from emulator.device.endpoint_info import DeviceClass
from emulator.errors import BrokenReply, SignatureMismatch, UnsupportedByPeer, WireError
from emulator.spdm import signing
from emulator.spdm.capabilities import EP_INFO, Cap
from emulator.spdm.connection import Connection
from emulator.spdm.messages import EndpointInfo, GetEndpointInfo
from emulator.spdm.messages.certificates import SLOT_MASK
from emulator.spdm.messages.endpoint_info import (
    ClassIdentifier,
    ClassIdentifiers,
    EndpointInfoAttributes,
    SubCode,
)
from emulator.spdm.transcript import IL1IL2
from emulator.wire import Shape, parse

_NAME = "ENDPOINT_INFO"
_ANY_SHAPE = Shape()


@dataclass(frozen=True)
class Endpoint:
    """An accepted ENDPOINT_INFO.

    Attributes:
        reply: the message.
        classes: the device classes it tells.
        transcript_hash: the hash of IL1/IL2 of a signed one, else empty.
    """

    reply: EndpointInfo
    classes: tuple[DeviceClass, ...]
    transcript_hash: bytes = b""


class EndpointInfoRequest(Request[Endpoint]):
    """Asks what the peer is: its device classes."""

    needs = EP_INFO

    def __init__(
        self,
        connection: Connection,
        *,
        nonce: bytes = b"",
        signer: Signer | None = None,
    ) -> None:
        """Ask for the device class identifiers.

        Args:
            connection: where to.
            nonce: 32 fresh bytes for a signed reply.
            signer: the peer's chain whose leaf signs, or the key that was provisioned; None for an
                unsigned reply.

        Raises UnsupportedByPeer where a signature is wanted and the peer makes none.
        """
        if signer and Cap.EP_INFO_SIG not in connection.peer_capabilities:
            raise UnsupportedByPeer(
                "a signed ENDPOINT_INFO needs EP_INFO_SIG, which the peer lacks"
            )
        self._signer = signer
        self._slot = signer.slot & SLOT_MASK if signer else 0
        message = GetEndpointInfo(
            version=connection.version,
            sub_code=SubCode.DEVICE_CLASS_IDENTIFIER,
            slot=self._slot,
            attributes=EndpointInfoAttributes.SIGNATURE if signer else EndpointInfoAttributes(0),
            nonce=nonce if signer else b"",
        )
        super().__init__(connection, message)

    def _accept(self, reply: bytes) -> Endpoint:
        connection, signer = self.connection, self._signer
        shape = connection.shape(signature=signer is not None)
        theirs, raw = self._read(EndpointInfo, reply, shape)
        slot = theirs.slot & SLOT_MASK
        if slot != self._slot:
            raise BrokenReply(_NAME, "slot", found=slot, expected=self._slot)
        classes = read_classes(theirs.info)
        if signer is None:
            self._record(None, raw)
            return Endpoint(theirs, classes)
        unsigned = raw[: len(raw) - shape.signature]
        view = connection.transcript.view(IL1IL2) + self._exchange(unsigned)
        context = signing.endpoint_info(turned=connection.turned)
        verified = verify(connection, signer, context, view, theirs.signature)
        endpoint = Endpoint(theirs, classes, verified.transcript_hash)
        if verified.problem:
            raise SignatureMismatch(f"{_NAME}.signature: {verified.problem}", endpoint)
        self._record(None, raw)
        return endpoint


def read_classes(info: bytes) -> tuple[DeviceClass, ...]:
    """The device classes in an ENDPOINT_INFO. Raises BrokenReply for what is none."""
    try:
        listed, _ = parse(ClassIdentifiers, info, _ANY_SHAPE)
        found = [parse(ClassIdentifier, one.identifier, _ANY_SHAPE)[0] for one in listed.elements]
    except WireError as error:
        expected = "whole device class identifiers"
        raise BrokenReply(_NAME, "info", found=error, expected=expected) from error
    return tuple(
        DeviceClass(one.registry, one.vendor, tuple(sub.value for sub in one.subordinates))
        for one in found
    )
