"""The DOE mailbox of a function in QEMU.

QEMU asks the device inside the write of GO and answers that write when the device has answered: a
slow device shows as a slow GO, never as BUSY. Only where no response is to come (the device's frame
was empty, or QEMU discarded the object) does the polling run into its deadline. Discovery is
answered by QEMU itself. When QEMU is gone an exchange raises QtestError.

Source: QEMU `hw/pci/pcie_doe.c`.
"""

from emulator.client.mailbox import Mailbox, MailboxTimeout
from emulator.qemu.qtest import QtestTimeout


class QemuMailbox(Mailbox):
    """One DOE mailbox; exchanges of several tasks take turns."""

    async def _go(self) -> None:
        try:
            await super()._go()
        except QtestTimeout as error:
            raise MailboxTimeout(f"QEMU waits for the device: {error}", None) from error
