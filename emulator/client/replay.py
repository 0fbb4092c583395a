"""Playing the requester's side of a recorded conversation."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from emulator.client.channel import Channel
from emulator.errors import PeerError
from emulator.record import Exchange, LinkType, Packet, data_object
from emulator.report import Conversation, Row, Told, differences, tell
from emulator.requester import Direction


async def replay(recorded: Sequence[Exchange], channel: Channel) -> AsyncIterator[tuple[Told, Row]]:
    """Send each recorded request and compare what comes back with the recorded reply.

    Yields the request, and the reply as recorded (left) and as it came (right). A request that
    cannot be sent again (`data_object` has none) is left out.
    """
    then, now = Conversation(), Conversation()
    for exchange in recorded:
        request = data_object(exchange.request)
        if request is None:
            continue
        told = tell(then, Direction.REQUEST, exchange.request)
        tell(now, Direction.REQUEST, exchange.request)
        expected = tell(then, Direction.REPLY, exchange.reply or _packet(b""))
        try:
            found = tell(now, Direction.REPLY, _packet(await channel.exchange(request)))
        except PeerError as error:
            found = replace(tell(now, Direction.REPLY, _packet(b"")), meaning=str(error))
        yield told, Row(expected, found, differences(expected, found))


def _packet(data: bytes) -> Packet:
    return Packet(0, LinkType.PCI_DOE, data, Direction.REPLY)
