"""The middle on the link: TLPs between the root port and the device.

Headers are in the clear, under IDE too, so that it can tell what is what; what it reads, changes
or answers itself is the same with IDE and without. What comes of it is not.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from emulator.errors import FrameError, LinkError
from emulator.link import Tlp, TlpKind, completion
from emulator.link.frames import LinkFrame, LinkReader, pack
from emulator.link.stream import Prefix
from emulator.link.tlp import DWORD, decode_tlp, encode_tlp, header_size
from emulator.mitm.listening import Listening
from emulator.mitm.middle import Deed, Mode

FORGED = b"says the middle."
"""What a read is answered with in the device's place, over and over."""

_READ = 1 << 16


def seen(raw: bytes) -> Tlp | None:
    """What anyone on the way can tell of a TLP: its header, and its payload where it is clear."""
    prefix = Prefix.read(raw)
    body = raw if prefix is None else raw[len(prefix.raw) :]
    try:
        size = header_size(body)
        dwords = int.from_bytes(body[2:4], "big") & 0x3FF
        data = body[size : size + dwords * DWORD] if body[0] & 0x40 else b""
        return decode_tlp(body[:size], data)
    except (LinkError, IndexError):
        return None


class Line:
    """One root port's link, as the middle has it."""

    def __init__(self, mode: Mode, told: Callable[[Deed], None]) -> None:
        self._mode = mode
        self._told = told

    def downstream(self, frame: LinkFrame) -> tuple[list[bytes], list[bytes]]:
        """A TLP of the root port: what goes on to the device, and what goes back at once."""
        self._read(frame)
        if self._mode is not Mode.RELAY:
            return [pack(*frame)], []
        asked = seen(frame.tlp)
        if asked is None or asked.kind is not TlpKind.MEMORY_READ:
            return [], []
        data = (FORGED * (asked.dwords * DWORD // len(FORGED) + 1))[: asked.dwords * DWORD]
        answer = b"".join(encode_tlp(completion(asked, data)))
        self._told(Deed("forged", "completion", answer))
        return [], [pack(frame.port, answer)]

    def upstream(self, frame: LinkFrame) -> list[bytes]:
        """A TLP of the device: what the root port gets."""
        self._read(frame)
        if self._mode is not Mode.TAMPER_LINK:
            return [pack(*frame)]
        changed = bytearray(frame.tlp)
        changed[-1] ^= 1
        self._told(Deed("altered", "a TLP", bytes(changed)))
        return [pack(frame.port, bytes(changed))]

    def _read(self, frame: LinkFrame) -> None:
        known = seen(frame.tlp)
        self._told(Deed("read", "a TLP" if known is None else str(known.kind.value), frame.tlp))


class LineProxy(Listening):
    """Listens for root ports, and stands between each of them and the device's link."""

    def __init__(
        self, device: tuple[str, int], mode: Mode, told: Callable[[Deed], None] = lambda _: None
    ) -> None:
        """Stand before the link that listens at this address; `told` hears of each deed."""
        super().__init__()
        self._device = device
        self._mode = mode
        self._told = told

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(self._mode, self._told)
        try:
            onward, device = await asyncio.open_connection(*self._device)
        except OSError as error:
            self._told(Deed("failed", f"the device's link: {error.strerror or error}"))
            writer.close()
            return

        def down(frame: LinkFrame) -> None:
            forward, back = line.downstream(frame)
            device.writelines(forward)
            writer.writelines(back)

        def up(frame: LinkFrame) -> None:
            writer.writelines(line.upstream(frame))

        ways = [
            asyncio.create_task(_carry(reader, device, down)),
            asyncio.create_task(_carry(onward, writer, up)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await _closed((device, writer))


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, take: Callable[[LinkFrame], None]
) -> None:
    """Carry one way's TLPs until its end."""
    frames = LinkReader()
    with contextlib.suppress(OSError, FrameError):
        while data := await reader.read(_READ):
            for frame in frames.feed(data):
                take(frame)
            await writer.drain()


async def _closed(writers: Iterable[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
