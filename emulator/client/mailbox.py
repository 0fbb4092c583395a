"""A DOE mailbox in configuration space, worked as a host's driver works it.

An object is written DWORD by DWORD, GO is set, the status register is polled until READY, and the
reply is read, each DWORD acknowledged by a write. A mailbox that failed is aborted, as Linux does
it, so one bad reply does not spoil the next exchange; the error keeps the status as it was.

Sources: PCIe base specification 6.30 (registers, and one second for a response); Linux
`drivers/pci/doe.c`.
"""

import asyncio
import contextlib
import struct
from dataclasses import dataclass

from emulator.client.config_space import ConfigSpace
from emulator.errors import EmulatorError, NoResponse, PeerError
from emulator.transport import doe
from emulator.transport.binding import Binding

RESPONSE_TIME = 1.0
"""Seconds a mailbox has for its response, and for an abort."""

_CONTROL = 0x08
_STATUS = 0x0C
_WRITE = 0x10
_READ = 0x14
_ABORT = 1 << 0
_GO = 1 << 31
_BUSY = 1 << 0
_INTERRUPT = 1 << 1
_ERROR = 1 << 2
_READY = 1 << 31
_FLAGS = {_BUSY: "BUSY", _INTERRUPT: "INTERRUPT", _ERROR: "ERROR", _READY: "READY"}

_POLL = 0.01
_BATCH = 512
_HEADER_DWORDS = doe.HEADER_SIZE // doe.DWORD
_DISCOVERED = struct.Struct("<HBB")


@dataclass(frozen=True)
class MailboxStatus:
    """The DOE Status register."""

    word: int

    @property
    def busy(self) -> bool:
        """The mailbox takes nothing now."""
        return bool(self.word & _BUSY)

    @property
    def error(self) -> bool:
        """The mailbox failed, and needs an abort."""
        return bool(self.word & _ERROR)

    @property
    def ready(self) -> bool:
        """A data object is there to be read."""
        return bool(self.word & _READY)

    @property
    def idle(self) -> bool:
        """A new object may be written."""
        return not (self.busy or self.error or self.ready)

    def __str__(self) -> str:
        names = [name for bit, name in _FLAGS.items() if self.word & bit]
        return f"0x{self.word:08x} ({' '.join(names) or 'idle'})"


class MailboxError(PeerError):
    """An exchange failed.

    Attributes:
        status: the status register when it failed; None when nobody could read it.
    """

    def __init__(self, reason: str, status: MailboxStatus | None) -> None:
        super().__init__(reason if status is None else f"{reason}; DOE status {status}")
        self.status = status


class MailboxTimeout(MailboxError, NoResponse):
    """No response came in time."""


