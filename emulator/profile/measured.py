"""The measurements of a profile as a device has them: values decoded, files read."""

from pathlib import Path

from emulator.device import Measurement
from emulator.device.measurements import KINDS
from emulator.forms.words import counted
from emulator.profile import model
from emulator.profile.model import SOURCES, Profile
from emulator.profile.report import Report
from emulator.profile.sources import is_file

MAX_VALUE = 0xFFFF - 3
"""The largest value, bytes: the block counts it with its 3-byte header in 16 bits."""

RAW_SIZES = {"device-mode": 16, "secure-version-number": 8}
"""The types that are always raw, and their sizes in bytes (libspdm `spdm.h`,
`spdm_measurements_device_mode_t` and `spdm_measurements_secure_version_number_t`)."""

RESERVED_INDEXES = {0xFD: "measurement-manifest", 0xFE: "device-mode"}
"""The indexes that have a meaning of their own (libspdm `spdm.h`,
SPDM_MEASUREMENT_BLOCK_MEASUREMENT_INDEX_*)."""


def sources(entry: model.Measurement) -> list[str]:
    """The keys that give a value; one, if the measurement is right."""
    return [key for key in SOURCES if getattr(entry, key) is not None]


def measure(profile: Profile, report: Report) -> tuple[Measurement, ...]:
    """The device's measurements; what cannot be read or does not fit is a problem."""
    made: list[Measurement] = []
    for number, entry in enumerate(profile.measurements):
        given = sources(entry)
        if len(given) != 1:
            continue  # said by the checks
        steps = ("measurements", number, given[0])
        try:
            value = _value(entry)
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


def _value(entry: model.Measurement) -> bytes:
    if entry.text is not None:
        return entry.text.encode()
    if entry.file is not None:
        return _read(entry.file)
    return bytes.fromhex(entry.hex or entry.digest or "")


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
        raw=entry.report == "raw",
        digested=entry.digest is not None,
    )
