"""A device behind the kernel's MCTP stack (Linux AF_MCTP): an endpoint of this machine's buses.

The kernel puts the message type in front of what is sent and takes it off what comes, so a datagram
here is the SPDM message alone; it also makes the tag, and gives the socket only what answers it.
Python's `socket` opens such a socket but knows no addresses of it, hence `sendto` and `recvfrom` of
the C library.

Sources: Linux `include/uapi/linux/mctp.h`, `net/mctp/af_mctp.c`,
`Documentation/networking/mctp.rst`.
"""

import asyncio
import ctypes
import errno
import os
import re
import socket
import struct
from typing import NamedTuple, Protocol, Self

from emulator.client.socket import TIMEOUT
from emulator.errors import BrokenReply, EmulatorError, NoResponse
from emulator.transport.mctp import MCTP, MctpBinding

MCTP_TARGET = "mctp:"
"""What a host begins with that is an MCTP endpoint."""

AF_MCTP = 45
"""The address family; `socket` of Python has no name for it."""

TAG_OWNER = 0x08
"""Tag bit for a request: the kernel chooses the tag, and the reply comes back under it."""

_ADDRESS = struct.Struct("=HHIBBBx")
"""sockaddr_mctp: family, padding, network, endpoint, message type, tag, padding."""

_ADDRESS_ROOM = 128
"""Bytes for any family's address (`sockaddr_storage`)."""

_TARGET = re.compile(r"(?:(\d+),)?(\d+|0x[0-9a-f]+)", re.IGNORECASE)
_MAX_NETWORK = 0xFFFF_FFFF
_FIRST_EID = 8
_LAST_EID = 254
_LARGEST = 0x1_0000
"""The largest message that is taken, bytes: more than a kernel of today sends."""

_UNSUPPORTED = {errno.EAFNOSUPPORT, errno.ESOCKTNOSUPPORT, errno.EPROTONOSUPPORT}
_MICROSECONDS = 1_000_000


class MctpError(EmulatorError):
    """The endpoint cannot be reached from here: no route, no device, not allowed."""


class MctpUnsupported(MctpError):
    """The kernel has no MCTP."""


class EndpointAddress(NamedTuple):
    """An endpoint: its number in a network; network 0 is the system's default one."""

    network: int
    eid: int

    @property
    def text(self) -> str:
        """As it is given to `attest`."""
        return f"{MCTP_TARGET}{self.network},{self.eid}"

    def packed(self, kind: int, tag: int) -> bytes:
        """The kernel's `sockaddr_mctp` for messages of type `kind`."""
        return _ADDRESS.pack(AF_MCTP, 0, self.network, self.eid, kind, tag)


def endpoint_address(text: str) -> EndpointAddress:
    """What `EID` or `NETWORK,EID` says. Raises ValueError for anything else."""
    found = _TARGET.fullmatch(text)
    if found is not None:
        made = EndpointAddress(int(found[1] or 0), int(found[2], 0))
        if made.network <= _MAX_NETWORK and _FIRST_EID <= made.eid <= _LAST_EID:
            return made
    raise ValueError(
        f"{text!r} where an MCTP endpoint from {_FIRST_EID} to {_LAST_EID} is needed, such as 9,"
        " or 1,9 with its network"
    )


class Datagrams(Protocol):
    """A socket whose datagrams have addresses in the C library's form."""

    def sendto(self, data: bytes, address: bytes) -> None:
        """Send one datagram. Raises OSError."""
        ...

    def recvfrom(self, size: int) -> tuple[bytes, bytes]:
        """One datagram of at most `size` bytes and where it is from; raises OSError."""
        ...

    def close(self) -> None:
        """Close the socket."""
        ...


