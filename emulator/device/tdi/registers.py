"""The configuration registers of a function that its interface depends on.

Source: PCI Express Base Specification 6.2, section 11.2.6, whose table says for each architected
register whether a change is allowed under a lock. Those that are allowed anyway are not listed.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Register:
    """A register that is watched.

    Attributes:
        name: what profiles, commands and events call it.
        msi_x: it counts only where the MSI-X table is locked.
    """

    name: str
    msi_x: bool = False


REGISTERS = {
    register.name: register
    for register in (
        Register("memory-space-enable"),
        Register("bus-master-enable"),
        Register("bist"),
        Register("base-address"),
        Register("expansion-rom"),
        Register("power-state"),
        Register("device-control"),
        Register("msi-x", msi_x=True),
        Register("enhanced-allocation"),
        Register("resizable-bar"),
        Register("ari"),
        Register("pasid"),
        Register("multicast"),
        Register("page-request"),
        Register("sr-iov"),
    )
}
"""The registers by their names."""
