"""A device with fault rules, as a raw client of its endpoint sees it."""

from typing import Any

from devices import GET_VERSION, device, frame, spdm_frame

from emulator.device import Device
from emulator.endpoint import Action, Endpoint, Event, Faulted, Send
from emulator.entropy import Seeded
from emulator.faults import Faults, Rule, arm

VERSION = bytes.fromhex("1004000000020012 0013")
"""What the device answers to GET_VERSION."""

OBJECT = bytes.fromhex("0100 01 00 05000000") + VERSION + bytes(2)
"""That as a data object."""

NO_RESPONSE = frame()


def rule(*do: Any, name: str = "odd", **rest: Any) -> Rule:
    """A rule on GET_VERSION, where nothing else is said."""
    return Rule.model_validate(
        {"name": name, "on": {"message": "GET_VERSION"}, "do": list(do), **rest}
    )


class Wired:
    """Connections to one device with rules."""

    def __init__(self, *rules: Rule, to: Device | None = None) -> None:
        self.device = device() if to is None else to
        self.faults: Faults = arm(self.device, rules, Seeded("faults"))
        self.events: list[Event] = []
        self.connect()

    def connect(self) -> None:
        """Leave the connection and begin the next."""
        self.endpoint = Endpoint(self.device, observer=self.events.append)

    def actions(self, request: bytes = spdm_frame(GET_VERSION), now: float = 0.0) -> list[Action]:
        """What comes of a frame."""
        return self.endpoint.receive(request, now)

    def sent(self, request: bytes = spdm_frame(GET_VERSION)) -> bytes:
        """All the bytes that answer a frame."""
        return b"".join(one.data for one in self.actions(request) if isinstance(one, Send))

    @property
    def told(self) -> list[str]:
        """What the device's log says of faults."""
        return [str(event.fault) for event in self.events if isinstance(event, Faulted)]