class OpenSocket:
    """`Datagrams` of the kernel, by the C library's own calls."""

    def __init__(self, family: int, *, timeout: float) -> None:
        """Open a datagram socket; `timeout` is how long `recvfrom` waits, seconds.

        Raises OSError.
        """
        self._library = ctypes.CDLL(None, use_errno=True)
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        whole, part = divmod(max(1, round(timeout * _MICROSECONDS)), _MICROSECONDS)
        # Not `settimeout`, which would make the socket itself one that never waits.
        limit = struct.pack("@ll", whole, part)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)

    def fileno(self) -> int:
        """The descriptor."""
        return self._socket.fileno()

    def sendto(self, data: bytes, address: bytes) -> None:
        """Send one datagram to `address`, a packed `sockaddr`. Raises OSError."""
        size = ctypes.c_size_t(len(data))
        _checked(self._library.sendto(self.fileno(), data, size, 0, address, len(address)))

    def recvfrom(self, size: int) -> tuple[bytes, bytes]:
        """One datagram and the packed `sockaddr` it is from.

        Raises OSError, EAGAIN where none comes in time.
        """
        data = ctypes.create_string_buffer(size)
        address = ctypes.create_string_buffer(_ADDRESS_ROOM)
        length = ctypes.c_uint32(_ADDRESS_ROOM)
        count = self._library.recvfrom(
            self.fileno(), data, ctypes.c_size_t(size), 0, address, ctypes.byref(length)
        )
        return data.raw[: _checked(count)], address.raw[: length.value]

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _checked(result: int) -> int:
    """What a call of the C library returned. Raises the OSError it means."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


class MctpChannel:
    """A channel to one endpoint. Exchanges are made in a thread, which waits in the kernel."""

    def __init__(self, datagrams: Datagrams, address: EndpointAddress, *, timeout: float) -> None:
        """Speak to `address`; `timeout` is that of `datagrams`, for messages."""
        self._datagrams = datagrams
        self._address = address
        self._timeout = timeout
        self._broken = ""

    @classmethod
    def open(cls, address: EndpointAddress, *, timeout: float = TIMEOUT) -> Self:
        """Open a socket for `address`; `timeout` is for each reply, seconds.

        Raises MctpUnsupported where the kernel has no MCTP, MctpError where it gives no socket.
        """
        try:
            datagrams = OpenSocket(AF_MCTP, timeout=timeout)
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                raise MctpUnsupported(
                    "this kernel has no MCTP sockets (AF_MCTP); Linux has them since 5.15, built "
                    "with CONFIG_MCTP"
                ) from error
            raise MctpError(f"cannot open an MCTP socket: {error.strerror or error}") from error
        return cls(datagrams, address, timeout=timeout)

    @property
    def binding(self) -> MctpBinding:
        """Messages behind their type."""
        return MCTP

    async def exchange(self, payload: bytes) -> bytes:
        """Send a message, its type first, and return the one that answers it.

        Raises NoResponse where none comes in time, which ends the channel: what came later would
        be taken for the answer to something else. Raises MctpError where it cannot be sent,
        BrokenReply for one of somebody else's.
        """
        if self._broken:
            raise NoResponse(self._broken)
        return await asyncio.to_thread(self._exchange, payload)

    async def close(self) -> None:
        """Close the socket."""
        self._broken = "the channel is closed"
        self._datagrams.close()

    def _exchange(self, payload: bytes) -> bytes:
        kind, message = payload[0], payload[1:]
        try:
            self._datagrams.sendto(message, self._address.packed(kind, TAG_OWNER))
            reply, address = self._datagrams.recvfrom(_LARGEST)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                self._broken = f"no reply from {self._address.text} within {self._timeout:g} s"
                raise NoResponse(self._broken) from error
            reason = error.strerror or str(error)
            raise MctpError(f"{self._address.text}: {reason}") from error
        _, _, _, eid, found, _ = _ADDRESS.unpack(address)
        if eid != self._address.eid:
            raise BrokenReply("MCTP message", "source", found=eid, expected=self._address.eid)
        if found != kind:
            expected = f"0x{kind:02x}"
            raise BrokenReply("MCTP message", "type", found=f"0x{found:02x}", expected=expected)
        return bytes((found,)) + reply
