"""What of a device's changes is an event of the DMTF's, and what it tells."""

from collections.abc import Iterator, Mapping

from emulator.device.changes import CertificateChange, Change, MeasurementChange
from emulator.device.slots import Slot
from emulator.spdm.messages.events import DETAIL_SIZES, EventType


def happenings(change: Change, slots: Mapping[int, Slot]) -> Iterator[tuple[EventType, bytes]]:
    """The events of a change: their types and details.

    Alias certificates are issued anew with the measurements, so that they change with them.
    """
    if isinstance(change, MeasurementChange):
        kind = EventType.MEASUREMENT_CHANGED
        if change.pending:
            kind = EventType.MEASUREMENT_PRE_UPDATE
        yield kind, _bits(kind, change.index)
        aliases = [number for number, slot in slots.items() if slot.renew is not None]
        if aliases and not change.pending and not change.of_state:
            yield EventType.CERTIFICATE_CHANGED, _bits(EventType.CERTIFICATE_CHANGED, *aliases)
    elif isinstance(change, CertificateChange):
        yield EventType.CERTIFICATE_CHANGED, _bits(EventType.CERTIFICATE_CHANGED, change.slot)


def _bits(kind: EventType, *numbers: int) -> bytes:
    """A bit for each number: of a measurement's index, or of a slot."""
    return sum(1 << one for one in numbers).to_bytes(DETAIL_SIZES[kind], "little")
