"""What carries data objects to a device."""

from typing import Protocol


class Channel(Protocol):
    """A way to one device's DOE mailbox; one exchange at a time."""

    async def exchange(self, data_object: bytes) -> bytes:
        """Send a whole DOE object and return the whole one that answers it.

        Raises NoResponse where nothing comes back, PeerError where it is no answer.
        """
        ...

    async def close(self) -> None:
        """Leave the device; nothing is exchanged afterwards."""
        ...
