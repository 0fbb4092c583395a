"""Transaction layer packets, as far as the link model needs them: data to and from memory.

Headers are PCIe's own of non-flit mode: three or four DWORDs, most significant byte first. Payloads
are whole DWORDs, all bytes enabled. Of the fields in DWORD 0 only the format, the type and the
length are ever other than 0.
"""

import struct
from dataclasses import dataclass
from enum import Enum

from emulator.errors import LinkError
from emulator.link.keys import SubStream

DWORD = 4
MAX_DWORDS = 1024
_WITH_DATA = 0x40
_LONG = 0x20  # a header of four DWORDs
_4_GIB = 1 << 32
_SUCCESSFUL = 0
UNSUPPORTED_REQUEST = 1
"""The status of a completion that has nothing to give."""


class TlpKind(Enum):
    """The kinds."""

    MEMORY_WRITE = "memory write"
    MEMORY_READ = "memory read"
    COMPLETION = "completion"
    SYNC = "IDE sync"

    @property
    def sub_stream(self) -> SubStream:
        """The sub-stream its TLPs belong to."""
        return _SUB_STREAMS[self]


_SUB_STREAMS = {
    TlpKind.MEMORY_WRITE: SubStream.PR,
    TlpKind.MEMORY_READ: SubStream.NPR,
    TlpKind.COMPLETION: SubStream.CPL,
    TlpKind.SYNC: SubStream.PR,
}
_COMPLETION_TYPE = 0x0A
_MESSAGE = 0x34  # a header of four DWORDs without data, routed to the receiver
_SYNC_CODE = 0x54
"""The message code of IDE Sync is this emulator's choice: no public source was found."""


@dataclass(frozen=True, kw_only=True)
class Tlp:
    """One TLP.

    Attributes:
        kind: what it is.
        requester: Requester ID: bus, device and function.
        tag: which request it is, or answers.
        address: of memory, a multiple of 4.
        data: what is written or was read.
        dwords: of a read: how many are asked for.
        completer: Completer ID of a completion.
        status: of a completion: 0 for success.
        counters: of an IDE sync: how many posted TLPs went before it, as NPR and CPL count them.
    """

    kind: TlpKind
    requester: int = 0
    tag: int = 0
    address: int = 0
    data: bytes = b""
    dwords: int = 0
    completer: int = 0
    status: int = _SUCCESSFUL
    counters: tuple[int, int] = (0, 0)

    def __str__(self) -> str:
        if self.kind is TlpKind.COMPLETION:
            result = f"{len(self.data)} bytes" if self.status == _SUCCESSFUL else "no data"
            return f"completion of tag {self.tag}: {result}"
        if self.kind is TlpKind.SYNC:
            return "IDE sync"
        size = len(self.data) or self.dwords * DWORD
        return f"{self.kind.value} of {size} bytes at 0x{self.address:x}"


def memory_write(address: int, data: bytes, *, requester: int = 0) -> Tlp:
    """A posted write."""
    return Tlp(kind=TlpKind.MEMORY_WRITE, address=address, data=data, requester=requester)


def memory_read(address: int, dwords: int, *, tag: int = 0, requester: int = 0) -> Tlp:
    """A read, which a completion answers."""
    return Tlp(
        kind=TlpKind.MEMORY_READ, address=address, dwords=dwords, tag=tag, requester=requester
    )


def completion(of: Tlp, data: bytes, *, completer: int = 0, status: int = _SUCCESSFUL) -> Tlp:
    """The answer to a read."""
    return Tlp(
        kind=TlpKind.COMPLETION,
        requester=of.requester,
        tag=of.tag,
        data=data,
        completer=completer,
        status=status,
    )


def encode_tlp(tlp: Tlp) -> tuple[bytes, bytes]:
    """Header and payload. Raises LinkError for what no header can say."""
    if len(tlp.data) % DWORD or tlp.address % DWORD:
        raise LinkError(f"a {tlp} where addresses and data are whole DWORDs")
    dwords = len(tlp.data) // DWORD or tlp.dwords
    if dwords > MAX_DWORDS:
        raise LinkError(f"{dwords} DWORDs where a TLP has {MAX_DWORDS} at most")
    length = dwords % MAX_DWORDS
    if tlp.kind is TlpKind.SYNC:
        npr, cpl = tlp.counters
        head = struct.pack(">BxHHBB", _MESSAGE, 0, tlp.requester, 0, _SYNC_CODE)
        return head + struct.pack(">6xBB", npr, cpl), b""
    if tlp.kind is TlpKind.COMPLETION:
        first = _COMPLETION_TYPE | (_WITH_DATA if tlp.data else 0)
        bytes_left = tlp.status << 13 | len(tlp.data) & 0xFFF
        middle = struct.pack(">HH", tlp.completer, bytes_left)
        return _first(first, length) + middle + struct.pack(">HBB", tlp.requester, tlp.tag, 0), (
            tlp.data
        )
    if not dwords:
        raise LinkError(f"a {tlp.kind.value} of nothing")
    written = tlp.kind is TlpKind.MEMORY_WRITE
    long = tlp.address >= _4_GIB
    first = (_WITH_DATA if written else 0) | (_LONG if long else 0)
    enables = 0x0F if dwords == 1 else 0xFF
    middle = struct.pack(">HBB", tlp.requester, tlp.tag, enables)
    where = struct.pack(">Q" if long else ">I", tlp.address)
    return _first(first, length) + middle + where, tlp.data


def _first(first: int, length: int) -> bytes:
    """DWORD 0."""
    return struct.pack(">BxH", first, length)


def header_size(raw: bytes) -> int:
    """Bytes of the header that begins `raw`. Raises LinkError where it is cut off."""
    size = 16 if raw[:1] and raw[0] & _LONG else 12
    if len(raw) < size:
        raise LinkError(f"a TLP of {len(raw)} bytes, shorter than its header")
    return size


def decode_tlp(header: bytes, data: bytes) -> Tlp:
    """The TLP of a header and its payload. Raises LinkError for one that is not known here."""
    first, length = struct.unpack_from(">BxH", header)
    dwords = length or MAX_DWORDS
    kind = first & ~(_WITH_DATA | _LONG)
    has_data = bool(first & _WITH_DATA)
    if has_data and len(data) != dwords * DWORD:
        raise LinkError(f"a TLP of {dwords} DWORDs with {len(data)} bytes")
    if not has_data and data:
        raise LinkError(f"{len(data)} bytes behind a TLP without data")
    if first == _MESSAGE and header[7] == _SYNC_CODE:
        requester = int.from_bytes(header[4:6], "big")
        return Tlp(kind=TlpKind.SYNC, requester=requester, counters=(header[14], header[15]))
    if kind == _COMPLETION_TYPE and not first & _LONG:
        completer, left, requester, tag = struct.unpack_from(">HHHB", header, 4)
        return Tlp(
            kind=TlpKind.COMPLETION,
            completer=completer,
            status=left >> 13,
            requester=requester,
            tag=tag,
            data=data,
        )
    if kind:
        raise LinkError(f"a TLP of the type 0x{first:02x}, which this link does not carry")
    requester, tag = struct.unpack_from(">HB", header, 4)
    (address,) = struct.unpack_from(">Q" if first & _LONG else ">I", header, 8)
    return Tlp(
        kind=TlpKind.MEMORY_WRITE if has_data else TlpKind.MEMORY_READ,
        requester=requester,
        tag=tag,
        address=address & ~3,
        data=data,
        dwords=0 if has_data else dwords,
    )
