"""What carries wrapped messages to a device."""

from typing import Protocol

from emulator.transport.binding import Binding


class Channel(Protocol):
    """A way to one device; one exchange at a time."""

    @property
    def binding(self) -> Binding:
        """What messages are wrapped in here; DOE objects to a mailbox."""
        ...

    async def exchange(self, payload: bytes) -> bytes:
        """Send a whole payload of `binding` and return the whole one that answers it.

        Raises NoResponse where nothing comes back, PeerError where it is no answer.
        """
        ...

    async def close(self) -> None:
        """Leave the device; nothing is exchanged afterwards."""
        ...
