"""The pcapng format: what is written here, and what is read of it.

A device is an interface (`if_name`); a packet has its direction in `epb_flags`, the number of its
connection in `epb_queue`, and its remarks as comments. A packet without data carries only remarks.
Source: draft-ietf-opsawg-pcapng.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from emulator import __version__
from emulator.record.packet import LinkType, Packet
from emulator.record.pcap import Malformed
from emulator.requester import Direction

MAGIC = b"\x0a\x0d\x0d\x0a"
"""A file's first four bytes, the same in either byte order."""

_SECTION, _INTERFACE, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 3, 6
_BYTE_ORDER = 0x1A2B3C4D
_ANY_LENGTH = -1
_END, _COMMENT = 0, 1
_USER_APPLICATION = 4
_IF_NAME, _IF_DESCRIPTION, _IF_TSRESOL = 2, 3, 9
_EPB_FLAGS, _EPB_QUEUE = 2, 6
_DIRECTION_MASK = 0x3
_DIRECTIONS = {Direction.REQUEST: 1, Direction.REPLY: 2}  # inbound and outbound, at the device
_NANOSECOND_DIGITS = 9
_MICROSECOND_DIGITS = 6
_BILLION = 10**9
_MIN_BLOCK = 12
_OPTION_LIMIT = 0xFFFF

_ABOUT = {LinkType.PCI_DOE: "SPDM over PCI DOE", LinkType.MCTP: "SPDM over MCTP"}


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + _MIN_BLOCK
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _options(*options: tuple[int, bytes]) -> bytes:
    if not options:
        return b""
    told = [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options]
    return b"".join(told) + struct.pack("<HH", _END, 0)


def _text(text: str) -> bytes:
    """Text as an option holds it: cut, between characters, where it is too long."""
    return text.encode()[:_OPTION_LIMIT].decode(errors="ignore").encode()


class PcapngEncoder:
    """Writes packets one after the other, and before a device's first the device."""

    def __init__(self) -> None:
        self._interfaces: dict[tuple[str, int], int] = {}

    def start(self) -> bytes:
        """The section header."""
        written_by = (_USER_APPLICATION, f"spdm-emulator {__version__}".encode())
        return _block(
            _SECTION, struct.pack("<IHHq", _BYTE_ORDER, 1, 0, _ANY_LENGTH) + _options(written_by)
        )

    def encode(self, packet: Packet) -> bytes:
        """The packet's bytes."""
        key = packet.device, packet.link
        before = b""
        if key not in self._interfaces:
            self._interfaces[key] = len(self._interfaces)
            before = self._interface(*key)
        options = [(_COMMENT, _text(comment)) for comment in packet.comments]
        if packet.direction is not None:
            flags = struct.pack("<I", _DIRECTIONS[packet.direction])
            options.append((_EPB_FLAGS, flags))
        if packet.connection:
            options.append((_EPB_QUEUE, struct.pack("<I", packet.connection)))
        high, low = divmod(packet.time, 1 << 32)
        size = len(packet.data)
        fixed = struct.pack("<IIIII", self._interfaces[key], high, low, size, size)
        return before + _block(_ENHANCED, fixed + _padded(packet.data) + _options(*options))

    @staticmethod
    def _interface(device: str, link: int) -> bytes:
        options = [(_IF_NAME, _text(device))] if device else []
        if link in _ABOUT:
            options.append((_IF_DESCRIPTION, _ABOUT[LinkType(link)].encode()))
        options.append((_IF_TSRESOL, bytes((_NANOSECOND_DIGITS,))))
        return _block(_INTERFACE, struct.pack("<HHI", link, 0, 0) + _options(*options))


@dataclass(frozen=True)
class _Interface:
    """What packets take from their interface; a second has `ticks` units of time."""

    device: str
    link: int
    ticks: int


