"""Operations on sessions."""

from functools import partial

from emulator.control.desk import Desk
from emulator.control.operation import OfDevices, operation
from emulator.device import Device


class UpdateKeys(OfDevices):
    """Which devices take new keys."""


@operation("sessions.key-update", UpdateKeys, changes=True)
def update_keys(desk: Desk, arguments: UpdateKeys) -> dict[str, int]:
    """Ask for a new key of the device's in every established session; how many each has.

    A requester is asked once it sends GET_ENCAPSULATED_REQUEST in its session.
    """
    asked: dict[str, int] = {}
    for served in desk.devices(arguments.devices):
        counts: list[int] = []
        served.apply(partial(_ask, counts=counts))
        asked[served.name] = sum(counts)
    return asked


def _ask(device: Device, counts: list[int]) -> None:
    counts.append(device.sessions.ask_new_keys())
