"""A real QEMU with this package's devices behind it: starting it, and its DOE mailboxes.

No guest runs. QEMU is started with its processors stopped, and the qtest protocol makes the
accesses to configuration space that a guest's driver would make.
"""

from emulator.qemu.launch import (
    INSTALL_HINT,
    NVME_IDENTITY,
    QemuDevice,
    QemuError,
    command_line,
    qemu_version,
    version_problem,
)
from emulator.qemu.mailbox import MailboxError, MailboxStatus, MailboxTimeout, QemuMailbox
from emulator.qemu.pcie import PcieError
from emulator.qemu.process import QemuProcess
from emulator.qemu.qtest import QtestError, QtestTimeout

__all__ = [
    "INSTALL_HINT",
    "NVME_IDENTITY",
    "MailboxError",
    "MailboxStatus",
    "MailboxTimeout",
    "PcieError",
    "QemuDevice",
    "QemuError",
    "QemuMailbox",
    "QemuProcess",
    "QtestError",
    "QtestTimeout",
    "command_line",
    "qemu_version",
    "version_problem",
]
