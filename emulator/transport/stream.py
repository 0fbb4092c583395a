"""What a connection's bytes are cut into, told by the first of them."""

from collections.abc import Iterable
from typing import Protocol

from emulator.errors import FrameError
from emulator.transport import tcp
from emulator.transport.spdm_socket import Frame, FrameReader


class Reader(Protocol):
    """One way to put frames into a stream: `FrameReader`, `TcpReader`."""

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not complete yet."""
        ...

    def feed(self, data: bytes) -> Iterable[Frame]:
        """Take bytes and give the frames they complete. Raises FrameError."""
        ...

    def pack(self, frame: Frame) -> bytes:
        """The bytes of a frame; none where this stream has no such frame."""
        ...


class AnyReader:
    """Frames of the spdm-socket protocol, or TCP messages alone, as the peer begins."""

    def __init__(self) -> None:
        self._first = b""
        self._chosen: Reader | None = None

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return len(self._first) if self._chosen is None else self._chosen.pending

    def feed(self, data: bytes) -> Iterable[Frame]:
        """Take bytes and give the frames they complete. Raises FrameError."""
        if self._chosen is None:
            self._first += data
            if len(self._first) < tcp.HEADER_SIZE:
                return ()
            self._chosen = tcp.TcpReader() if tcp.begins(self._first) else FrameReader()
            data, self._first = self._first, b""
        return self._chosen.feed(data)

    @property
    def framed(self) -> bool:
        """Whether the peer speaks frames of the spdm-socket protocol."""
        return not isinstance(self._chosen, tcp.TcpReader)

    def whole(self, data: bytes) -> bool:
        """Whether `data` is whole frames and nothing more, in the way the peer speaks."""
        reader = FrameReader() if self.framed else tcp.TcpReader()
        try:
            return any([*reader.feed(data)]) and not reader.pending
        except FrameError:
            return False

    def pack(self, frame: Frame) -> bytes:
        """The bytes of a frame, in the way the peer speaks."""
        return frame.to_bytes() if self._chosen is None else self._chosen.pack(frame)
