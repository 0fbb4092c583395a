"""Operations on sessions."""

from collections.abc import Callable
from functools import partial

from emulator.control.desk import Desk
from emulator.control.operation import OfDevices, operation
from emulator.device import Device
from emulator.device.sessions import Sessions


class UpdateKeys(OfDevices):
    """Which devices take new keys."""


@operation("sessions.key-update", UpdateKeys, changes=True)
def update_keys(desk: Desk, arguments: UpdateKeys) -> dict[str, int]:
    """Ask for a new key of the device's in every established session; how many each has.

    A requester is asked once it sends GET_ENCAPSULATED_REQUEST in its session.
    """
    return _ask(desk, arguments, Sessions.ask_new_keys)


class AskEndpointInfo(OfDevices):
    """Which devices ask what their requesters are."""


@operation("sessions.endpoint-info", AskEndpointInfo, changes=True)
def ask_endpoint_info(desk: Desk, arguments: AskEndpointInfo) -> dict[str, int]:
    """Ask in every established session what the requester is; how many each has.

    A requester is asked once it sends GET_ENCAPSULATED_REQUEST in its session; what it tells is an
    event `requester.endpoint`.
    """
    return _ask(desk, arguments, Sessions.ask_endpoint_info)


def _ask(desk: Desk, arguments: OfDevices, ask: Callable[[Sessions], int]) -> dict[str, int]:
    asked: dict[str, int] = {}
    for served in desk.devices(arguments.devices):
        counts: list[int] = []
        served.apply(partial(_count, ask=ask, counts=counts))
        asked[served.name] = sum(counts)
    return asked


def _count(device: Device, *, ask: Callable[[Sessions], int], counts: list[int]) -> None:
    counts.append(ask(device.sessions))
