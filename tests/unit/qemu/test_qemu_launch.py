"""The command line, and what is said of a QEMU that will not do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.qemu.launch import (
    INSTALL_HINT,
    NVME_IDENTITY,
    QemuDevice,
    QemuError,
    command_line,
    qemu_version,
    version_problem,
)


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    """Writes a shell script and returns its path."""

    def write(text: str) -> str:
        path = tmp_path / "qemu"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return write


def test_a_command_line_has_every_device() -> None:
    devices = [QemuDevice(2323), QemuDevice(2324, slot=16, serial="a,b")]
    assert command_line(devices, qemu="/usr/local/bin/qemu", extra=["-m", "1G"]) == [
        "/usr/local/bin/qemu",
        "-M",
        "q35",
        "-device",
        "nvme,serial=spdm2323,addr=0x4,spdm_port=2323",
        "-device",
        "nvme,serial=a,,b,addr=0x10,spdm_port=2324",
        "-m",
        "1G",
    ]


def test_functions_share_a_slot() -> None:
    devices = [QemuDevice(1), QemuDevice(2, function=1), QemuDevice(3, slot=5)]
    assert command_line(devices)[3:] == [
        "-device",
        "nvme,serial=spdm1,addr=0x4,spdm_port=1,multifunction=on",
        "-device",
        "nvme,serial=spdm2,addr=0x4.0x1,spdm_port=2",
        "-device",
        "nvme,serial=spdm3,addr=0x5,spdm_port=3",
    ]
    with pytest.raises(QemuError, match="PCI slot 4 has further functions where function 0"):
        command_line(devices[1:])
    with pytest.raises(QemuError, match=r"devices 1 and 2 both want PCI slot 4\.1"):
        command_line([*devices[:2], QemuDevice(4, function=1)])


def test_two_devices_in_one_slot_are_refused() -> None:
    devices = [QemuDevice(1, slot=5), QemuDevice(2), QemuDevice(3, slot=5)]
    with pytest.raises(QemuError, match="devices 0 and 2 both want PCI slot 5"):
        command_line(devices)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: QemuDevice(0), "port 0 where 1 to 65535 are right"),
        (lambda: QemuDevice(65536), "port 65536 where"),
        (lambda: QemuDevice(1, slot=0), "PCI slot 0 where 1 to 30"),
        (lambda: QemuDevice(1, slot=31), "PCI slot 31 where 1 to 30"),
        (lambda: QemuDevice(1, function=8), "function 8 where 0 to 7"),
        (lambda: QemuDevice(1, kind="e1000e"), "'e1000e' where only 'nvme' carries SPDM"),
        (lambda: QemuDevice(1, serial=""), "serial '' where 1 to 20"),
        (lambda: QemuDevice(1, serial="x" * 21), "where 1 to 20 ASCII characters"),
        (lambda: QemuDevice(1, serial="tab\t"), "where 1 to 20 ASCII characters"),
        (lambda: QemuDevice(1, serial="µ"), "where 1 to 20 ASCII characters"),
    ],
)
def test_a_device_that_cannot_be_is_refused(make: Callable[[], QemuDevice], words: str) -> None:
    with pytest.raises(QemuError, match=words):
        make()


def test_the_identity_is_the_one_linux_knows() -> None:
    assert NVME_IDENTITY.san == "Vendor=1b36:Device=0010:CC=010802:REV=02:SSVID=1af4:SSID=1100"


@pytest.mark.parametrize(
    ("told", "version", "problem"),
    [
        ("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)", (10, 0, 2), None),
        ("QEMU emulator version 9.1", (9, 1), None),
        ("QEMU emulator version 9.0.93", (9, 0, 93), "is version 9.0.93. "),
        ("QEMU emulator version 7.2.22 (Debian)", (7, 2, 22), "is version 7.2.22. "),
        ("something else", None, "cannot be run. "),
    ],
)
def test_a_version_is_read_and_judged(
    program: Callable[[str], str],
    told: str,
    version: tuple[int, ...] | None,
    problem: str | None,
) -> None:
    qemu = program(f"echo '{told}'")
    assert qemu_version(qemu) == version
    assert version_problem(qemu) == (problem and f"{qemu} {problem}{INSTALL_HINT}")


def test_a_qemu_that_is_not_there_has_no_version(tmp_path: Path) -> None:
    assert qemu_version(str(tmp_path / "none")) is None
