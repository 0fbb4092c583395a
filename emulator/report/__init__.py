"""Showing people what was found: verdicts, conversations, and two of them beside each other."""

# Their lines register themselves.
from emulator.report import information_meaning as information_meaning
from emulator.report import provisioning_meaning as provisioning_meaning
from emulator.report import session_meaning as session_meaning
from emulator.report.beside import Beside
from emulator.report.console import ConsoleReport
from emulator.report.conversation import Conversation, Told
from emulator.report.difference import FieldDifference, Row, compare, differences
from emulator.report.recorded import Entry, entries, entry_json, message_json, tell

__all__ = [
    "Beside",
    "ConsoleReport",
    "Conversation",
    "Entry",
    "FieldDifference",
    "Row",
    "Told",
    "compare",
    "differences",
    "entries",
    "entry_json",
    "message_json",
    "tell",
]
