"""What a device says it is when it is asked by GET_ENDPOINT_INFO: its device classes."""

from collections.abc import Iterable
from dataclasses import dataclass

from emulator.device.identity import PciIdentity
from emulator.spdm.messages.endpoint_info import (
    ClassElement,
    ClassIdentifier,
    ClassIdentifiers,
    SubordinateId,
)
from emulator.spdm.standards import REGISTRIES
from emulator.wire import Shape, encode

_ANY_SHAPE = Shape()
_ID_SIZE = 2
_CLASS_SIZE = 3


@dataclass(frozen=True)
class DeviceClass:
    """A device class.

    Attributes:
        registry: the standards body's id.
        vendor: the vendor's identifier in that registry, as on the wire.
        subordinates: identifiers below that, whose meaning is the registry's.
    """

    registry: int
    vendor: bytes = b""
    subordinates: tuple[bytes, ...] = ()

    def encoded(self) -> bytes:
        """The identifier as bytes, without the length in front of it."""
        subordinates = tuple(SubordinateId(value=one) for one in self.subordinates)
        identifier = ClassIdentifier(
            registry=self.registry, vendor=self.vendor, subordinates=subordinates
        )
        return encode(identifier, _ANY_SHAPE)


def of_function(identity: PciIdentity) -> DeviceClass:
    """What a PCI function is where nothing else is said: Vendor ID, Class Code and Revision ID.

    Together they make ENDPOINT_INFO a multiple of 4 bytes, so that DOE does not pad it: a signed
    one that is padded is refused by libspdm's requester (`libspdm_req_get_endpoint_info.c`).
    """
    return DeviceClass(
        REGISTRIES["PCISIG"].number,
        identity.vendor.to_bytes(_ID_SIZE, "little"),
        (identity.class_code.to_bytes(_CLASS_SIZE, "little"), bytes((identity.revision,))),
    )


def encoded(classes: Iterable[DeviceClass]) -> bytes:
    """The answer to DEVICE_CLASS_IDENTIFIER."""
    elements = tuple(ClassElement(identifier=one.encoded()) for one in classes)
    return encode(ClassIdentifiers(elements=elements), _ANY_SHAPE)