class Mailbox:
    """One DOE mailbox; exchanges of several tasks take turns."""

    def __init__(
        self, function: ConfigSpace, offset: int, *, response_time: float = RESPONSE_TIME
    ) -> None:
        """Work the DOE capability at `offset`; `response_time` is in seconds."""
        self._function = function
        self._offset = offset
        self._response_time = response_time
        self._lock = asyncio.Lock()
        self._closed = False

    @property
    def binding(self) -> Binding:
        """A mailbox carries DOE objects."""
        return doe.DOE

    async def exchange(self, payload: bytes) -> bytes:
        """Send one DOE object, header included, and return the one that answers it.

        The object's own length field is not checked, so that wrong ones can be sent; its size must
        be a multiple of four bytes. Raises MailboxError, or what
        the way to the function raises.
        """
        if not payload or len(payload) % doe.DWORD:
            raise ValueError(f"{len(payload)} bytes are no whole number of DWORDs")
        async with self._lock:
            if self._closed:
                raise MailboxError("the mailbox was closed", None)
            if not (await self.status()).idle:
                await self._abort()  # what a cancelled exchange left behind
            try:
                return await self._exchange(payload)
            except MailboxError as error:
                if error.status is not None:
                    # If this fails too, the first failure says more, and the next exchange finds
                    # the mailbox as it is.
                    with contextlib.suppress(EmulatorError):
                        await self._abort()
                raise

    async def discover(self) -> list[tuple[int, int]]:
        """Every (vendor id, data object type) that Discovery lists."""
        found: list[tuple[int, int]] = []
        index = 0
        while True:
            reply = doe.parse(await self.exchange(doe.discovery_request(index)))
            found_kind = (reply.vendor, reply.kind, len(reply.payload))
            if found_kind != (doe.VENDOR_PCISIG, doe.DataObjectType.DISCOVERY, _DISCOVERED.size):
                raise MailboxError(f"Discovery of index {index} got {reply}", await self.status())
            vendor, kind, following = _DISCOVERED.unpack_from(reply.payload)
            found.append((vendor, kind))
            if following == 0:
                return found
            if following <= index:
                text = f"Discovery leads from index {index} back to {following}"
                raise MailboxError(text, await self.status())
            index = following

    async def status(self) -> MailboxStatus:
        """The status register as it is now."""
        return MailboxStatus((await self._function.read(self._offset + _STATUS))[0])

    async def abort(self) -> None:
        """Give up what is under way. Raises MailboxError if the mailbox does not become idle."""
        async with self._lock:
            await self._abort()

    async def close(self) -> None:
        """Refuse further exchanges; the mailbox itself stays."""
        self._closed = True

    async def _exchange(self, data_object: bytes) -> bytes:
        words = [value for (value,) in struct.iter_unpack("<I", data_object)]
        for start in range(0, len(words), _BATCH):
            await self._access(*((_WRITE, word) for word in words[start : start + _BATCH]))
        await self._go()
        await self._until_ready()
        return await self._receive()

    async def _go(self) -> None:
        """Tell the device that the object is whole."""
        await self._access((_CONTROL, _GO))

    async def _until_ready(self) -> None:
        clock = asyncio.get_running_loop()
        deadline = clock.time() + self._response_time
        while True:
            status = await self.status()
            if status.error:
                raise MailboxError("the mailbox reports an error", status)
            if status.ready:
                return
            if clock.time() >= deadline:
                raise MailboxTimeout(f"no response within {self._response_time:g} s", status)
            await asyncio.sleep(_POLL)

    async def _receive(self) -> bytes:
        """Read the object that is ready, by the length in its header."""
        taken = await self._take(_HEADER_DWORDS)
        dwords = doe.stated_size(taken) // doe.DWORD
        while len(taken) < dwords * doe.DWORD:
            await self._check(len(taken), dwords, ready=True)
            taken += await self._take(min(_BATCH, dwords - len(taken) // doe.DWORD))
        await self._check(len(taken), dwords, ready=False)
        return taken

    async def _take(self, dwords: int) -> bytes:
        """Read that many DWORDs and acknowledge each."""
        found = await self._access(*((_READ, None), (_READ, 0)) * dwords)
        return struct.pack(f"<{dwords}I", *found)

    async def _check(self, taken: int, dwords: int, *, ready: bool) -> None:
        """Hold the status against what should be left after `taken` bytes of the object."""
        status = await self.status()
        if status.error or status.ready != ready:
            size = "short" if ready or status.error else "long"
            raise MailboxError(
                f"the response is too {size}: its header says {dwords * doe.DWORD} bytes,"
                f" {taken} were read",
                status,
            )

    async def _abort(self) -> None:
        await self._access((_CONTROL, _ABORT))
        clock = asyncio.get_running_loop()
        deadline = clock.time() + self._response_time
        while not (status := await self.status()).idle:
            if clock.time() >= deadline:
                raise MailboxError(f"not idle {self._response_time:g} s after an abort", status)
            await asyncio.sleep(_POLL)

    async def _access(self, *registers: tuple[int, int | None]) -> list[int]:
        return await self._function.access(
            [(self._offset + register, value) for register, value in registers]
        )
