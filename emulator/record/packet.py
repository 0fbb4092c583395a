"""One packet of a recording, whatever file it stands in."""

from dataclasses import dataclass
from enum import IntEnum

from emulator.requester import Direction


class LinkType(IntEnum):
    """What a packet's bytes are, by the numbers DMTF's tools use.

    Sources: spdm-emu `spdm_emu/spdm_emu_common/pcap.c` with
    libspdm `include/industry_standard/link_type_ex.h`.
    """

    MCTP = 291
    PCI_DOE = 292


@dataclass(frozen=True, slots=True)
class Packet:
    """What passed at one moment, or a remark on it.

    Attributes:
        time: nanoseconds since 1970, UTC.
        link: what `data` is, of LinkType where it is known.
        data: a whole DOE object or MCTP packet; empty where there are only comments.
        direction: which way it went, or None where the file does not say.
        device: the device's name, or '' where the file does not say.
        connection: the connection's number on its device, or 0 where the file does not say.
        comments: what is remarkable about it.
        offset: where it stands in its file, in bytes; 0 in one that is to be written.
    """

    time: int
    link: int
    data: bytes
    direction: Direction | None = None
    device: str = ""
    connection: int = 0
    comments: tuple[str, ...] = ()
    offset: int = 0
