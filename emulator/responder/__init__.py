"""Composes the handlers for the device."""

from emulator.responder.reply import Reply
from emulator.responder.responder import Responder

__all__ = ["Reply", "Responder"]
