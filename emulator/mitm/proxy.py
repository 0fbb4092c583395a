"""The middle on a socket: hosts connect here, and each gets a connection to the device."""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

from emulator.entropy import Entropy
from emulator.errors import FrameError
from emulator.mitm.listening import Listening
from emulator.mitm.middle import Deed, Middle, Mode, Passing
from emulator.tcp import quickack, set_nodelay
from emulator.transport.spdm_socket import Command, Frame, FrameReader

_READ = 65536
_RETRY = 0.05
"""Seconds between attempts to reach a device that does not listen yet."""


class _Stream:
    """Frames over one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._frames = FrameReader()
        self._waiting: list[Frame] = []
        set_nodelay(writer.get_extra_info("socket"))
        self._rearm = quickack(writer.get_extra_info("socket"))

    async def receive(self) -> Frame | None:
        """The next frame, or None at the end. Raises FrameError."""
        while not self._waiting:
            with contextlib.suppress(OSError):
                self._rearm()
            data = await self._reader.read(_READ)
            if not data:
                return None
            self._waiting.extend(self._frames.feed(data))
        return self._waiting.pop(0)

    async def send(self, frame: Frame) -> None:
        """Write a frame in one piece."""
        self._writer.write(frame.to_bytes())
        await self._writer.drain()

    async def close(self) -> None:
        """Close."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


class Proxy(Listening):
    """Listens for hosts, and stands between each of them and the device.

    Attributes:
        deeds: what it did, in order.
    """

    def __init__(
        self,
        device: tuple[str, int],
        mode: Mode,
        entropy: Entropy,
        told: Callable[[int, Deed], None] = lambda *_: None,
        *,
        wait: float = 0.0,
    ) -> None:
        """Stand before a device.

        Args:
            device: its address.
            mode: what to do.
            entropy: where keys of its own are drawn.
            told: hears of each connection's deeds.
            wait: how long a device that refuses connections is tried again, seconds.
        """
        super().__init__()
        self.deeds: list[Deed] = []
        self._device = device
        self._mode = mode
        self._entropy = entropy
        self._told = told
        self._wait = wait
        self._count = 0

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one host's frames; whoever leaves, or breaks the frames, ends both connections."""
        self._count += 1
        number, host = self._count, _Stream(reader, writer)
        middle = Middle(
            self._mode, self._entropy.fork(f"connection {number}"), partial(self._did, number)
        )
        device: _Stream | None = None
        try:
            device = _Stream(*await self._reached())
            while (frame := await host.receive()) is not None:
                passing = middle.take(frame, asyncio.get_running_loop().time())
                answer = await self._pass(passing, device)
                if answer is None:
                    break
                await host.send(answer)
                if frame.command == Command.SHUTDOWN:
                    break
        except (OSError, FrameError) as error:
            self._did(number, Deed("failed", str(error)))
        finally:
            for stream in (host, device):
                if stream is not None:
                    await stream.close()

    async def _reached(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the device. Raises OSError."""
        until = asyncio.get_running_loop().time() + self._wait
        while True:
            try:
                return await asyncio.open_connection(*self._device)
            except ConnectionRefusedError:
                if asyncio.get_running_loop().time() >= until:
                    raise
                await asyncio.sleep(_RETRY)

    @staticmethod
    async def _pass(passing: Passing, device: _Stream) -> Frame | None:
        """What the host gets; None where the device has left."""
        try:
            request = next(passing)
            while True:
                await device.send(request)
                answer = await device.receive()
                if answer is None:
                    return None
                request = passing.send(answer)
        except StopIteration as stop:
            result: Frame = stop.value
            return result
        finally:
            passing.close()

    def _did(self, number: int, deed: Deed) -> None:
        self.deeds.append(deed)
        self._told(number, deed)
