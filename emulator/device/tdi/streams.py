"""IDE streams as interfaces see them."""

from emulator.device.ide import Ide
from emulator.device.tdi.interfaces import Interfaces
from emulator.link import Stream, StreamEvent
from emulator.spdm.session import Session


class IdeStreams:
    """The streams of a device, which its interfaces hear of.

    A stream is known to interfaces by its Stream ID alone: of ports that have the same, one that is
    Secure is enough.
    """

    def __init__(self, ide: Ide, interfaces: Interfaces) -> None:
        """Let `interfaces` ask about the streams of `ide`, and tell them which are lost."""
        self._ide = ide
        self._interfaces = interfaces
        interfaces.streams = self
        for stream in ide.streams():
            stream.changed.append(self._changed)

    def keyed(self, stream: int, session: Session | None) -> bool:
        """Whether the stream is Secure, by keys of this session."""
        return self._ide.owner is session and self._secure(stream)

    def _secure(self, stream: int) -> bool:
        return any(one.secure and one.id == stream for one in self._ide.streams())

    def _changed(self, stream: Stream, event: StreamEvent) -> None:
        del event
        if not self._secure(stream.id):
            self._interfaces.stream_lost(stream.id)
