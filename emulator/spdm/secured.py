"""Secured messages: the records that carry what is said inside a session (DSP0277).

    session id u32 LE | sequence number, n bytes LE | length u16 LE | body | tag, 16 bytes

`length` counts body and tag. In an encrypted session the body is the ciphertext of application
length u16 LE, application message and random bytes, and the first three fields are the associated
data. In a session that only authenticates, the body is the application message itself, and is
associated data too. What differs between transports is a `Format`. The nonce is the direction's
IV xor the sequence number. Source: libspdm
`library/spdm_secured_message_lib/libspdm_secmes_encode_decode.c`.

A record that cannot be opened raises DecryptError and changes nothing.
"""

from dataclasses import dataclass
from typing import Literal

from emulator.crypto.aead import NONCE_SIZE, TAG_SIZE, Aead
from emulator.entropy import Entropy
from emulator.errors import DecryptError, EmulatorError

SEQUENCE_LIMIT = 0xFFFFFFFFFFFFFFFF
"""No record has this sequence number or a higher one, whatever was agreed."""

LARGEST = 0xFFFF
"""Bytes that the lengths of a record can count."""

_SESSION_SIZE = 4
_LENGTH_SIZE = 2
_SEQUENCE_SIZE = 8


@dataclass(frozen=True)
class Format:
    """How a transport writes records.

    Attributes:
        name: the transport's binding.
        sequence_size: bytes of the sequence number on the wire, its lowest.
        max_random: the most random bytes behind an encrypted message; a sender adds at least one.
        enclosed: what stands before an SPDM message inside a record, its size left out.
        sized: the record's inner header starts with the size of what follows it, u16 LE.
    """

    name: str
    sequence_size: int
    max_random: int
    enclosed: bytes = b""
    sized: bool = False

    def enclose(self, message: bytes) -> bytes:
        """The application message that carries an SPDM message."""
        inner = self.enclosed + message
        return len(inner).to_bytes(2, "little") + inner if self.sized else inner

    def message(self, inner: bytes) -> bytes | None:
        """The SPDM message of an application message, or None where that carries another."""
        start = _LENGTH_SIZE if self.sized else 0
        end = start + len(self.enclosed)
        if len(inner) < end or inner[start:end] != self.enclosed:
            return None
        if self.sized and int.from_bytes(inner[:start], "little") != len(inner) - start:
            return None
        return inner[end:]

    def header_size(self) -> int:
        """Bytes before the body."""
        return _SESSION_SIZE + self.sequence_size + _LENGTH_SIZE


DOE = Format("doe", 0, 0)
"""libspdm `include/library/spdm_transport_pcidoe_lib.h`."""

MCTP = Format("mctp", 2, 32, b"\x05")
"""Inside stands the message type, SPDM (`spdm_transport_mctp_lib.h`, DSP0276)."""

TCP = Format("tcp", 0, 0, b"\x01\x05", sized=True)
"""Inside stands the whole header of the binding: payload length, binding version 1, message type
outside of a session (`spdm_tcp_binding.h`, DSP0287)."""


@dataclass(slots=True)
class Traffic:
    """One direction of a session under one key.

    Attributes:
        aead: the key.
        iv: the IV.
        sequence: the number of the next record.
        limit: the first number that no record may have.
        order: how the sequence number lies in the nonce. Secured messages 1.2 say little-endian;
            earlier versions leave it open, and libspdm takes the same by default.
    """

    aead: Aead
    iv: bytearray
    sequence: int = 0
    limit: int = SEQUENCE_LIMIT
    order: Literal["little", "big"] = "little"

    @property
    def exhausted(self) -> bool:
        """Whether the key has no number left; only a new key, or the session's end, helps."""
        return self.sequence >= self.limit

    def nonce(self) -> bytes:
        """The nonce of the next record."""
        number = int.from_bytes(self.iv, self.order) ^ self.sequence
        return number.to_bytes(NONCE_SIZE, self.order)

    def wipe(self) -> None:
        """Overwrite the IV."""
        self.iv[:] = bytes(len(self.iv))


