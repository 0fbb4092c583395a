"""Composes the handlers for the device."""

from emulator.responder.doctor import Doctor
from emulator.responder.reply import Reply
from emulator.responder.responder import Responder
from emulator.responder.secured import Opened, SessionResponder

__all__ = ["Doctor", "Opened", "Reply", "Responder", "SessionResponder"]
