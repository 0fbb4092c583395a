"""What was measured: the kinds of values, and the layouts of those that have one.

Both sides read and write values here: profiles, the device, and whoever shows what was reported.
Layouts: libspdm `include/industry_standard/spdm.h`. A device reports each of its measurements in
every version, whatever version introduced its kind: so does libspdm's sample
(`os_stub/spdm_device_secret_lib_sample/meas.c`).
"""

from collections.abc import Iterable
from enum import IntFlag
from functools import reduce
from operator import or_
from typing import Any, TypeVar

from emulator.errors import WireError
from emulator.spdm.standards import BY_NUMBER
from emulator.wire import (
    AUTO,
    U8,
    U32,
    Counted,
    Rest,
    Shape,
    Structure,
    encode,
    parse,
    structure,
    wire,
)

KINDS = {
    "immutable-rom": 0,
    "mutable-firmware": 1,
    "hardware-configuration": 2,
    "firmware-configuration": 3,
    "measurement-manifest": 4,
    "device-mode": 5,
    "version": 6,
    "secure-version-number": 7,
    "hash-extend": 8,
    "informational": 9,
    "structured-manifest": 10,
}
"""DMTFSpecMeasurementValueType by the names profiles use."""

KIND_NAMES = {number: name for name, number in KINDS.items()}
"""The names by number."""

VERSION_NUMBER_SIZE = 8
"""Bytes of a secure version number (`spdm_measurements_secure_version_number_t`)."""

_ANY_SHAPE = Shape()


class OperationalMode(IntFlag):
    """The modes a device can be in (SPDM_MEASUREMENT_DEVICE_OPERATION_MODE_*)."""

    MANUFACTURING = 0x01
    VALIDATION = 0x02
    NORMAL = 0x04
    RECOVERY = 0x08
    RMA = 0x10
    DECOMMISSIONED = 0x20


class DebugMode(IntFlag):
    """How a device can be, or was, debugged (SPDM_MEASUREMENT_DEVICE_MODE_*)."""

    NON_INVASIVE_DEBUG_ACTIVE = 0x01
    INVASIVE_DEBUG_ACTIVE = 0x02
    NON_INVASIVE_DEBUG_HAS_BEEN_ACTIVE = 0x04
    INVASIVE_DEBUG_HAS_BEEN_ACTIVE = 0x08
    INVASIVE_DEBUG_HAS_BEEN_ACTIVE_AFTER_MFG = 0x10


@structure
class DeviceMode(Structure):
    """The value of device-mode: what the device can tell of, and what is so."""

    operational_mode_capabilities: OperationalMode = wire(U32(OperationalMode))
    operational_mode_state: OperationalMode = wire(U32(OperationalMode))
    device_mode_capabilities: DebugMode = wire(U32(DebugMode))
    device_mode_state: DebugMode = wire(U32(DebugMode))


DEVICE_MODE_SIZE = 16
"""Bytes of a DeviceMode."""


@structure
class StructuredManifest(Structure):
    """The value of structured-manifest: whose structure it is (`spdm_svh_header_t`), and it."""

    registry: int = wire(U8())
    vendor_length: int = wire(U8(), default=AUTO, counts="vendor")
    vendor: bytes = wire(Counted("vendor_length"), default=b"")
    manifest: bytes = wire(Rest(), default=b"")


Value = DeviceMode | StructuredManifest | int | str
"""A value that could be read: a secure version number is an int, text a str."""

_F = TypeVar("_F", bound=IntFlag)


def flag_name(flag: IntFlag) -> str:
    """A single mode as people write it: `invasive-debug-active`; a number for one unknown."""
    name = flag.name
    return name.lower().replace("_", "-") if name else f"{int(flag):#x}"


def flag_names(flags: IntFlag) -> list[str]:
    """The modes in `flags`, those nobody knows as one number at the end."""
    known = [member for member in type(flags) if member in flags]
    rest = int(flags) & ~int(reduce(or_, type(flags)))
    return [flag_name(member) for member in known] + ([f"{rest:#x}"] if rest else [])


def flags_of(family: type[_F], names: Iterable[str]) -> _F:
    """The modes of these names together. Raises KeyError for one that is none."""
    by_name = {flag_name(member): member for member in family}
    return reduce(or_, (by_name[name] for name in names), family(0))


def write_value(value: Value) -> bytes:
    """The bytes of a value."""
    if isinstance(value, Structure):
        return encode(value, _ANY_SHAPE)
    if isinstance(value, int):
        return value.to_bytes(VERSION_NUMBER_SIZE, "little")
    return value.encode()


def read_value(kind: int, value: bytes) -> Value | None:
    """What a raw value of this kind says; None where it is nothing but bytes.

    Bytes that do not fit the layout of their kind are bytes. Text is UTF-8 that can be printed.
    """
    name = KIND_NAMES.get(kind)
    if name == "device-mode":
        return _parse(DeviceMode, value) if len(value) == DEVICE_MODE_SIZE else None
    if name == "secure-version-number":
        is_one = len(value) == VERSION_NUMBER_SIZE
        return int.from_bytes(value, "little") if is_one else None
    if name == "structured-manifest":
        return _parse(StructuredManifest, value)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return text if text and text.isprintable() else None


_S = TypeVar("_S", bound=Structure)


def _parse(layout: type[_S], value: bytes) -> _S | None:
    try:
        read, _ = parse(layout, value, _ANY_SHAPE)
    except WireError:
        return None
    return read


def value_text(value: Value) -> str:
    """A value in one line for a person."""
    if isinstance(value, DeviceMode):
        mode = ", ".join(flag_names(value.operational_mode_state)) or "no mode"
        debug = ", ".join(flag_names(value.device_mode_state)) or "no debug"
        return f"{mode}; {debug}"
    if isinstance(value, StructuredManifest):
        return f"{_owner(value)}: {value.manifest.hex() or '(empty)'}"
    return str(value) if isinstance(value, int) else f'"{value}"'


def value_json(value: Value) -> Any:
    """A value for a script: a number, a text or a mapping; bytes are hexadecimal."""
    if isinstance(value, DeviceMode):
        return {
            "operational_mode_capabilities": flag_names(value.operational_mode_capabilities),
            "operational_mode_state": flag_names(value.operational_mode_state),
            "device_mode_capabilities": flag_names(value.device_mode_capabilities),
            "device_mode_state": flag_names(value.device_mode_state),
        }
    if isinstance(value, StructuredManifest):
        return {
            "registry": _registry(value.registry),
            "vendor": value.vendor.hex(),
            "manifest": value.manifest.hex(),
        }
    return value


def _owner(value: StructuredManifest) -> str:
    vendor = f" {value.vendor.hex()}" if value.vendor else ""
    return f"{_registry(value.registry)}{vendor}"


def _registry(number: int) -> str | int:
    known = BY_NUMBER.get(number)
    return known.name if known else number