class _Section:
    """Reads the blocks of one section."""

    def __init__(self, order: str) -> None:
        self._order = order
        self._interfaces: list[_Interface] = []

    def block(self, kind: int, body: bytes, at: int) -> Packet | None:
        """The packet in a block, if there is one. Raises Malformed; `at` is where the block is."""
        if kind == _INTERFACE:
            self._interfaces.append(self._interface(body, at))
        elif kind == _ENHANCED:
            return self._enhanced(body, at)
        elif kind == _SIMPLE:
            (size,) = self._unpack("I", body, at, "a simple packet")
            kept = body[4 : 4 + size]
            return Packet(0, self._of(0, at).link, kept, device=self._of(0, at).device, offset=at)
        return None

    def _unpack(self, code: str, body: bytes, at: int, what: str) -> tuple[int, ...]:
        fixed = struct.Struct(self._order + code)
        if len(body) < fixed.size:
            raise Malformed(at, f"{what} of {len(body)} bytes where {fixed.size} are its least")
        return fixed.unpack_from(body)

    def _of(self, number: int, at: int) -> _Interface:
        if number >= len(self._interfaces):
            known = len(self._interfaces)
            raise Malformed(at, f"a packet of interface {number} where {known} are described")
        return self._interfaces[number]

    def _interface(self, body: bytes, at: int) -> _Interface:
        link, _, _ = self._unpack("HHI", body, at, "an interface")
        device, ticks = "", 10**_MICROSECOND_DIGITS
        for code, value in self._options(body[8:], at):
            if code == _IF_NAME:
                device = value.decode(errors="replace")
            elif code == _IF_TSRESOL and value:
                exponent = value[0] & 0x7F
                ticks = 2**exponent if value[0] & 0x80 else 10**exponent
        return _Interface(device, link, ticks)

    def _enhanced(self, body: bytes, at: int) -> Packet:
        number, high, low, size, _ = self._unpack("IIIII", body, at, "a packet")
        interface = self._of(number, at)
        end = 20 + size
        if end > len(body):
            raise Malformed(at, f"a packet of {size} bytes in a block with {len(body) - 20}")
        direction, connection = None, 0
        comments: list[str] = []
        for code, value in self._options(body[end + -size % 4 :], at):
            if code == _COMMENT:
                comments.append(value.decode(errors="replace"))
            elif code == _EPB_FLAGS:
                flags = self._unpack("I", value, at, "flags")[0] & _DIRECTION_MASK
                direction = {bit: way for way, bit in _DIRECTIONS.items()}.get(flags)
            elif code == _EPB_QUEUE:
                (connection,) = self._unpack("I", value, at, "a queue's number")
        return Packet(
            ((high << 32) + low) * _BILLION // interface.ticks,
            interface.link,
            body[20:end],
            direction,
            interface.device,
            connection,
            tuple(comments),
            at,
        )

    def _options(self, data: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        """Each option's code and value; they may end without an end."""
        place = 0
        while place < len(data):
            code, size = self._unpack("HH", data[place:], at, "an option")
            if code == _END:
                return
            value = data[place + 4 : place + 4 + size]
            if len(value) < size:
                raise Malformed(at, f"option {code} of {size} bytes with {len(value)} left")
            yield code, value
            place += 4 + size + -size % 4


def _byte_order(data: bytes, at: int) -> str:
    """How the section at `at` orders its bytes."""
    mark = data[at + 8 : at + _MIN_BLOCK]
    for order in "<>":
        if mark == struct.pack(order + "I", _BYTE_ORDER):
            return order
    raise Malformed(at, f"byte-order mark {mark.hex() or '(none)'} where 4d3c2b1a is")


def read(data: bytes) -> Iterator[Packet]:
    """The packets of a file that begins with MAGIC. Raises Malformed."""
    order, at = "<", 0
    section = _Section(order)
    while at < len(data):
        left = len(data) - at
        if left < _MIN_BLOCK:
            raise Malformed(at, f"{left} bytes where the least block takes {_MIN_BLOCK}")
        if data[at : at + 4] == MAGIC:
            order = _byte_order(data, at)
            section = _Section(order)
        kind, size = struct.unpack_from(order + "II", data, at)
        if size < _MIN_BLOCK or size % 4:
            raise Malformed(at, f"a block of {size} bytes: not a multiple of 4 from 12 on")
        if size > left:
            raise Malformed(at, f"a block of {size} bytes is cut off after {left}")
        (again,) = struct.unpack_from(order + "I", data, at + size - 4)
        if again != size:
            raise Malformed(at, f"a block of {size} bytes that says {again} at its end")
        packet = section.block(kind, data[at + 8 : at + size - 4], at)
        if packet is not None:
            yield packet
        at += size
