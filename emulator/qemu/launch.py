"""The command line of a QEMU whose devices are this package's, and which QEMU can take it.

QEMU connects to a device's port when it creates the device, so the device must listen before QEMU
starts, and must outlive it: QEMU never connects again.

Of QEMU's devices the nvme one speaks spdm-socket by DOE. It needs a serial number and no drive: it
is then a controller without namespaces. Several in one slot are functions of one PCI device, each
with a mailbox of its own.
"""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.device.identity import PciIdentity
from emulator.errors import EmulatorError

QEMU = "qemu-system-x86_64"
MINIMUM = (9, 1)
"""The first release whose nvme device has the property spdm_port."""

INSTALL_HINT = (
    "QEMU 9.1 or later is needed: install Debian's qemu-system-x86, "
    "on Debian 12 from bookworm-backports"
)
NVME_IDENTITY = PciIdentity(
    vendor=0x1B36,
    device=0x0010,
    class_code=0x010802,
    revision=0x02,
    subsystem_vendor=0x1AF4,
    subsystem=0x1100,
)
"""How QEMU's nvme device identifies itself, whatever it stands in for."""

DEFAULT_SLOT = 4
"""Free on q35, with its default devices and without."""

FUNCTIONS = 8
"""How many functions a slot has, without ARI."""

_SLOTS = range(1, 31)
_PORTS = range(1, 0x10000)
_SERIAL_SIZE = 20
_VERSION = re.compile(r"version (\d+(?:\.\d+)+)")
_VERSION_TIMEOUT = 30.0


class QemuError(EmulatorError):
    """QEMU cannot be started, or ended by itself."""


@dataclass(frozen=True)
class QemuDevice:
    """One device of QEMU's and where its spdm-socket listens.

    Attributes:
        port: the TCP port on 127.0.0.1; QEMU knows no other address.
        slot: the device number on bus 0, 1 to 30.
        serial: its NVMe serial number, up to 20 characters of ASCII; None: one made of the port.
            Linux takes two controllers with the same one for a single subsystem.
        kind: QEMU's name of the device; only nvme has the property so far.
        function: its function number, 0 to 7; function 0 is there wherever another is.
    """

    port: int
    slot: int = DEFAULT_SLOT
    serial: str | None = None
    kind: str = "nvme"
    function: int = 0

    def __post_init__(self) -> None:
        if self.kind != "nvme":
            raise QemuError(f"QEMU device {self.kind!r} where only 'nvme' carries SPDM over DOE")
        if self.port not in _PORTS:
            raise QemuError(f"port {self.port} where 1 to 65535 are right")
        if self.slot not in _SLOTS:
            raise QemuError(f"PCI slot {self.slot} where 1 to 30 are free on q35")
        if self.function not in range(FUNCTIONS):
            raise QemuError(f"function {self.function} where 0 to {FUNCTIONS - 1} are right")
        serial = self.serial
        if serial is not None and not (
            serial.isascii() and serial.isprintable() and 0 < len(serial) <= _SERIAL_SIZE
        ):
            raise QemuError(f"NVMe serial {serial!r} where 1 to 20 ASCII characters are right")

    @property
    def argument(self) -> str:
        """What follows QEMU's `-device`; a comma within a value is doubled."""
        serial = f"spdm{self.port}" if self.serial is None else self.serial.replace(",", ",,")
        function = f".{self.function:#x}" if self.function else ""
        place = f"{self.slot:#x}{function}"
        return f"{self.kind},serial={serial},addr={place},spdm_port={self.port}"


def command_line(
    devices: Sequence[QemuDevice], *, qemu: str = QEMU, extra: Sequence[str] = ()
) -> list[str]:
    """The command that starts a q35 machine with these devices; `extra` arguments come last.

    Raises QemuError when two devices want the same function of a slot, or no device is function 0.
    """
    places: dict[tuple[int, int], int] = {}
    for number, device in enumerate(devices):
        other = places.setdefault((device.slot, device.function), number)
        if other != number:
            place = f"{device.slot}.{device.function}" if device.function else f"{device.slot}"
            raise QemuError(f"devices {other} and {number} both want PCI slot {place}")
    divided = {slot for slot, function in places if function}
    for slot in sorted(divided):
        if (slot, 0) not in places:
            raise QemuError(f"PCI slot {slot} has further functions where function 0 is lacking")
    arguments: list[str] = []
    for device in devices:
        head = device.slot in divided and not device.function
        arguments += ["-device", device.argument + (",multifunction=on" if head else "")]
    return [qemu, "-M", "q35", *arguments, *extra]


def qemu_version(qemu: str = QEMU) -> tuple[int, ...] | None:
    """The version of a QEMU, such as (10, 0, 2); None when there is none that tells it."""
    command = [qemu, "--version"]
    try:
        ran = subprocess.run(  # noqa: S603 - the caller names the program, no shell reads it
            command, capture_output=True, text=True, timeout=_VERSION_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(ran.stdout)
    return tuple(int(part) for part in match[1].split(".")) if match else None


def version_problem(qemu: str = QEMU) -> str | None:
    """Why this QEMU cannot be used, with what to install; None when it can."""
    version = qemu_version(qemu)
    if version is None:
        return f"{qemu} cannot be run. {INSTALL_HINT}"
    if version < MINIMUM:
        return f"{qemu} is version {'.'.join(map(str, version))}. {INSTALL_HINT}"
    return None
