"""The root port's side of a link: what it asks of the memory behind the device's port.

A flow yields TLPs as bytes, `OnLink`, and is sent the bytes of the next TLP that came, where it
waits for one.
"""

from typing import Self

from emulator.errors import LinkError, PeerError
from emulator.link import End, TlpKind, Verdict, memory_read, memory_write
from emulator.link.tlp import DWORD, MAX_DWORDS
from emulator.requester.flow import Flow

LARGEST = MAX_DWORDS * DWORD
"""The most bytes that one TLP carries."""


class OnLink(bytes):
    """Bytes that go over the link, rather than to the device's mailbox; none: nothing goes.

    Attributes:
        awaited: the next TLP that comes is waited for.
    """

    awaited: bool

    def __new__(cls, tlp: bytes, *, awaited: bool = False) -> Self:
        """A TLP."""
        made = super().__new__(cls, tlp)
        made.awaited = awaited
        return made


def write(root: End, address: int, data: bytes, *, trusted: bool = False) -> Flow[None]:
    """Write whole DWORDs; nobody says whether they arrive.

    Raises LinkError where the stream they belong to is Insecure.
    """
    for at in range(0, len(data), LARGEST):
        tlp = memory_write(address + at, data[at : at + LARGEST])
        for raw in root.send(tlp, trusted=trusted):
            yield OnLink(raw)


def read(root: End, address: int, size: int, *, tag: int = 1, trusted: bool = False) -> Flow[bytes]:
    """Read whole DWORDs, at most 4096 bytes.

    Raises PeerError where the completion brings no data, and LinkError where the stream is
    Insecure, or becomes so by what came, and where what goes out protected is answered unprotected.
    """
    asked = memory_read(address, size // DWORD, tag=tag, requester=root.requester)
    protected = root.stream_for(asked) is not None
    *before, last = root.send(asked, trusted=trusted)
    for raw in before:
        yield OnLink(raw)
    came = yield OnLink(last, awaited=True)
    while True:
        received = root.receive(came)
        tlp = received.tlp
        if tlp is None:
            raise LinkError(f"{received.verdict.value}: {received.reason}")
        if tlp.kind is TlpKind.COMPLETION and tlp.tag == tag:
            if protected and received.verdict is not Verdict.PROTECTED:
                raise LinkError(f"{asked}: completed without IDE, under which it was asked")
            break
        came = yield OnLink(b"", awaited=True)
    if tlp.status or len(tlp.data) != size:
        raise PeerError(f"{asked}: completed with status {tlp.status}, {len(tlp.data)} bytes")
    return tlp.data
