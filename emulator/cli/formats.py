"""The formats that recordings have, as options name them."""

from enum import StrEnum


class RecordFormat(StrEnum):
    """The formats of a recording."""

    PCAPNG = "pcapng"
    PCAP = "pcap"
