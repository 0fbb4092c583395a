"""What is behind a device's port: memory, and the completions of what is read from it."""

from emulator.errors import LinkError
from emulator.link.end import End, Received, Verdict
from emulator.link.tlp import DWORD, UNSUPPORTED_REQUEST, Tlp, TlpKind, completion

MEMORY = 0x10000
"""Bytes of a device's memory unless its profile says otherwise."""


class Memory:
    """Bytes from address 0 on, zeros at first; what is never written takes no room.

    Attributes:
        size: how many bytes there are.
    """

    def __init__(self, size: int = MEMORY) -> None:
        self.size = size
        self._dwords: dict[int, bytes] = {}

    def holds(self, address: int, size: int) -> bool:
        """Whether all of these bytes are in it."""
        return address >= 0 and address + size <= self.size

    def write(self, address: int, data: bytes) -> None:
        """Write whole DWORDs."""
        for at in range(0, len(data), DWORD):
            self._dwords[address + at] = data[at : at + DWORD]

    def read(self, address: int, size: int) -> bytes:
        """Read whole DWORDs."""
        zero = bytes(DWORD)
        return b"".join(self._dwords.get(at, zero) for at in range(address, address + size, DWORD))

    def clear(self) -> None:
        """All zeros."""
        self._dwords.clear()


class Completer:
    """A port that lets what comes reach its memory, and answers what is read.

    A request that came unprotected reaches the memory only where its port would not protect it
    either: where no stream is enabled that takes it. Writes elsewhere than to memory are dropped,
    reads completed as Unsupported Requests.
    """

    def __init__(self, end: End, memory: Memory) -> None:
        self._end = end
        self._memory = memory

    def receive(self, raw: bytes) -> tuple[Received, tuple[bytes, ...]]:
        """Take the bytes of a TLP: what became of it, and what goes back.

        Raises LinkError for bytes that are no TLP.
        """
        received = self._end.receive(raw)
        tlp = received.tlp
        if tlp is None or not self._admitted(received, tlp):
            return received, ()
        if tlp.kind is TlpKind.MEMORY_WRITE and self._memory.holds(tlp.address, len(tlp.data)):
            self._memory.write(tlp.address, tlp.data)
        if tlp.kind is not TlpKind.MEMORY_READ:
            return received, ()
        size = tlp.dwords * DWORD
        known = self._memory.holds(tlp.address, size)
        answer = completion(
            tlp,
            self._memory.read(tlp.address, size) if known else b"",
            completer=self._end.requester,
            status=0 if known else UNSUPPORTED_REQUEST,
        )
        try:
            return received, self._end.send(answer, trusted=received.trusted)
        except LinkError:
            return received, ()  # its stream is Insecure: nothing goes in the clear

    def _admitted(self, received: Received, tlp: Tlp) -> bool:
        """Whether a TLP may reach the memory."""
        if received.verdict is Verdict.PROTECTED:
            return True
        return self._end.stream_for(tlp) is None
