"""A real QEMU with this package's devices behind it: starting it, and its DOE mailboxes.

No guest runs. QEMU is started with its processors stopped, and the qtest protocol makes the
accesses to configuration space that a guest's driver would make.
"""

from emulator.client.config_space import PcieError
from emulator.client.mailbox import MailboxError, MailboxStatus, MailboxTimeout
from emulator.qemu.launch import (
    INSTALL_HINT,
    NVME_IDENTITY,
    QemuDevice,
    QemuError,
    command_line,
    qemu_version,
    version_problem,
)
from emulator.qemu.mailbox import QemuMailbox
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
