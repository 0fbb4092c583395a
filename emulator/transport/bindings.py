"""Every binding, by the command and transport type of the frames that carry it.

Numbers collide: transport type 3 is TCP to DMTF's emulators, and SCSI to QEMU's storage commands.
So a binding is found by both. What is not listed here is answered with command UNKNOWN.
"""

from emulator.transport.binding import Binding
from emulator.transport.doe import DOE
from emulator.transport.mctp import MCTP
from emulator.transport.none import NONE
from emulator.transport.spdm_socket import Command
from emulator.transport.tcp import TCP

ALL: tuple[Binding, ...] = (DOE, MCTP, TCP, NONE)

BY_NUMBERS: dict[tuple[int, int], Binding] = {
    (Command.NORMAL.value, binding.transport.value): binding for binding in ALL
}

BY_NAME: dict[str, Binding] = {binding.name: binding for binding in ALL}
