"""The fastest honest requester: canned requests over a blocking socket, one write a frame.

It verifies nothing, so what is measured is the device.
"""

import socket
import struct
from typing import Self

from emulator.spdm.algorithms import HASHES, SIGNATURES, by_name
from emulator.spdm.codes import Code
from emulator.transport import doe
from emulator.transport.spdm_socket import Command, Frame, TransportType

_HEADER = struct.Struct(">III")
_DOE_HEADER = 8
_VERSION = 0x12
_SIZE = 0x1200 - 8
_TIMEOUT = 10.0
"""Seconds; a device that is silent for so long is stuck."""


def frame(message: bytes) -> bytes:
    """A whole frame around an SPDM message."""
    return Frame(Command.NORMAL, TransportType.PCI_DOE, doe.spdm_object(message)).to_bytes()


GET_VERSION = frame(bytes((0x10, Code.GET_VERSION, 0, 0)))
GET_CAPABILITIES = frame(
    bytes((_VERSION, Code.GET_CAPABILITIES, 0, 0))
    + struct.pack("<BBHIII", 0, 20, 0, 6, _SIZE, _SIZE)
)
GET_DIGESTS = frame(bytes((_VERSION, Code.GET_DIGESTS, 0, 0)))
CHALLENGE = frame(bytes((_VERSION, Code.CHALLENGE, 0, 0)) + bytes(32))
GET_ALL_SIGNED = frame(bytes((_VERSION, Code.GET_MEASUREMENTS, 1, 0xFF)) + bytes(33))


def get_certificate(offset: int) -> bytes:
    """GET_CERTIFICATE of slot 0 from `offset`."""
    return frame(bytes((_VERSION, Code.GET_CERTIFICATE, 0, 0)) + struct.pack("<HH", offset, 0xFFFF))


def negotiate(asym: str, hash_name: str) -> bytes:
    """NEGOTIATE_ALGORITHMS offering one of each, and DMTF measurements."""
    fixed = struct.pack(
        "<HBBII", 32, 1, 2, by_name(SIGNATURES, asym).bit, by_name(HASHES, hash_name).bit
    )
    return frame(bytes((_VERSION, Code.NEGOTIATE_ALGORITHMS, 0, 0)) + fixed + bytes(16))


class Client:
    """A blocking connection."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port), timeout=_TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def raw(self, request: bytes) -> bytes:
        """Send a frame and return the reply's payload."""
        self._socket.sendall(request)
        data = self._receive(b"", _HEADER.size)
        size = _HEADER.unpack_from(data)[2] + _HEADER.size
        return self._receive(data, size)[_HEADER.size :]

    def _receive(self, data: bytes, size: int) -> bytes:
        """Receive until there are `size` bytes; one call for what comes in one piece."""
        while len(data) < size:
            # The reference sends a frame in pieces: without this it would be measured as slow as
            # our delayed acknowledgements.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            more = self._socket.recv(65536)
            if not more:
                raise ConnectionError(f"the peer left after {len(data)} of {size} bytes")
            data += more
        return data

    def ask(self, request: bytes) -> bytes:
        """Send a frame and return the SPDM reply. Raises RuntimeError for an ERROR."""
        message = self.raw(request)[_DOE_HEADER:]
        if not message or message[1] == Code.ERROR:
            raise RuntimeError(f"the device answered {message[:4].hex()} to {request[20:24].hex()}")
        return message

    def connect(self, asym: str, hash_name: str) -> None:
        """GET_VERSION to NEGOTIATE_ALGORITHMS."""
        for request in (GET_VERSION, GET_CAPABILITIES, negotiate(asym, hash_name)):
            self.ask(request)

    def attest(self, asym: str, hash_name: str) -> None:
        """GET_VERSION to CHALLENGE, certificates included."""
        self.connect(asym, hash_name)
        self.ask(GET_DIGESTS)
        offset = 0
        while True:
            reply = self.ask(get_certificate(offset))
            portion, left = struct.unpack_from("<HH", reply, 4)
            offset += portion
            if not left:
                break
        self.ask(CHALLENGE)
