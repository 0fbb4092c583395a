"""The measurements of a profile as a device has them: values decoded, files read."""

from collections.abc import Iterator
from pathlib import Path

from emulator.crypto import hashes
from emulator.device import Measurement
from emulator.device.measured_state import ENTRY_SIZES, HEADER_SIZE, StateOf, at_rest
from emulator.forms.words import counted
from emulator.profile import model
from emulator.profile.model import SOURCES, Profile
from emulator.profile.report import Report
from emulator.profile.sources import is_file
from emulator.profile.tree import Steps
from emulator.spdm import algorithms
from emulator.spdm.capabilities import Cap
from emulator.spdm.messages.measured import (
    DEVICE_MODE_SIZE,
    KINDS,
    VERSION_NUMBER_SIZE,
    DebugMode,
    DeviceMode,
    OperationalMode,
    StructuredManifest,
    Value,
    flags_of,
    write_value,
)

MAX_VALUE = 0xFFFF - 3
"""The largest value, bytes: the block counts it with its 3-byte header in 16 bits."""

RAW_SIZES = {"device-mode": DEVICE_MODE_SIZE, "secure-version-number": VERSION_NUMBER_SIZE}
"""The types that are always raw, and their sizes in bytes (libspdm `spdm.h`,
`spdm_measurements_device_mode_t` and `spdm_measurements_secure_version_number_t`)."""

DIGEST_TYPE = "hash-extend"
"""The type that is always a digest (libspdm `os_stub/spdm_device_secret_lib_sample/meas.c`)."""

READABLE = {
    "number": "secure-version-number",
    "mode": "device-mode",
    "structured": "structured-manifest",
    "extended": DIGEST_TYPE,
    "state": "hardware-configuration",
}
"""The type that each of these keys gives the value of."""

RESERVED_INDEXES = {0xFD: "measurement-manifest", 0xFE: "device-mode"}
"""The indexes that have a meaning of their own (libspdm `spdm.h`,
SPDM_MEASUREMENT_BLOCK_MEASUREMENT_INDEX_*)."""


def sources(entry: model.Measurement) -> list[str]:
    """The keys that give a value; one, if the measurement is right."""
    return [key for key in SOURCES if getattr(entry, key) is not None]


def measure(profile: Profile, report: Report) -> tuple[Measurement, ...]:
    """The device's measurements; what cannot be read or does not fit is a problem."""
    made: list[Measurement] = []
    hash_name = profile.algorithms.measurement_hash or "RAW_BIT"
    for number, entry in enumerate(profile.measurements):
        given = sources(entry)
        if len(given) != 1:
            continue  # said by the checks
        if entry.extended is not None and hash_name == "RAW_BIT":
            continue  # that too
        steps = ("measurements", number, given[0])
        try:
            value = _value(entry, hash_name)
        except OSError as error:
            was = f"{entry.file}: {error.strerror or error}"
            report.at(steps, "a file that can be read", was)
            continue
        size = RAW_SIZES.get(entry.type)
        if size is not None and len(value) != size:
            was = counted(len(value), "byte")
            report.at(steps, f"the {size} bytes of a {entry.type}", was)
        elif len(value) > MAX_VALUE:
            report.at(steps, f"at most {MAX_VALUE} bytes", "more")
        else:
            made.append(_measurement(entry, value))
    return tuple(made)


def _value(entry: model.Measurement, hash_name: str) -> bytes:
    if entry.file is not None:
        return _read(entry.file)
    if entry.state is not None:
        return at_rest(StateOf(entry.state))
    if entry.extended is not None:
        return _extended(entry.extended, hash_name)
    readable = _readable(entry)
    if readable is not None:
        return write_value(readable)
    return bytes.fromhex(entry.hex or entry.digest or "")


def _readable(entry: model.Measurement) -> Value | None:
    """The value that is written as something other than bytes."""
    if entry.mode is not None:
        return _mode(entry.mode)
    if entry.structured is not None:
        one = entry.structured
        vendor, manifest = bytes.fromhex(one.vendor), bytes.fromhex(one.manifest)
        return StructuredManifest(registry=one.registry, vendor=vendor, manifest=manifest)
    return entry.number if entry.text is None else entry.text


def _mode(mode: model.DeviceMode) -> DeviceMode:
    return DeviceMode(
        operational_mode_capabilities=flags_of(OperationalMode, mode.operational_mode_capabilities),
        operational_mode_state=flags_of(OperationalMode, mode.operational_mode_state),
        device_mode_capabilities=flags_of(DebugMode, mode.device_mode_capabilities),
        device_mode_state=flags_of(DebugMode, mode.device_mode_state),
    )


def _extended(entries: list[str], hash_name: str) -> bytes:
    """Zeros, extended by each entry: the hash of what there is with the entry behind it.

    Source: libspdm `os_stub/spdm_device_secret_lib_sample/meas.c`,
    `libspdm_fill_measurement_hem_block`.
    """
    size = algorithms.by_name(algorithms.MEASUREMENT_HASHES, hash_name).size
    value = bytes(size)
    for entry in entries:
        value = hashes.digest(hash_name, value, entry.encode())
    return value


def _read(path: Path) -> bytes:
    if not is_file(path):
        raise FileNotFoundError("no such file")
    with path.open("rb") as file:
        return file.read(MAX_VALUE + 1)


def _measurement(entry: model.Measurement, value: bytes) -> Measurement:
    return Measurement(
        index=entry.index,
        kind=KINDS[entry.type],
        value=value,
        raw=entry.report == "raw" or entry.type in RAW_SIZES,
        digested=entry.digest is not None or entry.extended is not None,
        extended=tuple(one.encode() for one in entry.extended or ()),
        state=None if entry.state is None else StateOf(entry.state),
    )


def largest_state(profile: Profile, of: StateOf) -> int:
    """The size of the raw value once all there is is up, bytes."""
    ide, tdisp = profile.ide, profile.tdisp
    if of is StateOf.IDE:
        count = 0 if ide is None else ide.ports * (len(ide.link) + len(ide.selective))
    else:
        count = 0 if tdisp is None else len(tdisp.interfaces)
    return HEADER_SIZE + count * ENTRY_SIZES[of]


def state_findings(profile: Profile) -> Iterator[tuple[Steps, str, str]]:
    """What shows the state of something needs it, is measured fresh, and has room for all of it."""
    fresh = Cap.MEAS_FRESH.name in profile.capabilities
    for number, entry in enumerate(profile.measurements):
        if entry.state is None:
            continue
        steps: Steps = ("measurements", number, "state")
        of = StateOf(entry.state)
        has = profile.ide if of is StateOf.IDE else profile.tdisp
        size = largest_state(profile, of)
        if entry.shared:
            where: Steps = ("measurements", number, "shared")
            yield where, "false, as function 0 alone has what state shows", "true"
        elif not fresh:
            yield steps, "a value that lasts, without MEAS_FRESH in capabilities", entry.state
        elif has is None:
            yield steps, f"{entry.state} in the profile", "none"
        elif size > MAX_VALUE:
            most = (MAX_VALUE - HEADER_SIZE) // ENTRY_SIZES[of]
            count = (size - HEADER_SIZE) // ENTRY_SIZES[of]
            yield steps, f"at most {most} of {entry.state} in all", str(count)
