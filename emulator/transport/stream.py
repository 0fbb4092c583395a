"""What a connection's bytes are cut into, told by the first of them."""

from collections.abc import Iterable
from typing import Protocol

from emulator.errors import FrameError
from emulator.transport import tcp
from emulator.transport.spdm_socket import (
    HEADER_SIZE,
    MAX_PAYLOAD,
    Frame,
    FrameReader,
    payload_size,
)


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

    def __init__(self, *, max_payload: int = MAX_PAYLOAD) -> None:
        """`max_payload`: the largest payload of a frame taken, bytes."""
        self._first = b""
        self._chosen: Reader | None = None
        self._max_payload = max_payload

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
            largest = self._max_payload
            self._chosen = (
                tcp.TcpReader(largest=largest)
                if tcp.begins(self._first)
                else FrameReader(max_payload=largest)
            )
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


class Cutter:
    """Cuts a stream where its frames end, so that a reader can be given one at a time."""

    def __init__(self) -> None:
        self._header = b""
        self._missing = 0
        self._alone: bool | None = None

    def cut(self, data: bytes, start: int) -> tuple[int, bool]:
        """Where the frame that `data[start:]` goes on with ends in `data`, and whether it does.

        A frame that has not come as a whole ends behind `data`, and goes on with the next.
        """
        if not self._missing:
            header = self._header + data[start : start + HEADER_SIZE - len(self._header)]
            if self._alone is None and len(header) >= tcp.HEADER_SIZE:
                self._alone = tcp.begins(header)
            if len(header) < (tcp.HEADER_SIZE if self._alone else HEADER_SIZE):
                self._header = header
                return len(data), False
            size = tcp.stated_size(header) if self._alone else HEADER_SIZE + payload_size(header)
            # A length that does not cover its header ends the connection: any cut will do.
            self._missing = max(size - len(self._header), 1)
            self._header = b""
        end = start + self._missing
        if end > len(data):
            self._missing = end - len(data)
            return len(data), False
        self._missing = 0
        return end, True
