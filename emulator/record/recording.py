"""Reading a recording, whichever format it has."""

from dataclasses import dataclass

from emulator.errors import RecordingError
from emulator.record import pcap, pcapng
from emulator.record.packet import Packet


@dataclass(frozen=True)
class Recording:
    """What a file holds.

    Attributes:
        file: its name.
        format: `pcapng` or `pcap`.
        packets: every packet that could be read, in the file's order.
        problem: why it could not be read to its end, or None.
    """

    file: str
    format: str
    packets: tuple[Packet, ...]
    problem: RecordingError | None = None


def read(file: str, data: bytes) -> Recording:
    """The recording in `data`; what is whole of it comes back even where the rest is not.

    Raises RecordingError where it is no recording at all; `file` is its name in errors.
    """
    if data[:4] == pcapng.MAGIC:
        name, packets = "pcapng", pcapng.read(data)
    elif data[:4] in pcap.MAGICS:
        name, packets = "pcap", pcap.read(data)
    else:
        found = data[:4].hex(" ") or "an empty file"
        raise RecordingError(file, 0, f"{found} where a pcapng or pcap file begins")
    whole: list[Packet] = []
    try:
        whole.extend(packets)
    except pcap.Malformed as error:
        problem = RecordingError(file, error.offset, str(error))
        return Recording(file, name, tuple(whole), problem)
    return Recording(file, name, tuple(whole))
