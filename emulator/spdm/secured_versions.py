"""Which version of secured messages a session has: offered and chosen in opaque data.

The requester's KEY_EXCHANGE or PSK_EXCHANGE lists the versions it knows in an element of the
DMTF's, the responder's reply says which one it takes: the highest in common (DSP0277). Sources:
libspdm `include/industry_standard/spdm_secured_message.h`,
`library/spdm_responder_lib/libspdm_rsp_common.c` and
`library/spdm_common_lib/libspdm_com_opaque_data.c`.
"""

from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache

from emulator.errors import WireError
from emulator.spdm.opaque import OpaqueElement, read_elements, write_elements
from emulator.spdm.standards import REGISTRIES
from emulator.wire import (
    AUTO,
    U8,
    U16,
    Shape,
    Structure,
    Table,
    encode,
    parse,
    structure,
    wire,
)

_DMTF = REGISTRIES["DMTF"].number
_DATA_VERSION = 1
_ANY_SHAPE = Shape()


class SecuredVersion(IntEnum):
    """The versions of secured messages that can be had; a number as in VERSION is `<< 8` of it."""

    V1_0 = 0x10
    V1_1 = 0x11
    V1_2 = 0x12


ALL = tuple(SecuredVersion)
"""All of them, lowest first."""

BY_TEXT = {f"{one >> 4}.{one & 0xF}": one for one in ALL}
"""The same by the text a profile uses."""


class _DataId(IntEnum):
    SELECTION = 0
    SUPPORTED = 1


@structure
class SecuredVersionNumber(Structure):
    """One version: major, minor, update and alpha as nibbles, high to low."""

    number: int = wire(U16())


@structure
class SupportedVersions(Structure):
    """The element's data that the requester sends."""

    data_version: int = wire(U8(), default=_DATA_VERSION)
    data_id: int = wire(U8(), default=_DataId.SUPPORTED)
    version_count: int = wire(U8(), default=AUTO, counts="versions")
    versions: tuple[SecuredVersionNumber, ...] = wire(Table(SecuredVersionNumber, "version_count"))


@structure
class SelectedVersion(Structure):
    """The element's data that the responder answers with."""

    data_version: int = wire(U8(), default=_DATA_VERSION)
    data_id: int = wire(U8(), default=_DataId.SELECTION)
    number: int = wire(U16())


def offer(version: int, offered: Iterable[SecuredVersion]) -> bytes:
    """The opaque data that offers these versions, on a connection of an SPDM version."""
    rows = tuple(SecuredVersionNumber(number=one << 8) for one in offered)
    return _write(version, SupportedVersions(versions=rows))


@lru_cache(maxsize=32)
def selection(version: int, chosen: SecuredVersion) -> bytes:
    """The opaque data that selects a version."""
    return _write(version, SelectedVersion(number=chosen << 8))


@lru_cache(maxsize=32)
def offered(version: int, opaque: bytes) -> tuple[int, ...]:
    """The versions that opaque data offers, each as major and minor nibble, in its order.

    Raises WireError where there is no such element, or it is broken.
    """
    data = _find(version, opaque, _DataId.SUPPORTED)
    found, _ = parse(SupportedVersions, data, _ANY_SHAPE)
    if not found.versions:
        raise WireError("SupportedVersions", "version_count", 2, "no version is offered")
    return tuple(row.number >> 8 for row in found.versions)


def selected(version: int, opaque: bytes) -> int:
    """The version that opaque data selects. Raises WireError as `offered` does."""
    data = _find(version, opaque, _DataId.SELECTION)
    found, _ = parse(SelectedVersion, data, _ANY_SHAPE)
    return found.number >> 8


def choose(ours: Iterable[SecuredVersion], theirs: Iterable[int]) -> SecuredVersion | None:
    """The highest version of both, or None."""
    common = set(ours) & set(theirs)
    return SecuredVersion(max(common)) if common else None


def _write(version: int, data: Structure) -> bytes:
    element = OpaqueElement(registry=_DMTF, data=encode(data, _ANY_SHAPE))
    return write_elements(version, (element,))


def _find(version: int, opaque: bytes, wanted: _DataId) -> bytes:
    """The data of the first element of the DMTF's with this id."""
    head = bytes((_DATA_VERSION, wanted))
    for element in read_elements(version, opaque):
        if element.registry == _DMTF and not element.vendor and element.data[:2] == head:
            return element.data
    raise WireError("opaque data", "", 0, f"no element of secured messages with id {int(wanted)}")