@dataclass(frozen=True, slots=True)
class Sealer:
    """How records of one session are made and read.

    Attributes:
        session: the session id: the responder's half above the requester's.
        form: how the transport writes them.
        encrypted: the session encrypts; otherwise it only authenticates.
    """

    session: int
    form: Format
    encrypted: bool

    def overhead(self) -> int:
        """The most bytes a record has beyond its application message."""
        inside = _LENGTH_SIZE + self.form.max_random if self.encrypted else 0
        return self.form.header_size() + inside + TAG_SIZE

    def seal(self, traffic: Traffic, inner: bytes, entropy: Entropy) -> bytes:
        """The record of an application message, the next of its direction.

        Raises EmulatorError where the message is too large for a record, or the key has no
        sequence number left: both are to be seen before.
        """
        if traffic.exhausted:
            raise EmulatorError(f"session {self.session:08x} has no sequence number left")
        body = self._body(inner, entropy) if self.encrypted else inner
        header = self._header(traffic, len(body) + TAG_SIZE)
        nonce = traffic.nonce()
        if self.encrypted:
            record = header + traffic.aead.seal(nonce, header, body)
        else:
            record = header + body + traffic.aead.seal(nonce, header + body, b"")
        traffic.sequence += 1
        return record

    def open(self, traffic: Traffic, record: bytes) -> bytes:
        """The application message of a record, which must be the next of its direction.

        Bytes that follow the record are the transport's. Raises DecryptError.
        """
        if traffic.exhausted:
            raise DecryptError(f"session {self.session:08x} has no sequence number left")
        start = self.form.header_size()
        header = record[:start]
        if len(record) < start + TAG_SIZE:
            raise DecryptError(f"a record of {len(record)} bytes; {start + TAG_SIZE} are the least")
        length = int.from_bytes(header[-_LENGTH_SIZE:], "little")
        if header != self._header(traffic, length):
            found = header[:-_LENGTH_SIZE].hex()
            raise DecryptError(
                f"a record headed {found} where session {self.session:08x} is at record"
                f" {traffic.sequence}"
            )
        end = start + length
        if not TAG_SIZE <= length <= len(record) - start:
            raise DecryptError(f"a record's length {length}, {len(record) - start} bytes follow")
        nonce = traffic.nonce()
        if self.encrypted:
            opened = traffic.aead.open(nonce, header, record[start:end])
        else:
            body = record[start : end - TAG_SIZE]
            opened = traffic.aead.open(nonce, header + body, record[end - TAG_SIZE : end])
            opened = body if opened is not None else None
        if opened is None:
            raise DecryptError(f"record {traffic.sequence}'s tag is wrong")
        inner = self._inner(opened) if self.encrypted else opened
        traffic.sequence += 1
        return inner

    def _header(self, traffic: Traffic, length: int) -> bytes:
        if length > LARGEST:
            raise EmulatorError(
                f"{length} bytes are too many for one record, {LARGEST} are the most"
            )
        size = self.form.sequence_size
        number = traffic.sequence.to_bytes(_SEQUENCE_SIZE, "little")[:size]
        session = self.session.to_bytes(_SESSION_SIZE, "little")
        return session + number + length.to_bytes(_LENGTH_SIZE, "little")

    def _body(self, inner: bytes, entropy: Entropy) -> bytes:
        """Length, message and random bytes."""
        if len(inner) > LARGEST:
            raise EmulatorError(f"{len(inner)} bytes are too many for one record")
        head = len(inner).to_bytes(_LENGTH_SIZE, "little")
        if not self.form.max_random:
            return head + inner
        drawn = entropy.bytes(1 + self.form.max_random, label="record padding")
        return head + inner + drawn[1 : 2 + drawn[0] % self.form.max_random]

    def _inner(self, body: bytes) -> bytes:
        """The message of a body."""
        length = int.from_bytes(body[:_LENGTH_SIZE], "little")
        end = _LENGTH_SIZE + length
        if len(body) < _LENGTH_SIZE or len(body) < end:
            raise DecryptError(f"an application length {length} in {len(body)} bytes")
        return body[_LENGTH_SIZE:end]
