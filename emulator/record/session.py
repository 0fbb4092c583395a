"""The conversations in a recording, and what their packets carry."""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from emulator.record.packet import LinkType, Packet
from emulator.requester import Direction
from emulator.transport import doe

_MCTP_HEADER = 4
_MCTP_TYPE_MASK = 0x7F
_MCTP_SPDM, _MCTP_SECURED = 5, 6
_REQUEST_BIT = 0x80
_LEAST_MESSAGE = 2


class Kind(StrEnum):
    """What a packet carries."""

    SPDM = "spdm"
    SECURED = "secured"
    DISCOVERY = "discovery"
    NOTHING = "nothing"
    OTHER = "other"


@dataclass(frozen=True)
class Content:
    """What a packet carries.

    Attributes:
        kind: what it is.
        data: its bytes without the transport's header; padding may follow a message.
        reason: for OTHER: why it is nothing else.
    """

    kind: Kind
    data: bytes
    reason: str = ""


@dataclass(frozen=True)
class Session:
    """The packets of one connection to one device, in order.

    Attributes:
        device: the device's name, or '' where the file does not say.
        connection: its number, or 0 where the file does not say.
        packets: the packets; those with data have a direction.
    """

    device: str
    connection: int
    packets: tuple[Packet, ...]

    @property
    def title(self) -> str:
        """What a person calls it."""
        number = f"connection {self.connection}" if self.connection else "conversation"
        return f"{self.device} {number}".lstrip()


@dataclass(frozen=True)
class Exchange:
    """A request and what answered it, or None where nothing is recorded of that."""

    request: Packet
    reply: Packet | None


def exchanges(session: Session) -> list[Exchange]:
    """The requests of a conversation in order, each with the reply that follows it."""
    passed = [packet for packet in session.packets if packet.direction is not None]
    following: list[Packet | None] = [*passed[1:], None]
    return [
        Exchange(packet, after if after and after.direction is Direction.REPLY else None)
        for packet, after in zip(passed, following, strict=True)
        if packet.direction is Direction.REQUEST
    ]


def data_object(packet: Packet) -> bytes | None:
    """The DOE object that says again what `packet` said, or None where there can be none.

    A session's keys are new each time, so a secured message cannot be said again.
    """
    carried = content(packet)
    if carried.kind is Kind.SPDM:
        return doe.spdm_object(carried.data)
    if carried.kind is Kind.SECURED or (packet.data and packet.link != LinkType.PCI_DOE):
        return None
    return packet.data


def content(packet: Packet) -> Content:
    """What `packet` carries."""
    if not packet.data:
        return Content(Kind.NOTHING, b"")
    if packet.link == LinkType.PCI_DOE:
        return _data_object(packet.data)
    if packet.link == LinkType.MCTP:
        return _mctp(packet.data)
    return Content(Kind.OTHER, packet.data, f"link type {packet.link}, neither DOE nor MCTP")


def _data_object(data: bytes) -> Content:
    try:
        found = doe.parse(data)
    except doe.DataObjectError as error:
        return Content(Kind.OTHER, data, f"malformed data object: {error}")
    kinds = {
        doe.DataObjectType.CMA_SPDM: Kind.SPDM,
        doe.DataObjectType.SECURED_CMA_SPDM: Kind.SECURED,
        doe.DataObjectType.DISCOVERY: Kind.DISCOVERY,
    }
    if found.vendor == doe.VENDOR_PCISIG and found.kind in kinds:
        return Content(kinds[doe.DataObjectType(found.kind)], found.payload)
    reason = f"data object of vendor 0x{found.vendor:04x}, type {found.kind}"
    return Content(Kind.OTHER, found.payload, reason)


def _mctp(data: bytes) -> Content:
    kind = data[_MCTP_HEADER] & _MCTP_TYPE_MASK if len(data) > _MCTP_HEADER else None
    message = data[_MCTP_HEADER + 1 :]
    if kind == _MCTP_SPDM:
        return Content(Kind.SPDM, message)
    if kind == _MCTP_SECURED:
        return Content(Kind.SECURED, message)
    reason = "no MCTP message" if kind is None else f"MCTP message of type {kind}"
    return Content(Kind.OTHER, data, reason)


def sessions(packets: Iterable[Packet]) -> list[Session]:
    """The packets by device and connection, in the order these appear."""
    found: dict[tuple[str, int], list[Packet]] = {}
    for packet in packets:
        found.setdefault((packet.device, packet.connection), []).append(packet)
    return [Session(*key, tuple(_directed(those))) for key, those in found.items()]


def _directed(packets: Iterable[Packet]) -> Iterator[Packet]:
    """Each packet, its direction found out where the file does not say.

    SPDM's codes tell it; anything else answers what came before.
    """
    last = Direction.REPLY
    for packet in packets:
        if packet.direction is None and packet.data:
            carried = content(packet)
            if carried.kind is Kind.SPDM and len(carried.data) >= _LEAST_MESSAGE:
                asks = bool(carried.data[1] & _REQUEST_BIT)
            else:
                asks = last is Direction.REPLY
            direction = Direction.REQUEST if asks else Direction.REPLY
            yield dataclasses.replace(packet, direction=direction)
            last = direction
        else:
            yield packet
            last = packet.direction or last
