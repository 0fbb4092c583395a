"""Showing people what was found: verdicts and conversations on a console."""

from emulator.report.console import ConsoleReport
from emulator.report.conversation import Conversation, Told

__all__ = ["ConsoleReport", "Conversation", "Told"]
