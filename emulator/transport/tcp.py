"""SPDM over TCP (DSP0287): in frames of the spdm-socket protocol, or alone on a connection.

    length u16 LE, from the version on | binding version u8 | message type u8 | message

libspdm writes and takes only a length of 0 in messages that are a header alone, where the length's
rule gives 2: 0 is sent here, either is taken. Sources: libspdm
`include/industry_standard/spdm_tcp_binding.h`, `library/spdm_transport_tcp_lib/libspdm_tcp_tcp.c`;
spdm-emu `spdm_emu/spdm_requester_emu/spdm_requester_tcp.c` (Role-Inquiry).
"""

import struct
from collections.abc import Iterator
from enum import IntEnum

from emulator.errors import FrameError, FrameTooLarge
from emulator.spdm import secured
from emulator.transport.binding import Binding, BindingError, Kind, Unwrapped
from emulator.transport.spdm_socket import Command, Frame, TransportType

_HEADER = struct.Struct("<HBB")
HEADER_SIZE = _HEADER.size
VERSION = 1
DEFAULT_PORT = 4194
"""The port registered for SPDM over TCP, and spdm-emu's default."""

_COUNTED = 2
"""Bytes of the header that the length counts: version and type."""


class MessageType(IntEnum):
    """What a message is; from TOO_LARGE on they are errors."""

    OUT_OF_SESSION = 0x05
    IN_SESSION = 0x06
    ROLE_INQUIRY = 0xBF
    TOO_LARGE = 0xC0
    NOT_SUPPORTED = 0xC1
    CANNOT_OPERATE_AS_REQUESTER = 0xC2
    CANNOT_OPERATE_AS_RESPONDER = 0xC3


def control(kind: MessageType) -> bytes:
    """A message that is a header alone: a Role-Inquiry or an error."""
    return _HEADER.pack(0, VERSION, kind)


def _name(kind: int) -> str:
    known = kind in MessageType.__members__.values()
    return f"0x{kind:02x}" + (f" ({MessageType(kind).name})" if known else "")


def _size(length: int) -> int:
    """The whole size of a message by its length field."""
    return length + _COUNTED if length else HEADER_SIZE


class TcpBinding(Binding):
    """Transport type 3 with command NORMAL; QEMU's storage commands use that number for SCSI."""

    name = "tcp"
    unit = "TCP message"
    transport = TransportType.TCP
    largest = 0xFFFF - _COUNTED
    records = secured.TCP

    def wrap(self, message: bytes) -> bytes:
        """The message behind its header; the length of one that is too large does not fit it."""
        return _wrapped(MessageType.OUT_OF_SESSION, message)

    def wrap_record(self, record: bytes) -> bytes:
        """The record behind its header."""
        return _wrapped(MessageType.IN_SESSION, record)

    def unwrap(self, payload: bytes) -> Unwrapped:
        """What follows the header.

        A peer that asks to be the responder is told that this end is no requester; an unknown
        type is answered NOT_SUPPORTED, an error never.
        """
        kind = _checked(payload)
        if len(payload) > HEADER_SIZE:
            if kind == MessageType.OUT_OF_SESSION:
                return Unwrapped(Kind.MESSAGE, payload[HEADER_SIZE:])
            if kind == MessageType.IN_SESSION:
                return Unwrapped(Kind.SECURED, payload[HEADER_SIZE:])
        elif kind in (MessageType.OUT_OF_SESSION, MessageType.IN_SESSION):
            raise _malformed("a header without a message", "a message behind the header")
        if kind == MessageType.ROLE_INQUIRY:
            answer = control(MessageType.CANNOT_OPERATE_AS_REQUESTER)
            return Unwrapped(Kind.OWN, answer, "Role-Inquiry: this end is a responder")
        if kind >= MessageType.TOO_LARGE:
            raise BindingError(
                f"TCP error message {_name(kind)}",
                field="type",
                found=_name(kind),
                expected=_name(MessageType.OUT_OF_SESSION),
            )
        answer = control(MessageType.NOT_SUPPORTED)
        return Unwrapped(Kind.OWN, answer, f"TCP message of type 0x{kind:02x}")


def _wrapped(kind: MessageType, data: bytes) -> bytes:
    return _HEADER.pack((len(data) + _COUNTED) & 0xFFFF, VERSION, kind) + data


def _checked(payload: bytes) -> int:
    """The type of a message whose header fits. Raises BindingError."""
    if len(payload) < HEADER_SIZE:
        size = f"{len(payload)} bytes where a header takes {HEADER_SIZE}"
        raise _malformed(size, "one whole message")
    length, version, kind = _HEADER.unpack_from(payload)
    if version != VERSION:
        raise BindingError(
            f"TCP binding version {version}", field="version", found=version, expected=VERSION
        )
    if _size(length) != len(payload):
        size = f"its length says {_size(length)} bytes, it has {len(payload)}"
        raise _malformed(size, "one whole message")
    return int(kind)


def _malformed(found: str, expected: str) -> BindingError:
    return BindingError(
        f"malformed TCP message: {found}", field="length", found=found, expected=expected
    )


def stated_size(header: bytes | bytearray) -> int:
    """The whole size of a message, by the length in its header of 4 bytes."""
    return _size(_HEADER.unpack_from(header)[0])


def begins(data: bytes) -> bool:
    """Whether a connection that begins with these four bytes speaks TCP messages alone.

    No command of the spdm-socket protocol looks like a header: they are all below 0x10000, and
    none of them has 01 for its third byte.
    """
    _, version, kind = _HEADER.unpack_from(data)
    return version == VERSION and kind in MessageType.__members__.values()


class TcpReader:
    """Cuts a stream of TCP messages apart; each comes as the frame it would have travelled in."""

    def __init__(self, *, largest: int = 0xFFFF + _COUNTED) -> None:
        """`largest`: the largest message taken, bytes, its header included."""
        self._buffer = bytearray()
        self._largest = largest

    @property
    def pending(self) -> int:
        """Bytes of a message that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes and yield the messages they complete, headers included.

        Raises FrameError for a length that does not even cover the header, or that exceeds what is
        taken: the stream cannot be followed on.
        """
        self._buffer += data
        while len(self._buffer) >= HEADER_SIZE:
            length, _, _ = _HEADER.unpack_from(self._buffer)
            if 0 < length < _COUNTED:
                raise FrameError(f"a TCP message of length {length}, less than its header")
            end = stated_size(self._buffer)
            if end > self._largest:
                raise FrameTooLarge(
                    f"a TCP message of {end} bytes, at most {self._largest} are taken"
                )
            if len(self._buffer) < end:
                return
            message = bytes(self._buffer[:end])
            del self._buffer[:end]
            yield Frame(Command.NORMAL, TransportType.TCP, message)

    @staticmethod
    def pack(frame: Frame) -> bytes:
        """The bytes of a frame: its message alone. No response is no bytes."""
        return frame.payload


TCP = TcpBinding()
