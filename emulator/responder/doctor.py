"""A connection's doctor: gathers what mistakes are made with, and costs little."""

from dataclasses import dataclass

from emulator.device import Device
from emulator.errors import SpdmError
from emulator.spdm.chunking import HANDLES
from emulator.spdm.connection import Connection
from emulator.spdm.doctor import Diagnosis, Known, UnprovenError, diagnose, misread
from emulator.spdm.transcript import Part

VISITS = 8
"""How often a connection's peer is told what its mistake is: each time costs milliseconds."""


@dataclass(slots=True)
class Doctor:
    """The doctor of one connection.

    Attributes:
        device: the device whose sessions it looks into.
        left: how often it still does.
    """

    device: Device
    left: int = VISITS

    def look(
        self, error: SpdmError | None, connection: Connection, largest: int | None
    ) -> Diagnosis | None:
        """What explains the error, before its session is over; None where it does not look.

        `largest`: the largest message that the transport can carry; None: any.
        """
        if not isinstance(error, UnprovenError) or not self._comes():
            return None
        asym, device = connection.algorithms.asym, self.device
        held = [
            slot.chain(asym.name, device.measurements) for slot in device.slots.values() if asym
        ]
        transcript = connection.transcript
        rooms = (connection.peer_data_transfer_size, device.sizes.transmit, largest)
        known = Known(
            chains=tuple(chain for chain in held if chain is not None),
            said=transcript.former or transcript.part(Part.B),
            room=min(filter(None, rooms), default=0),
            handle=(connection.handle - 1) % HANDLES,
        )
        return diagnose(error.case, known)

    def stray(self, record: bytes, connection: Connection) -> Diagnosis | None:
        """What explains a record of no session there is."""
        found = misread(record, connection.sessions) if self.device.sessions.doctor else None
        return found if found is not None and self._comes() else None

    def _comes(self) -> bool:
        if not self.device.sessions.doctor or not self.left:
            return False
        self.left -= 1
        return True
