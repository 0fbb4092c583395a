"""Writing a recording while devices are served."""

import logging
from collections.abc import Callable
from typing import BinaryIO, Protocol

from emulator.device import Device
from emulator.record.packet import Packet
from emulator.record.pcap import PcapEncoder
from emulator.record.pcapng import PcapngEncoder

log = logging.getLogger(__name__)

LIMIT = 256 << 20
"""Bytes after which a recording ends, where nothing else is said."""


class Encoder(Protocol):
    """A format to write."""

    def start(self) -> bytes:
        """What a file begins with."""
        ...

    def encode(self, packet: Packet) -> bytes:
        """A packet's bytes, or none where the format cannot hold it."""
        ...


ENCODERS: dict[str, Callable[[], Encoder]] = {"pcapng": PcapngEncoder, "pcap": PcapEncoder}
"""The formats that can be written, by name."""


class Recorder:
    """Writes packets to a stream, each of them flushed, up to a limit.

    What cannot be written ends the recording and never what is recorded.

    Attributes:
        clock: the time in nanoseconds since 1970, UTC.
        packets: how many it has written.
        size: how many bytes it has written.
    """

    def __init__(
        self,
        stream: BinaryIO,
        encoder: Encoder,
        *,
        clock: Callable[[], int],
        limit: int = LIMIT,
        ended: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Record into `stream`, `limit` bytes at most; `ended` hears why, if it ends early."""
        self.clock = clock
        self.packets = self.size = 0
        self._stream = stream
        self._encoder = encoder
        self._left = limit
        self._stopped = False
        self._ended = ended
        self._devices: list[tuple[Device, str]] = []
        self._put(encoder.start())

    def name(self, device: Device) -> str:
        """What the recording calls a device: its name, and a number where several have it."""
        for known, label in self._devices:
            if known is device:
                return label
        count = sum(known.name == device.name for known, _ in self._devices)
        label = f"{device.name} ({count + 1})" if count else device.name
        self._devices.append((device, label))
        return label

    def write(self, packet: Packet) -> None:
        """Add a packet, if the recording goes on."""
        if not self._stopped:
            data = self._encoder.encode(packet)
            self._put(data)
            self.packets += bool(data) and not self._stopped

    def close(self) -> None:
        """Write no more: what is still told of goes nowhere."""
        self._stopped = True

    def _put(self, data: bytes) -> None:
        if len(data) > self._left:
            self._stop("its limit is reached")
            return
        self._left -= len(data)
        try:
            self._stream.write(data)
            self._stream.flush()
            self.size += len(data)
        except OSError as error:
            self._stop(error.strerror or str(error))

    def _stop(self, reason: str) -> None:
        self._stopped = True
        log.warning("recording ends here: %s; the devices go on", reason)
        self._ended(reason)
