"""Recordings of conversations: pcapng and pcap, writing and reading.

`RecordedEndpoint` is an endpoint that a `Recorder` hears; `read` gives a file's packets, `sessions`
the conversations among them. Times and open files come from outside.
"""

from emulator.record.packet import LinkType, Packet
from emulator.record.recorder import ENCODERS, LIMIT, Recorder
from emulator.record.recording import Recording, read
from emulator.record.session import (
    Content,
    Exchange,
    Kind,
    Session,
    content,
    data_object,
    exchanges,
    sessions,
)
from emulator.record.tap import RecordedEndpoint
from emulator.record.tape import Tape

__all__ = [
    "ENCODERS",
    "LIMIT",
    "Content",
    "Exchange",
    "Kind",
    "LinkType",
    "Packet",
    "RecordedEndpoint",
    "Recorder",
    "Recording",
    "Session",
    "Tape",
    "content",
    "data_object",
    "exchanges",
    "read",
    "sessions",
]
