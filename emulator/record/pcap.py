"""The classic pcap format, for tools that read nothing newer, such as DMTF's spdm-dump.

It knows neither directions, connections, devices nor comments. One file has one link type;
spdm-dump takes no packet that is empty or longer than 65536 bytes.
Sources: draft-ietf-opsawg-pcap; spdm-dump `spdm_dump/spdm_dump_pcap.c`.
"""

import struct
from collections.abc import Iterator

from emulator.record.packet import Packet

SNAP_LENGTH = 0x10000
"""The longest packet, bytes; what is longer is cut off."""

_MICROSECONDS = 0xA1B2C3D4
_NANOSECONDS = 0xA1B23C4D
_HEADER = "IHHiIII"
_PACKET = "IIII"
_LINK_MASK = 0x0FFFFFFF
_BILLION = 10**9

MAGICS: dict[bytes, tuple[str, int]] = {
    struct.pack(order + "I", magic): (order, unit)
    for order in "<>"
    for magic, unit in ((_MICROSECONDS, 1000), (_NANOSECONDS, 1))
}
"""A file's first four bytes: its byte order, and its unit of time in nanoseconds."""


class Malformed(Exception):
    """The bytes at `offset` cannot be read."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset


class PcapEncoder:
    """Writes packets one after the other."""

    def __init__(self) -> None:
        self._link: int | None = None

    def start(self) -> bytes:
        """Nothing yet: the header states the link type, which the first packet tells."""
        return b""

    def encode(self, packet: Packet) -> bytes:
        """The packet's bytes; none for what the format cannot hold."""
        if not packet.data or self._link not in (None, packet.link):
            return b""
        header = b""
        if self._link is None:
            self._link = packet.link
            header = struct.pack("<" + _HEADER, _MICROSECONDS, 2, 4, 0, 0, SNAP_LENGTH, packet.link)
        seconds, rest = divmod(packet.time, _BILLION)
        kept = packet.data[:SNAP_LENGTH]
        sizes = (len(kept), len(packet.data))
        return header + struct.pack("<" + _PACKET, seconds, rest // 1000, *sizes) + kept


def read(data: bytes) -> Iterator[Packet]:
    """The packets of a file that begins with one of MAGICS. Raises Malformed."""
    order, unit = MAGICS[data[:4]]
    header, packet = struct.Struct(order + _HEADER), struct.Struct(order + _PACKET)
    if len(data) < header.size:
        raise Malformed(0, f"{len(data)} bytes where a pcap header takes {header.size}")
    link = header.unpack_from(data)[-1] & _LINK_MASK
    at = header.size
    while at < len(data):
        if len(data) - at < packet.size:
            raise Malformed(at, f"{len(data) - at} bytes where a packet's header takes 16")
        seconds, parts, size, _ = packet.unpack_from(data, at)
        end = at + packet.size + size
        if end > len(data):
            left = len(data) - at - packet.size
            raise Malformed(at, f"a packet of {size} bytes is cut off after {left}")
        yield Packet(
            seconds * _BILLION + parts * unit, link, data[at + packet.size : end], offset=at
        )
        at = end
