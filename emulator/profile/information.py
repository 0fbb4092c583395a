"""What a profile says of the measurement extension log and of ENDPOINT_INFO: checked, and made."""

from collections.abc import Iterator

from emulator.device import Measurement
from emulator.device.endpoint_info import DeviceClass
from emulator.forms.words import counted
from emulator.profile import vocabulary
from emulator.profile.disclosed import LogEntry
from emulator.profile.model import Profile
from emulator.profile.tree import Steps
from emulator.spdm.capabilities import EP_INFO, MEAS, Cap
from emulator.spdm.messages.measured import KINDS
from emulator.spdm.standards import BY_NUMBER

MAX_NOTE = 0xFFFF
"""The largest value of an entry, bytes."""

_MAX_IDENTIFIER = 0xFF
_MAX_ELEMENT = 0xFF
_Finding = tuple[Steps, str, str]


def log_findings(profile: Profile) -> Iterator[_Finding]:
    """The log is of measurements; each entry has one value, and is about one there is."""
    flags = vocabulary.flags(profile.capabilities)
    if Cap.MEL in flags and not flags & MEAS:
        yield (
            ("capabilities",),
            "MEAS_NO_SIG or MEAS_SIG beside MEL",
            ", ".join(profile.capabilities),
        )
    if profile.measurement_log and Cap.MEL not in flags:
        yield ("measurement_log",), "an empty list without MEL in capabilities", ""
    indices = {one.index for one in profile.measurements}
    for number, entry in enumerate(profile.measurement_log):
        steps: Steps = ("measurement_log", number)
        if entry.index not in indices:
            yield (*steps, "index"), "the index of a measurement", ""
        if (entry.text is None) == (entry.hex is None):
            was = "none" if entry.text is None else "text and hex"
            yield steps, "exactly one of text, hex", was
        elif (size := len(_value(entry))) > MAX_NOTE:
            given = "text" if entry.hex is None else "hex"
            yield (*steps, given), f"at most {MAX_NOTE} bytes", counted(size, "byte")


def class_findings(profile: Profile) -> Iterator[_Finding]:
    """Device classes need their message, their vendors are legal, and each fits its length."""
    if profile.device_classes and not vocabulary.flags(profile.capabilities) & EP_INFO:
        expect = "an empty list without EP_INFO_NO_SIG or EP_INFO_SIG in capabilities"
        yield ("device_classes",), expect, ""
    for number, made in enumerate(device_classes(profile)):
        steps: Steps = ("device_classes", number)
        sizes = BY_NUMBER[made.registry].vendor_sizes
        if len(made.vendor) not in sizes:
            legal = " or ".join(map(str, sizes))
            was = counted(len(made.vendor), "byte")
            yield (*steps, "vendor"), f"{legal} bytes in this registry", was
            continue
        long = next(
            (n for n, one in enumerate(made.subordinates) if len(one) > _MAX_IDENTIFIER), None
        )
        if long is not None:
            was = counted(len(made.subordinates[long]), "byte")
            yield (*steps, "subordinates", long), f"at most {_MAX_IDENTIFIER} bytes", was
        elif (size := len(made.encoded())) > _MAX_ELEMENT:
            expect = f"at most {_MAX_ELEMENT} bytes with all lengths"
            yield (*steps, "subordinates"), expect, counted(size, "byte")


def notes(profile: Profile) -> tuple[Measurement, ...]:
    """The entries that the log has beside the measurements."""
    return tuple(
        Measurement(one.index, KINDS[one.type], _value(one), raw=True)
        for one in profile.measurement_log
    )


def _value(entry: LogEntry) -> bytes:
    return bytes.fromhex(entry.hex) if entry.hex is not None else (entry.text or "").encode()


def device_classes(profile: Profile) -> tuple[DeviceClass, ...]:
    """The device classes; none where its identity says what the device is."""
    return tuple(
        DeviceClass(
            one.registry, bytes.fromhex(one.vendor), tuple(map(bytes.fromhex, one.subordinates))
        )
        for one in profile.device_classes
    )
