"""Playing the device's side of a recorded conversation, to one peer."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from emulator.errors import FrameError
from emulator.record import Exchange, LinkType, Packet, data_object
from emulator.report import Conversation, Row, Told, differences, tell
from emulator.requester import Direction
from emulator.serve.run import ListenError
from emulator.tcp import set_nodelay
from emulator.transport.spdm_socket import (
    SERVER_HELLO,
    Command,
    Frame,
    FrameReader,
    TransportType,
)

log = logging.getLogger(__name__)

_READ = 65536

Hear = Callable[[Row, Told | None], None]
"""Told each request, as recorded (left) and as it came (right), and the reply to it."""


class Replies:
    """The recorded replies, given out in order whatever is asked.

    Attributes:
        rows: each request as recorded (left) and as it came (right).
    """

    def __init__(self, recorded: Sequence[Exchange], hear: Hear) -> None:
        self.rows: list[Row] = []
        self._left = list(recorded)
        self._hear = hear
        self._then = Conversation()
        self._now = Conversation()

    def answer(self, payload: bytes) -> bytes:
        """The recorded reply to the next request; none where the recording is over."""
        packet = Packet(0, LinkType.PCI_DOE, payload, Direction.REQUEST)
        found = tell(self._now, Direction.REQUEST, packet)
        if not self._left:
            self._add(Row(None, found), None)
            return b""
        exchange = self._left.pop(0)
        expected = tell(self._then, Direction.REQUEST, exchange.request)
        reply = exchange.reply
        told = None
        if reply is not None:
            told = tell(self._then, Direction.REPLY, reply)
            tell(self._now, Direction.REPLY, reply)
        self._add(Row(expected, found, differences(expected, found)), told)
        return (data_object(reply) or b"") if reply is not None else b""

    def finish(self) -> None:
        """Count what was recorded and not asked for."""
        for exchange in self._left:
            self._add(Row(tell(self._then, Direction.REQUEST, exchange.request), None), None)
        self._left.clear()

    def _add(self, row: Row, reply: Told | None) -> None:
        self.rows.append(row)
        self._hear(row, reply)


async def replay(
    recorded: Sequence[Exchange],
    host: str,
    port: int,
    *,
    ready: Callable[[str, int], None],
    hear: Hear,
) -> list[Row]:
    """Listen, give the first peer the recorded replies until it leaves, and return the requests.

    Raises ListenError when the address cannot be had.
    """
    replies = Replies(recorded, hear)
    done = asyncio.Event()
    taken = False

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        if not taken:
            taken = True
            set_nodelay(writer.get_extra_info("socket"))
            try:
                await _converse(replies, reader, writer)
            except (OSError, FrameError) as error:
                log.warning("the peer's stream is broken: %s", error)
            done.set()
        writer.close()

    try:
        server = await asyncio.start_server(peer, host, port)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ListenError(f"cannot listen on {host}:{port}: {reason}") from error
    async with server:
        name = server.sockets[0].getsockname()
        ready(name[0], name[1])
        await done.wait()
    replies.finish()
    return replies.rows


async def _converse(
    replies: Replies, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer one peer until it shuts the connection down or is gone."""
    frames = FrameReader()
    while data := await reader.read(_READ):
        for frame in frames.feed(data):
            writer.write(_reply(replies, frame).to_bytes())
            await writer.drain()
            if frame.command == Command.SHUTDOWN:
                return


def _reply(replies: Replies, frame: Frame) -> Frame:
    if frame.command == Command.NORMAL and frame.transport == TransportType.PCI_DOE:
        return Frame(Command.NORMAL, TransportType.PCI_DOE, replies.answer(frame.payload))
    if frame.command == Command.TEST:
        return Frame(Command.TEST, frame.transport, SERVER_HELLO)
    if frame.command in (Command.CONTINUE, Command.SHUTDOWN):
        return Frame(frame.command, frame.transport)
    return Frame(Command.UNKNOWN, frame.transport)
