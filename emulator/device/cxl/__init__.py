"""What a CXL device has beside a PCIe device: keys for CXL.cachemem, and its memory's security."""

from dataclasses import dataclass, field

from emulator.device.cxl.ide import CxlDirection, CxlIde, CxlKey, CxlPort
from emulator.device.cxl.tsp import Configuration, Target, TargetCapabilities, TspState


@dataclass
class Cxl:
    """The CXL side of a device.

    Attributes:
        ide: its ports' keys.
        target: its memory; None: it has no TSP.
    """

    ide: CxlIde = field(default_factory=CxlIde)
    target: Target | None = None

    def reset(self) -> None:
        """A conventional reset."""
        self.ide.reset()
        if self.target is not None:
            self.target.reset()


__all__ = [
    "Configuration",
    "Cxl",
    "CxlDirection",
    "CxlIde",
    "CxlKey",
    "CxlPort",
    "Target",
    "TargetCapabilities",
    "TspState",
]
