"""Composes the handlers for the device."""

from emulator.responder.reply import Reply
from emulator.responder.responder import Responder
from emulator.responder.secured import Opened, SessionResponder

__all__ = ["Opened", "Reply", "Responder", "SessionResponder"]
